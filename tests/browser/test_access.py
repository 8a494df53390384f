"""The page for everyone: what axe finds, where the keyboard leads, what a screen reader is told."""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import urlencode

import httpx
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from playground.i18n.translate import translate
from tests.browser.conftest import LETTERS
from tests.browser.test_states import give, select_tab

both_sizes = pytest.mark.parametrize("size", ["laptop", "phone"])
AUDIT = """async (rules) => {
  await new Promise(requestAnimationFrame);
  const options = { resultTypes: ["violations"], ...(rules && { runOnly: rules }) };
  const { violations } = await axe.run(document, options);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, any, all, none }) =>
    [id, target.join(" "), [...any, ...all, ...none].map(({ message }) => message).join("; ")]));
}"""
KNOWS = f"Knows {len(LETTERS)} characters"
WEAR = "dark => document.body.classList.toggle('dark', dark)"
COMPLETE = urlencode({"prompt": "The", "length": 500, "written": "a" * 500, "v": 1})


class Audit:
    """What axe finds on a page, in whatever state that is brought to."""

    def __init__(self, visit):
        self.visit = visit
        self.page = visit.page
        self.found = []
        self.page.evaluate(AXE_SCRIPT)

    def look(self, state):
        """In the light theme only at what colours decide."""
        for theme, rules in (("dark", None), ("light", ["color-contrast"])):
            self.page.evaluate(
                "dark => document.body.classList.toggle('dark', dark)", theme == "dark"
            )
            self.found += [(state, theme, *wrong) for wrong in self.page.evaluate(AUDIT, rules)]
        self.page.evaluate(WEAR, True)

    def click(self, selector):
        self.page.locator(selector).click()

    def close_drawer(self):
        if self.visit.drawer.get_attribute("data-open") == "true":
            self.visit.button("Close").click()


@both_sizes
def test_axe_finds_nothing_in_the_drawer(visit, size):
    page = visit(size, quiet=False, reduced_motion="reduce")
    audit = Audit(page)
    audit.look("paused")
    page.sample().slider("Top-k").fill("3")
    audit.look("sample")
    audit.click(".vocabulary-size")
    audit.look("vocabulary")
    page.page.keyboard.press("Escape")
    page.slider("Speed").fill("100")
    page.button("Play").click()
    page.output.locator(".generated").nth(3).wait_for(state="attached")
    audit.look("playing")
    page.button("Pause").click()
    page.input.fill("ab " * 30)
    page.ready()
    audit.look("beyond the window")
    page.input.fill("é“😀")
    expect(page.drawer.locator(".unknown")).to_be_visible()
    audit.look("unknown characters")
    page.button("Clear").click()
    audit.look("no input")
    page.input.fill("The king")
    give(page, "library", "untrained")
    expect(page.button("Try again")).to_be_visible()
    audit.look("a notice and its remedy")
    page.page.goto(f"{page.server}/?__theme=dark&{COMPLETE}&seed=none")
    expect(page.status).to_contain_text("Reached max length")
    expect(page.page.locator(".toast")).to_contain_text("left out: seed")
    audit.page.evaluate(AXE_SCRIPT)
    audit.look("complete, with a toast")
    assert audit.found == []


@both_sizes
def test_axe_finds_nothing_in_the_dialogs_and_the_page(visit, size):
    page = visit(size, quiet=False, reduced_motion="reduce")
    audit = Audit(page)
    page.button("Keyboard shortcuts").click()
    audit.look("keys")
    page.page.keyboard.press("Escape")
    page.button("Share").click()
    for part in (".share__code", ".course", ".course__code"):
        audit.click(f"{part} > summary")
        expect(page.page.locator(f"{part} > :not(summary)").first).to_be_visible()
    audit.look("share")
    page.page.keyboard.press("Escape")
    audit.close_drawer()
    audit.look("library")
    page.page.get_by_role("textbox", name="Hub model").fill("nothing")
    page.button("Load").click()
    expect(page.page.locator(".hub__failure")).not_to_be_empty()
    audit.look("a model that can't be loaded")
    page.button("Tutorial").click()
    expect(page.page.locator(".guide")).to_be_visible()
    audit.look("tutorial")
    audit.click(".guide__all")
    audit.look("all lessons")
    page.page.keyboard.press("Escape")
    audit.click("[data-guide=leave]")
    audit.close_drawer()
    select_tab(page, "Second")
    page.button("Playground").click()
    expect(page.button("Use the bundled model")).to_be_visible()
    audit.look("no model")
    assert audit.found == []


