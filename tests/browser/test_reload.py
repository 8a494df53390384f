"""A reload, Back and Forward bring the same moment back, in every state that the page can be in."""

import shutil

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import serving
from tests.browser.test_access import COMPLETE
from tests.browser.test_kept import saved, written
from tests.browser.test_learn import ENDED, Learning
from tests.browser.test_states import give, select_tab, started

# What is on screen, but for what a request still under way would change.
SCREEN = """() => document.querySelector("#drawer")?.dataset.open && ({
  input: document.querySelector("#input-text textarea").value,
  output: document.querySelector(".output").textContent,
  written: document.querySelectorAll(".output .generated").length,
  bars: [...document.querySelectorAll("[data-token]")].map((row) => row.textContent),
  pick: document.querySelector("[data-picked]")?.dataset.token ?? null,
  model: document.querySelector(".model").textContent,
  status: document.querySelector("#drawer .status").textContent,
  counter: document.querySelector(".counter").textContent,
  settings: [...document.querySelectorAll("#settings input, #sampling input")]
    .map((field) => field.type === "radio" ? field.checked : field.value),
  disabled: [...document.querySelectorAll("#drawer button:disabled")]
    .map((button) => button.ariaLabel || button.textContent.trim()),
  tab: document.querySelector("[role=tab][aria-selected=true]").textContent.trim(),
  drawer: document.querySelector("#drawer").dataset.open,
})"""
SAME = f"seen => JSON.stringify(({SCREEN})()) === JSON.stringify(seen)"


def screen(page):
    """What is on screen once nothing changes any more."""
    seen = None
    for _ in range(50):
        before, seen = seen, page.page.evaluate(SCREEN)
        if seen and seen == before:
            return seen
        page.page.wait_for_timeout(300)
    raise AssertionError("the page does not come to rest")


def brings_back(page, seen):
    """Wait until the same is on screen, and stays there."""
    try:
        page.page.wait_for_function(SAME, arg=seen, timeout=8000)
    except Exception:
        assert page.page.evaluate(SCREEN) == seen
        raise
    assert screen(page) == seen


def no_input(page):
    page.button("Clear").click()
    expect(page.status).to_have_text("Type something to get started...")


def unknown_character(page):
    page.input.fill("é“😀")
    expect(page.drawer.locator(".unknown")).to_be_visible()


def beyond_the_window(page):
    page.write("x" * 200)
    written(page)


def paused_by_a_choice(page):
    page.slider("Speed").fill("150")
    page.options.nth(3).click()
    expect(page.output.locator(".generated")).to_have_count(1)
    written(page, 2)
    page.button("Undo").click()


def complete(page):
    page.use("names")
    while not page.status.inner_text().startswith("✓"):
        rows = {row.get_attribute("data-token"): row for row in page.options.all()}
        text = page.text()
        (rows.get("\n") or page.pick).click()
        page.changes(text)
        page.ready()
    expect(page.status).to_have_text("✓ Generation complete. Modify input to continue.")


def as_long_as_it_may_be(page):
    page.page.goto(f"{page.server}/?__theme=dark&{COMPLETE}")
    expect(page.status).to_have_text("✓ Reached max length (500 tokens)")


def sampled_at_an_earlier_step(page):
    page.use("other").sample()
    page.slider("Temperature").fill("0.5")
    page.write("The wood")
    written(page)
    page.slider("Training step").fill("2")
    expect(page.drawer.locator(".model__line")).to_contain_text("step 100")


def no_model(page):
    select_tab(page, "Second")
    expect(page.status).to_contain_text("No model trained")


def another_tab_with_the_bundled_model(page):
    select_tab(page, "Second")
    page.button("Use the bundled model").click()
    page.ready()
    page.write("Mine")
    written(page)


def another_tab_with_a_model_of_its_own(page):
    written(page)
    give(page, "second", "other")
    select_tab(page, "Second")
    page.ready()
    written(page, 2)
    page.slider("Training step").fill("1")
    expect(page.drawer.locator(".model__line")).to_contain_text("step 10")


def a_tab_that_waits_for_one_to_switch_back(page):
    give(page, "second", "other")
    started(page)
    select_tab(page, "Second")
    expect(page.status).to_have_text("⚠️ Switch back to Library to continue")


def a_model_that_is_not_ready(page):
    select_tab(page, "Second")
    give(page, "second", "untrained")
    page.input.fill("The king")
    expect(page.status).to_have_text("⚠️ Model initializing, try again")


