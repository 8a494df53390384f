"""The page: layout and wiring, no logic.

What a control does, the browser does: every event here only says what is so now, as a DOM event
named `playground`, and static/main.js listens. So playing, pausing and choosing cost no request to
Gradio, and a test can read from the built Blocks which control says what.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency
from gradio.i18n import I18nData

from playground.api.gradio_endpoints import add_gradio_endpoints
from playground.i18n.translate import available_locales, catalog
from playground.page.components import MOUNT_TRAINING, START, html_component
from playground.page.head import gradio_head
from playground.service.playground import Playground

WORDS = "controls"  # the area of the messages that Gradio says
TEMPERATURE_RANGE = (0.1, 2.0)  # the API takes more; beyond this a learner sees nothing new


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of the page: its name in the code, its label, and what lays it out.

    A tab tells the drawer which session is its own with a DOM event on the document:
    `playground`, detail {action: "session", tab: name, session_id, step}.
    """

    name: str
    label: str | I18nData
    build: Callable[[], None]


def word(name: str) -> I18nData:
    """A word on a component of Gradio's, which puts it into the visitor's language itself."""
    return I18nData(f"{WORDS}.{name}")


def says(event: Callable[..., Dependency], action: str, *inputs: Component, **detail: str) -> None:
    """Wire an event to the browser: it dispatches `playground` with the action and a value."""
    said = json.dumps({"action": action, **detail})
    event(
        fn=None,
        inputs=list(inputs),
        js="(value) => { document.dispatchEvent("
        f"new CustomEvent('playground', {{detail: {{...{said}, value}}}})); return []; }}",
        trigger_mode="multiple",  # none is lost, however fast they come
        show_progress="hidden",
        api_visibility="private",
    )


def build_library() -> None:
    """Choose a session, and move along its training steps."""
    library = html_component(
        "library/library", script="element.addEventListener('range', () => trigger('range'))"
    )
    html_component("library/hub")
    steps = gr.Slider(
        0, 1, value=1, step=1, label=word("training_step"), buttons=[], elem_id="training-step"
    )
    html_component("library/learning")
    says(steps.input, "training-step", steps)
    # The script writes the range that fits the chosen session into data-range, numbers only.
    library.range(
        fn=None,
        js="() => JSON.parse(document.querySelector('#library [data-range]').dataset.range)",
        outputs=steps,
        show_progress="hidden",
        api_visibility="private",
    )


def build_learn() -> None:
    """Train a model live, and watch it."""
    html_component("training/learn", script=MOUNT_TRAINING)


TABS = (Tab("library", word("library"), build_library), Tab("learn", word("learn"), build_learn))


def build_drawer() -> None:
    """Input, controls, output and bars, from top to bottom.

    A column with a style of its own instead of `gr.Sidebar`: closed, that one keeps its controls in
    the tab order, and it has neither a backdrop nor a name for its toggle.
    """
    with gr.Column(elem_id="drawer"):
        html_component("playback/model")
        html_component("sharing/task")
        gr.Textbox(
            label=word("input"),
            lines=2,
            max_lines=2,
            placeholder=word("placeholder"),
            elem_id="input-text",
        )
        with gr.Row(elem_id="input-row"):
            html_component("playback/input-notes")
            gr.Button(word("clear"), size="sm", elem_id="clear")
        with gr.Row(elem_id="controls"):
            gr.Button(word("play"), variant="primary", elem_id="play", min_width=80)
            gr.Button(word("pause"), elem_id="pause", min_width=80)
            gr.Button(word("step"), elem_id="step", min_width=80)
            gr.Button(word("regenerate"), elem_id="regenerate", min_width=80)
        with gr.Row(elem_id="settings"):
            speed = gr.Slider(
                100, 2000, value=500, step=50, label=word("speed"), buttons=[], elem_id="speed"
            )
            pick = gr.Radio(
                [(word("top_choice"), "top"), (word("sample"), "sample")],
                value="top", label=word("pick"), elem_id="pick",
            )  # fmt: skip
        with gr.Row(elem_id="sampling"):
            temperature = gr.Slider(
                *TEMPERATURE_RANGE,
                value=1.0,
                step=0.1,
                label=word("temperature"),
                buttons=[],
                elem_id="temperature",
            )
            top_k = gr.Slider(
                0, 50, value=0, step=1, label=word("top_k"), buttons=[], elem_id="top-k"
            )
            top_p = gr.Slider(
                0.05, 1.0, value=1.0, step=0.05, label=word("top_p"), buttons=[], elem_id="top-p"
            )
            seed = gr.Number(
                label=word("seed"), value=None, placeholder=word("random"), precision=0, minimum=0,
                elem_id="seed",
            )  # fmt: skip
        player = html_component("playback/player", script=START)

    # The script hears the buttons and the text itself: an event of Gradio's comes a moment late,
    # a tick after Pause perhaps, and not at all for a text that wasn't typed on a keyboard.
    for setting, action in (
        (speed, "speed"), (temperature, "temperature"), (top_k, "top-k"), (top_p, "top-p"),
        (pick, "pick"), (seed, "seed"),
    ):  # fmt: skip
        says(setting.input, action, setting)
    # A link sets them too. The script writes the values into data-settings, an array of them.
    player.settings(
        fn=None,
        js="() => JSON.parse(document.querySelector('#player [data-settings]').dataset.settings)",
        outputs=[speed, pick, temperature, top_k, top_p, seed],
        show_progress="hidden",
        api_visibility="private",
    )


def build_page(service: Playground, tabs: Sequence[Tab] = TABS) -> gr.Blocks:
    """The whole page; `service` answers in Gradio's own API."""
    with gr.Blocks(title="Token Playground", fill_width=True) as demo:
        html_component("header")
        with gr.Tabs(elem_id="tabs"):
            for tab in tabs:
                with gr.Tab(tab.label, elem_id=f"tab-{tab.name}") as item:
                    tab.build()
                says(item.select, "tab", tab=tab.name)
        build_drawer()
        html_component("tutorial/guide")
        html_component("sharing/share")
        html_component("playback/keys")
        add_gradio_endpoints(service)
    demo.max_threads = 64
    demo.queue(default_concurrency_limit=8)
    demo.state_session_capacity = 1000
    return demo


def _theme() -> gr.themes.Base:
    """System fonts: the page is whole without a network. Colours are those of base.css."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    )


def _words() -> gr.I18n:
    """The words of `word`, in all languages."""
    return gr.I18n(
        **{
            language: {
                key: text for key, text in catalog(language).items() if key.startswith(WORDS + ".")
            }
            for language in available_locales()
        }
    )


def mount_arguments() -> dict[str, Any]:
    """The arguments of `gr.mount_gradio_app`, other than what and where."""
    return {
        "ssr_mode": False,
        "run_history": False,
        "mcp_server": True,
        "footer_links": ["api"],
        "theme": _theme(),
        "head": gradio_head(),
        "i18n": _words(),
    }
