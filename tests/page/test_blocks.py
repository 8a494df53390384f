"""The wiring of the page, read from the built Blocks."""

import asyncio
import re

import gradio as gr
import pytest

from playground.i18n.translate import translate
from playground.lm.sampling import TEMPERATURE_MAX, TOP_K_MAX
from playground.page import blocks as ui
from playground.page.bundle import FRONTEND as STATIC
from playground.page.head import gradio_head
from playground.service.playground import Playground
from playground.settings import Settings


def english(word):
    """A word on a component, as an English page shows it."""
    key = re.search(r'"key": "([\w.]+)"', str(word))
    return translate(key[1], "en") if key else word


SETTINGS = {"Speed", "Pick", "Temperature", "Top-k", "Top-p", "Seed"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory, write_model):
    folder = tmp_path_factory.mktemp("models")
    write_model(folder / "plain")
    service = Playground(Settings(models_dir=folder))
    second = ui.Tab("second", "Second", lambda: gr.Markdown("Another one."))

    async def build():  # in a loop: without one, Gradio makes its own and leaves it open
        return ui.build_page(service, (*ui.TABS, second))

    return asyncio.run(build())


def components(demo, kind):
    return [block for block in demo.blocks.values() if isinstance(block, kind)]


def events(demo):
    """Of each event of the page: what it is of, its name, and the event itself."""
    for event in demo.fns.values():
        for block_id, name in event.targets:
            if block_id is not None:
                yield demo.blocks[block_id], name, event


def said(event):
    return re.search(r'"action": "([a-z-]+)"', event.js).group(1)


def test_every_control_is_there_with_its_name(demo):
    buttons = {english(button.value): button.elem_id for button in components(demo, gr.Button)}
    assert buttons == {
        "Play": "play", "Pause": "pause", "Step": "step", "Regenerate": "regenerate",
        "Clear": "clear",
    }  # fmt: skip
    assert [english(box.label) for box in components(demo, gr.Textbox) if box.elem_id] == [
        "Input text"
    ]
    labels = {english(block.label) for block in components(demo, (gr.Slider, gr.Radio, gr.Number))}
    assert labels >= SETTINGS


def test_the_speed_goes_from_100_to_2000_ms_and_starts_at_500(demo):
    speed = next(s for s in components(demo, gr.Slider) if english(s.label) == "Speed")
    assert (speed.minimum, speed.maximum, speed.value) == (100, 2000, 500)


def test_the_settings_stay_within_what_the_api_takes(demo):
    sliders = {english(slider.label): slider for slider in components(demo, gr.Slider)}
    ranges = {label: (slider.minimum, slider.maximum) for label, slider in sliders.items()}
    low, high = ranges["Temperature"]
    assert 0 < low < 1 < high <= TEMPERATURE_MAX
    low, high = ranges["Top-k"]
    assert 0 == low < high <= TOP_K_MAX
    low, high = ranges["Top-p"]
    assert 0 < low < high == 1


def test_every_setting_says_what_it_is_now(demo):
    heard = {
        english(block.label): (name, said(event)) for block, name, event in events(demo)
        if english(getattr(block, "label", None)) in SETTINGS
    }  # fmt: skip
    assert heard == {
        "Speed": ("input", "speed"), "Pick": ("input", "pick"), "Seed": ("input", "seed"),
        "Temperature": ("input", "temperature"), "Top-k": ("input", "top-k"),
        "Top-p": ("input", "top-p"),
    }  # fmt: skip


def test_every_tab_says_its_name(demo):
    tabs = {
        english(block.label): event.js for block, name, event in events(demo) if name == "select"
    }
    assert set(tabs) == {"Library", "Watch it learn", "Second"}
    assert '"tab": "second"' in tabs["Second"]


def test_what_is_said_is_heard_by_the_script(demo):
    script = (STATIC / "main.js").read_text()
    actions = {said(event) for *_, event in events(demo) if '"action"' in (event.js or "")}
    actions |= {button.elem_id for button in components(demo, gr.Button)}
    pages = "".join(path.read_text() for path in STATIC.rglob("*.html"))
    actions |= set(re.findall(r'data-action="([a-z-]+)"', pages))
    for action in actions:
        assert re.search(rf'\n    "?{action}"?(:|,)', script), action


def test_the_page_needs_no_python_and_is_hidden_from_the_api(demo):
    seen = 0
    for _, _, event in events(demo):
        seen += 1
        assert event.fn is None
        assert event.js
        assert event.api_visibility == "private"
    tabs = [*ui.TABS, "Second"]
    assert seen == len(SETTINGS) + len(tabs) + 1  # and they take the values of a link
    assert set(demo.get_api_info()["named_endpoints"]) == {"/next_token", "/generate", "/sessions"}


def test_no_markup_of_a_piece_is_a_template(demo):
    for piece in components(demo, gr.HTML):
        assert not re.search(r"\$\{|\{\{|`", piece.html_template), piece.elem_id
        assert piece.value is None


def test_no_script_writes_markup():
    for path in STATIC.rglob("*.js"):
        assert not re.search(r"innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write|eval\(",
                             path.read_text()), path.name  # fmt: skip


def test_the_theme_and_the_styles_ask_no_other_host():
    fonts = [*ui.mount_arguments()["theme"]._font_css, *ui.mount_arguments()["theme"]._stylesheets]
    assert [font for font in fonts if "http" in font] == []
    assert not re.search(r"url\(['\"]?https?:|@import", gradio_head())