def a_closed_drawer(page):
    written(page)
    page.button("Close").click()


STATES = [
    no_input, unknown_character, beyond_the_window, paused_by_a_choice, complete,
    as_long_as_it_may_be, sampled_at_an_earlier_step, no_model, another_tab_with_the_bundled_model,
    another_tab_with_a_model_of_its_own, a_tab_that_waits_for_one_to_switch_back,
    a_model_that_is_not_ready, a_closed_drawer,
]  # fmt: skip


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_reload_back_and_forward_bring_the_moment_back(visit, state):
    page = visit(quiet=False)
    state(page)
    seen = screen(page)
    saved(page)
    page.page.reload()
    brings_back(page, seen)
    saved(page)
    page.page.goto(f"{page.server}/?prompt=Second&v=1&__theme=dark")
    expect(page.page.locator("#player [data-picked]")).to_have_count(1)
    second = screen(page)
    assert second["output"] == "Second"
    saved(page)
    page.page.go_back()
    brings_back(page, seen)
    saved(page)
    page.page.go_forward()
    brings_back(page, second)


def test_a_held_tab_plays_on_after_a_reload_as_before(visit):
    page = visit()
    a_tab_that_waits_for_one_to_switch_back(page)
    text = page.text()
    saved(page)
    page.page.reload()
    expect(page.status).to_have_text("⚠️ Switch back to Library to continue")
    select_tab(page, "Library")
    page.ready()
    page.shows(text)
    written(page, 1)
    select_tab(page, "Second")
    page.ready()
    page.shows("Once upon")


@pytest.fixture
def ended(visit, server):
    """A training that was stopped, with a text that its model has begun."""
    tab = Learning(visit(quiet=False)).open()
    tab.choose("15K").set("Steps", 20).start()
    expect(tab.sentence).to_have_text("✓ Done: 20 steps.", timeout=20_000)
    tab.visit.write("Once more")
    written(tab.visit)
    yield tab
    if tab.session_id:
        httpx.delete(f"{server}/api/trainings/{tab.session_id}")


def test_a_training_that_is_done_is_there_after_a_reload(ended):
    seen = screen(ended.visit)
    saved(ended.visit)
    ended.page.reload()
    brings_back(ended.visit, seen)


def test_so_is_one_that_was_stopped(visit, server):
    tab = Learning(visit(quiet=False)).open()
    tab.choose("15K").watch_at(3).start()
    tab.wait_for_step(3)
    tab.visit.write("Once more")
    written(tab.visit)
    tab.button("Stop").click()
    expect(tab.visit.status).to_contain_text(ENDED)
    tab.visit.ready()
    seen = screen(tab.visit)
    saved(tab.visit)
    tab.page.reload()
    brings_back(tab.visit, seen)
    httpx.delete(f"{server}/api/trainings/{tab.session_id}")


def test_the_text_of_a_deleted_training_is_there_and_it_says_why_it_ends(ended, server):
    text = ended.visit.text()
    saved(ended.visit)
    ended.page.goto("about:blank")
    ended.page.go_back()
    ended.visit.ready()
    assert httpx.delete(f"{server}/api/trainings/{ended.session_id}").is_success
    ended.page.reload()
    expect(ended.visit.status).to_contain_text("Its model is gone; your text is still here.")
    ended.visit.shows(text)
    # The training's tab has dropped it by now: what the drawer says stays.
    expect(ended.button("Start")).to_be_visible()
    seen = screen(ended.visit)
    saved(ended.visit)
    ended.page.reload()
    brings_back(ended.visit, seen)
    ended.visit.button("Use the bundled model").click()
    ended.visit.ready()
    ended.visit.shows(text)


def test_a_model_that_is_gone_leaves_the_text_and_is_named(visit, models, tmp_path):
    folder = shutil.copytree(models, tmp_path / "models")
    with serving(folder) as (address, _):
        page = visit(at=address, quiet=False).use("other")
        page.write("Mine")
        text = written(page)
        saved(page)
    shutil.rmtree(folder / "other")
    with serving(folder, port=int(address.rsplit(":", 1)[1])):
        page.page.reload()
        page.ready()
        page.shows(text)
        expect(page.page.locator(".toast")).to_contain_text("other")
        expect(page.status).to_have_text("Written by other; plain goes on from here.")
        # It is said once: from now on the moment is one of the other model.
        seen = screen(page)
        saved(page)
        page.page.reload()
        brings_back(page, seen)
        expect(page.page.locator(".toast")).to_have_count(0)
