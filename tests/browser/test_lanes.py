"""Side by side: two lanes under the same random numbers, and where they part."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from playwright.sync_api import expect
from tokenizers import Tokenizer

from tests.browser.conftest import load_models, serving
from tests.browser.test_access import Audit, both_sizes
from tests.browser.test_explore import PROMPT
from tests.inference.pretrained import save


def lanes(page):
    """Open the panel."""
    page.button("Explore").click()
    page.page.get_by_role("tab", name="Side by side").click()
    expect(panel(page).locator("[data-lane=step]")).to_be_enabled()
    return page


def panel(page):
    return page.page.locator("[data-panel=lanes]")


def texts(page):
    return panel(page).locator(".lane__text")


def field(page, name):
    return panel(page).locator(f"[name={name}]")


def step(page, count):
    """Press Step so often; returns both texts then."""
    for _ in range(count):
        before = texts(page).first.text_content()
        panel(page).locator("[data-lane=step]").click()
        # Exactly: what is added may be a space.
        page.page.wait_for_function(
            """before => document.querySelector("[data-panel=lanes] .lane__text").textContent
              !== before""",
            arg=before,
        )
    return texts(page).all_text_contents()


@pytest.fixture(scope="module")
def same_tokens(models, tmp_path_factory):
    """A server with models of two architectures that have one tokenizer, and one with another."""
    folder = tmp_path_factory.mktemp("same-tokens")
    shutil.copytree(models / "plain", folder / "plain")
    for name in ("gpt2", "llama"):
        (folder / name).mkdir()
        save(name, folder / name)
    shutil.copytree(folder / "gpt2", folder / "other")
    path = folder / "other" / "tokenizer.json"
    swapped = json.loads(path.read_text())
    vocabulary = swapped["model"]["vocab"]
    one, two = Tokenizer.from_file(str(path)).encode("the house").tokens[:2]
    vocabulary[one], vocabulary[two] = vocabulary[two], vocabulary[one]
    path.write_text(json.dumps(swapped))
    with serving(folder) as (address, _):
        load_models(address, "gpt2", "llama", "other")
        yield address


def test_models_with_the_same_tokens_go_on_side_by_side(visit, same_tokens):
    page = visit(at=same_tokens, query="&model=gpt2&prompt=the+house+of&pick=top&v=1")
    lanes(page)
    names = field(page, "model").locator("option").all_text_contents()
    assert sorted(names) == ["gpt2", "llama"], "not the one whose tokens have other ids"
    field(page, "model").select_option("llama")
    step(page, 5)
    asked = {"context": "the house of", "temperature": 0}
    written = {
        name: page.ask("generate", session_id=name, n=5, **asked)["steps"]
        for name in ("gpt2", "llama")
    }
    ids = [one["token_id"] for one in written["gpt2"]]
    found = page.ask(
        "compare", session_id="gpt2", temperature=0, context="the house of", context_ids=ids[:-1],
        other={"session_id": "llama", "temperature": 0}, positions=5,
    )  # fmt: skip
    bits = [one["kl"] for one in found["divergences"]]
    now = panel(page).locator(".lanes__now")
    expect(now).to_contain_text(f"Now {bits[-1]:.2f} bits, {sum(bits) / 5:.2f} on average")
    parting = next(
        i for i, pair in enumerate(zip(*written.values(), strict=True))
        if pair[0]["token_id"] != pair[1]["token_id"]
    )  # fmt: skip
    said = panel(page).locator(".lanes__said")
    expect(said).to_contain_text(f"They part at token {parting + 1}: ")


def test_another_model_goes_on_beside_it_and_their_distance_is_the_servers(visit):
    page = visit()
    page.sample()
    seed = int(page.drawer.locator("#seed input").get_attribute("placeholder"))
    lanes(page)
    field(page, "model").select_option("other")
    field(page, "step").select_option("100")
    field(page, "pick").select_option("sample")
    field(page, "temperature").fill("0.5")
    field(page, "temperature").blur()
    upper, lower = step(page, 10)
    sampled = {"context": PROMPT, "n": 10, "seed": seed}
    for text, side in (
        (upper, {"session_id": "plain", "step": 1000, "temperature": 1}),
        (lower, {"session_id": "other", "step": 100, "temperature": 0.5}),
    ):
        steps = page.ask("generate", **side, **sampled)["steps"]
        assert text == PROMPT + "".join(one["token"] for one in steps)
    parting = next(i for i, pair in enumerate(zip(upper, lower, strict=True)) if len({*pair}) > 1)
    number = parting - len(PROMPT) + 1
    said = panel(page).locator(".lanes__said")
    expect(said).to_contain_text(f"They part at character {number}: ")
    marks = panel(page).locator(".lane__split").all_text_contents()
    assert [mark.strip("\u21b5") or "\n" for mark in marks] == [upper[parting], lower[parting]]
    other = {"session_id": "other", "step": 100, "temperature": 0.5}
    found = page.ask(
        "compare", session_id="plain", step=1000, temperature=1, other=other,
        context=upper[:-1], positions=10,
    )["divergences"]  # fmt: skip
    bits = [one["kl"] for one in found]
    now = panel(page).locator(".lanes__now")
    expect(now).to_contain_text(f"Now {bits[-1]:.2f} bits, {sum(bits) / 10:.2f} on average")
    points = panel(page).locator(".lanes__bits").get_attribute("points").split()
    heights = [36 - float(point.split(",")[1]) for point in points]
    assert heights == pytest.approx([32 * one / max(1, *bits) for one in bits], abs=0.02)


def test_two_identical_models_never_part(visit):
    page = visit()
    page.sample()
    page.slider("Speed").fill("100")
    lanes(page)
    field(page, "step").select_option("1000")
    panel(page).locator("[data-lane=play]").click()
    said = panel(page).locator(".lanes__said")
    expect(said).to_contain_text(re.compile(r"\d\d+ characters, the same in both"), timeout=20_000)
    panel(page).locator("[data-lane=play]").click()
    expect(panel(page).locator("[data-lane=play]")).to_have_text("Play")
    upper, lower = texts(page).all_text_contents()
    assert upper == lower
    expect(panel(page).locator(".lanes__parting")).to_have_count(0)
    expect(panel(page).locator(".lanes__now")).to_contain_text("Now 0.00 bits, 0.00 on average")


def test_only_models_with_the_same_vocabulary_are_offered_and_a_reload_keeps_the_choice(visit):
    page = visit()
    lanes(page)
    offered = field(page, "model").locator("option").all_text_contents()
    assert offered[0] == "plain"
    assert {"other", "names"} <= {*offered}
    assert "weird" not in offered
    field(page, "model").select_option("other")
    field(page, "step").select_option("10")
    expect(panel(page).locator(".lane__name").nth(1)).to_contain_text(
        "other · step 10 · top choice"
    )
    page.page.wait_for_timeout(700)
    page.page.reload()
    expect(panel(page).locator(".lane__name").nth(1)).to_contain_text(
        "other · step 10 · top choice"
    )


def test_on_a_phone_by_touch_in_german_the_lanes_stand_above_each_other(visit):
    page = visit("phone", locale="de-DE", has_touch=True, is_mobile=True, wait=False)
    expect(page.page.locator("[data-picked]")).to_have_count(1)
    page.page.locator(".explore-door").tap()
    page.page.get_by_role("tab", name="Nebeneinander").tap()
    play = panel(page).get_by_role("button", name="Abspielen")
    expect(play).to_be_enabled()
    play.tap()
    expect(panel(page).locator(".lanes__said")).to_contain_text("Zeichen")
    panel(page).get_by_role("button", name="Pause").tap()
    boxes = [texts(page).nth(index).bounding_box() for index in (0, 1)]
    assert boxes[0]["x"] == boxes[1]["x"]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    dialog = page.page.locator("#explore-dialog")
    assert dialog.evaluate("d => d.scrollWidth - d.clientWidth") == 0
    small = panel(page).evaluate(
        """panel => [...panel.querySelectorAll("button, input, select")]
          .filter((e) => e.getBoundingClientRect().height < 44).map((e) => e.outerHTML)"""
    )
    assert small == []


def test_the_lanes_by_keyboard_alone(visit):
    page = visit()
    page.page.locator(".explore-door").focus()
    page.page.keyboard.press("Enter")
    expect(page.page.locator("[role=treeitem]:focus")).to_have_count(1)
    page.page.keyboard.press("Shift+Tab")
    page.page.keyboard.press("End")
    page.page.keyboard.press("ArrowLeft")
    expect(panel(page).locator("[data-lane=step]")).to_be_enabled()
    for _ in range(5):  # model, step, pick, Play, Step: the temperature is off
        page.page.keyboard.press("Tab")
    expect(panel(page).locator("[data-lane=step]")).to_be_focused()
    page.page.keyboard.press("Enter")
    expect(panel(page).locator(".lanes__said")).not_to_contain_text("Press Play")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    expect(panel(page).locator(".lanes__said")).to_contain_text("Press Play")


def test_models_that_cannot_be_had_are_said(visit):
    page = visit(quiet=False)
    page.page.route("**/api/sessions/other", lambda route: route.abort())
    page.button("Explore").click()
    page.page.get_by_role("tab", name="Side by side").click()
    said = panel(page).locator(".lanes__said")
    expect(said).to_contain_text("The server can’t be reached")


@both_sizes
def test_axe_finds_nothing_beside_a_second_lane(visit, size):
    page = visit(size, quiet=False, reduced_motion="reduce")
    audit = Audit(page)
    lanes(page)
    audit.look("before")
    field(page, "step").select_option("0")
    step(page, 4)
    audit.look("two lanes")
    assert audit.found == []