@both_sizes
def test_axe_finds_nothing_where_a_model_learns(visit, size):
    page = visit(size, quiet=False, reduced_motion="reduce")
    audit = Audit(page)
    audit.close_drawer()
    select_tab(page, "Watch it learn")
    page.page.locator(".choice").nth(2).wait_for()
    audit.click(".advanced summary")
    audit.look("form")
    try:
        page.button("Start training").click()
        expect(page.button("Pause training")).to_be_focused()
        page.page.locator(".plot--loss circle").nth(2).wait_for(state="attached")
        audit.look("running")
        page.button("Stop training").click()
        expect(page.page.locator(".run__sentence")).to_contain_text("Stopped at step")
        audit.look("stopped")
        assert page.page.evaluate("document.activeElement !== document.body")
        page.button("New training").click()
        audit.look("form, with a model of one's own")
        page.page.get_by_label("Steps").and_(page.page.locator(".field__input")).fill("20")
        page.button("Start training").click()
        expect(page.page.locator(".run__sentence")).to_contain_text("Done")
        audit.look("done")
    finally:
        visitor = page.page.evaluate("localStorage['token-playground.visitor']")
        own = httpx.get(f"{page.server}/api/trainings", params={"visitor": visitor}).json()
        for training in own["trainings"]:
            httpx.delete(f"{page.server}/api/trainings/{training['session_id']}")
    assert audit.found == []


@both_sizes
def test_axe_finds_nothing_in_a_frame(visit, size):
    page = visit(size, query="&view=embed&task=Look&done=tokens:3", reduced_motion="reduce")
    audit = Audit(page)
    audit.look("embedded")
    page.button("Play").click()
    page.output.locator(".generated").nth(2).wait_for(state="attached")
    audit.look("embedded, playing")
    assert audit.found == []


def focused(page):
    """Role and name of what has the focus, as a screen reader says them."""
    assert page.page.evaluate("document.activeElement !== document.body"), "the focus is lost"
    return page.page.locator(":focus").aria_snapshot().split("\n")[0].lstrip("- ").rstrip(":")


def ring_shows(page):
    """Whether the focus can be seen: the page looks another without it."""
    box = page.page.evaluate(
        """() => {
          const e = document.activeElement;
          const around = e.closest(".card, #pick label, .choice") ?? e;
          const { x, y, width, height } = around.getBoundingClientRect();
          const [left, top] = [Math.max(0, x - 6), Math.max(0, y - 6)];
          return { x: left, y: top, width: width + 12, height: height + 12 };
        }"""
    )
    with_it = page.page.screenshot(clip=box)
    page.page.evaluate("window.left = document.activeElement; left.blur()")
    without = page.page.screenshot(clip=box)
    page.page.evaluate("left.focus({ preventScroll: true })")
    return with_it != without


