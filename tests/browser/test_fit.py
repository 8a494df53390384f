"""The page fits whoever looks at it: languages, zoom, right-to-left text, colours, no motion."""

import pytest
from playwright.sync_api import expect

from playground.i18n import translate as messages
from tests.browser.test_look import OVERLAPS
from tests.browser.test_states import select_tab

# What is wider than its room, or a button whose words and sign don't stand in one line.
CUT_OFF = """() => {
  const seen = (e) => !e.closest("[inert], .voice") &&
    e.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
  const texts = "button, label, summary, legend, h1, h2, h3, p, .button, [data-testid=block-info]";
  const wide = all(texts).filter((e) =>
    getComputedStyle(e).display !== "inline" && e.scrollWidth > e.clientWidth + 1);
  const tall = all("#drawer button, #header button, [role=tab], #pick label").filter((e) => {
    const range = document.createRange();
    range.selectNodeContents(e);
    const middle = e.getBoundingClientRect().top + e.clientHeight / 2;
    return [...range.getClientRects()].some(({ top, bottom, width }) =>
      width > 1 && Math.abs((top + bottom) / 2 - middle) > 6);
  });
  return [...wide, ...tall].map((e) => [e.id || e.className, e.textContent.trim().slice(0, 40)]);
}"""
PARTS = (
    "#drawer :is(button, textarea, input[type=range], .output, .status, .candidates, .counter, h3)"
)
SIZES = {"laptop": (1280, 800), "phone": (390, 844), "narrow": (320, 640), "zoomed": (640, 400)}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("language", messages.available_locales())
def test_the_longest_still_fit(visit, language, size):
    page = visit(size, query=f"&lang={language}", wait=False, reduced_motion="reduce")
    page.page.locator("[data-picked]").wait_for()

    def fits(state):
        page.page.evaluate("new Promise(requestAnimationFrame)")
        assert page.page.evaluate(CUT_OFF) == [], state
        assert page.page.evaluate(OVERLAPS, PARTS) == [], state
        assert page.drawer.evaluate("d => d.scrollWidth - d.clientWidth") == 0, state
        assert page.page.evaluate("document.documentElement.scrollWidth") == size[0], state

    fits("paused")
    page.drawer.locator("#pick label").nth(1).click()
    expect(page.drawer).to_have_attribute("data-pick", "sample")
    fits("sample")
    page.drawer.locator("#input-text textarea").fill("é“😀" + " ab" * 30)
    expect(page.drawer.locator(".unknown")).to_be_visible()
    fits("unknown characters, beyond the window")
    for action in ("keys", "share"):
        page.drawer.locator(f"[data-action={action}]").click()
        fits(action)
        page.page.keyboard.press("Escape")
    page.drawer.locator("[data-action=close]").click()
    fits("library")
    page.page.locator("#tab-learn-button").click()
    page.page.locator(".choice").nth(2).wait_for()
    fits("watch it learn")


@pytest.mark.parametrize("size", [SIZES["zoomed"], SIZES["narrow"]], ids=["zoomed", "narrow"])
def test_at_200_percent_and_more_everything_can_be_scrolled_to(visit, size):
    page = visit(size)
    buttons = [page.button("Close"), page.button("Regenerate")]
    bars = [page.options.first, page.drawer.locator(".candidate--other")]
    for part in (*buttons, page.input, page.slider("Speed"), page.output, *bars):
        part.scroll_into_view_if_needed()
        expect(part).to_be_in_viewport(ratio=1)
    page.slider("Training step").scroll_into_view_if_needed()
    expect(page.slider("Training step")).to_be_in_viewport(ratio=1)
    page.button("Close").click()
    select_tab(page, "Watch it learn")
    page.button("Start training").scroll_into_view_if_needed()
    expect(page.button("Start training")).to_be_in_viewport(ratio=1)


def test_nothing_moves_for_those_who_asked_for_that(visit):
    page = visit(reduced_motion="reduce")
    moving = "document.getAnimations().filter(a => a.playState === 'running').length"
    page.slider("Speed").fill("100")
    page.button("Play").click()
    for count in (2, 5):
        page.output.locator(".generated").nth(count).wait_for(state="attached")
        assert page.page.evaluate(moving) == 0
    cursor = page.output.locator(".cursor")
    expect(cursor).to_be_visible()  # but it does not blink
    assert cursor.evaluate("c => getComputedStyle(c).animationName") == "none"
    page.button("Close").click()
    assert page.drawer.evaluate("d => d.getBoundingClientRect().left") == 1280
    page.button("Playground").click()
    assert page.drawer.evaluate("d => d.getBoundingClientRect().left") == 800
    assert page.page.evaluate(moving) == 0


def test_right_to_left_text_begins_on_the_right(visit):
    page = visit().use("weird")
    page.write("\u05d0\u05d1 = \u05d1")
    for part in (page.input, page.output):
        assert part.evaluate("e => getComputedStyle(e).direction") == "rtl"
    text, room = page.page.evaluate(
        """() => {
              const range = document.createRange();
              range.selectNodeContents(document.querySelector(".output .typed:not(.outside)"));
              const output = document.querySelector(".output").getBoundingClientRect();
              return [range.getBoundingClientRect().right, output.right];
            }"""
    )
    assert room - 20 < text <= room
    page.button("Step").click()
    expect(page.output.locator(".generated")).to_have_count(1)
    for row in page.options.all():
        name = row.locator(".candidate__name")
        assert name.evaluate("n => getComputedStyle(n).unicodeBidi") == "isolate"
        boxes = [name.bounding_box(), row.locator(".candidate__bar").bounding_box()]
        assert boxes[0]["x"] < boxes[1]["x"]
    page.write("let \u05d0")
    assert page.output.evaluate("e => getComputedStyle(e).direction") == "ltr"


def test_bars_pick_and_signs_are_seen_in_the_system_s_colours(visit):
    page = visit(forced_colors="active")
    background = "(e, part) => getComputedStyle(e, part).backgroundColor"
    paper = page.drawer.evaluate(background, None)
    bar = page.options.nth(3).locator(".candidate__bar")
    assert bar.evaluate(background, "::before") != paper
    assert page.pick.locator(".candidate__bar").evaluate(background, "::before") != paper
    outline = "e => getComputedStyle(e).outlineStyle"
    assert page.pick.evaluate(outline) == "solid"  # it is the highlighted one, too
    assert page.options.nth(3).evaluate(outline) == "none"
    assert page.drawer.locator("#pick label").first.evaluate(outline) == "solid"
    assert page.drawer.locator("#pick label").nth(1).evaluate(outline) == "none"
    for sign in ("#play", "#step"):
        assert page.drawer.locator(sign).evaluate(background, "::before") != paper
    page.input.fill("é x")
    mark = page.drawer.locator(".mirror mark")
    assert mark.evaluate(background, None) != page.input.evaluate(background, None)