BEEN_HERE = """() => {
  window.been ??= new Set();
  return been.has(document.activeElement) || !been.add(document.activeElement);
}"""
STOPS = {
    "page": ["Tutorial", "Playground", "Library", "Watch it learn", "Hub model", "Load",
             "Published models"],
    "drawer": ["Share", "Close", "Input text", KNOWS, "Clear", "Play", "Step", "Write more",
               "Training step",
               "Speed as a number", "Speed", "Top choice", "Temperature", "Top-k", "Top-p", "Seed",
               "Generated output", "Explore", "Keyboard shortcuts", "Next-token probabilities"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("size", "is_open"), [("laptop", True), ("laptop", False), ("phone", True), ("phone", False)]
)
def test_the_keyboard_reaches_everything_and_one_sees_where_it_is(visit, size, is_open):
    page = visit(size, reduced_motion="reduce").sample()
    if not is_open:
        page.button("Close").click()
    page.page.locator("h1").evaluate("h1 => { h1.tabIndex = -1; h1.focus(); }")  # Tab begins here
    parts = ["page"] * (not is_open or size == "laptop") + ["drawer"] * is_open
    expected = [name for part in parts for name in STOPS[part]]
    walked = []
    for _ in range(40):
        page.page.keyboard.press("Tab")
        if page.page.evaluate("document.activeElement === document.body"):
            break  # in a browser: its address bar
        if page.page.evaluate(BEEN_HERE):
            break  # around, in a drawer that keeps it
        stop = focused(page)
        walked.append(stop)
        assert re.search(r'"[^"]+"|^text: .', stop), f"{stop} has no name"
        assert ring_shows(page), f"one cannot see that {stop} has the focus"
    missing = [name for name in expected if not any(name in stop for stop in walked)]
    assert missing == [], "\n".join(walked)


def test_the_focus_is_never_lost(visit):
    page = visit(quiet=False)
    keyboard = page.page.keyboard

    def after(name):
        page.page.wait_for_timeout(150)
        at = focused(page)
        assert name in at, at

    page.slider("Speed").fill("2000")
    page.button("Play").focus()
    keyboard.press("Space")
    after("Pause")
    keyboard.press("Space")
    after("Play")
    page.button("Regenerate").focus()
    keyboard.press("Enter")
    expect(page.button("Regenerate")).to_be_disabled()
    after("Play")
    page.button("Clear").focus()
    keyboard.press("Enter")
    after("Input text")
    page.input.fill("é")
    page.button("Replace them").focus()
    keyboard.press("Enter")
    after("Undo")
    for name in (KNOWS, "Keyboard shortcuts", "Share"):
        page.button(name).focus()
        keyboard.press("Enter")
        page.page.wait_for_timeout(100)
        keyboard.press("Escape")
        after(name)
    page.drawer.focus()
    keyboard.press("Shift+?")
    expect(page.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.page.locator("#keys-dialog").get_by_role("button", name="Close").click()
    after("Playground")
    page.page.get_by_role("tab", name="Second").focus()
    keyboard.press("Enter")
    after("Second")
    page.button("Use the bundled model").focus()
    keyboard.press("Enter")
    expect(page.button("Use the bundled model")).to_be_hidden()
    assert page.drawer.locator(".status").evaluate("s => s.contains(document.activeElement)")
    page.page.goto(f"{page.server}/?{COMPLETE.replace('500', '499').replace('a' * 500, 'a' * 499)}")
    page.ready()
    page.button("Step").focus()
    keyboard.press("Enter")
    expect(page.status).to_contain_text("Reached max length")
    after("Regenerate")


def test_the_sheet_of_keys(visit):
    page = visit()
    sheet = page.page.get_by_role("dialog", name="Keyboard shortcuts")
    page.input.focus()
    page.page.keyboard.type("?")
    expect(sheet).to_be_hidden()
    expect(page.input).to_have_value("The king shall?")
    page.slider("Speed").focus()
    page.page.keyboard.press("?")
    expect(sheet).to_be_visible()
    keys = sheet.locator("kbd").all_inner_texts()
    assert keys == ["Space", "↑", "↓", "Enter", "←", "→", "Home", "End", "Esc", "?"]
    page.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.page.locator("h1").click()
    page.page.keyboard.press("?")  # the focus is nowhere
    expect(sheet).to_be_visible()
    page.page.keyboard.press("Space")
    expect(page.button("Pause")).to_be_disabled()


LISTEN = """() => {
  window.heard = [];
  for (const [region, name] of [[".voice", "voice"], [".status__text", "status"]]) {
    new MutationObserver(([{ target }]) => {
      const { textContent } = document.querySelector("#drawer " + region);
      window.heard.push([name, textContent, performance.now()]);
    }).observe(document.querySelector("#drawer " + region),
      { subtree: true, childList: true, characterData: true });
  }
}"""


def heard(page, name):
    return [(text, at) for where, text, at in page.page.evaluate("heard") if where == name]


def use_locale(text):
    """A text as it is read, without what separates its words."""
    return re.sub(r"\s+", "", text.replace("\n", "new line"))


def test_what_is_written_is_read_in_order_at_a_pace_that_one_can_follow(visit):
    page = visit()
    assert page.page.locator(".voice").get_attribute("aria-live") == "polite"
    page.slider("Speed").fill("100")
    page.page.evaluate(LISTEN)
    page.button("Play").click()
    page.output.locator(".generated").nth(60).wait_for(state="attached")
    assert page.bars.get_attribute("aria-activedescendant") is None
    page.button("Pause").click()
    text = page.text().removeprefix("The king shall")
    page.page.wait_for_function(
        "said => heard.filter(([name]) => name === 'voice').length === said",
        arg=len(heard(page, "voice")) + 1,
    )
    sentences = heard(page, "voice")
    assert len(sentences) in (3, 4)
    assert all(sentence.startswith("wrote: ") for sentence, _ in sentences)
    assert use_locale("".join(sentence[7:] for sentence, _ in sentences)) == use_locale(text)
    times = [at for _, at in sentences]
    assert all(later - sooner >= 2400 for sooner, later in pairwise(times))
    states = [state for state, _ in heard(page, "status")]
    assert states == [translate("status.playing"), translate("status.paused")]


def test_a_choice_is_read_with_its_odds(visit):
    page = visit()
    page.page.evaluate(LISTEN)
    page.bars.focus()
    page.page.keyboard.press("ArrowDown")
    row = page.options.nth(1)
    expect(page.bars).to_have_attribute("aria-activedescendant", row.get_attribute("id"))
    percent = round(float(row.locator(".candidate__value").inner_text().split()[0]))
    token = row.get_attribute("data-token")
    page.page.keyboard.press("Enter")
    page.shows("The king shall" + token)
    (sentence, _), *more = heard(page, "voice")
    assert more == []
    assert re.fullmatch(rf"chose [\w ]+, {percent} percent", sentence), sentence
    assert len(heard(page, "status")) <= 2  # a wait, perhaps
