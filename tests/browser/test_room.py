"""While it plays, text and odds are in sight together at every size, and nothing moves."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OVERLAPS
from tests.browser.test_fit import PARTS

SIZES = {
    "laptop": (1280, 800),
    "lying phone": (844, 390),
    "phone": (390, 844),
    "small phone": (320, 568),
}
FONTS = {
    "of the system": "/* */",
    "DejaVu Sans": "#drawer * { font-family: 'DejaVu Sans', sans-serif !important; }",
    "wide": "#drawer * { letter-spacing: 0.06em !important; }",
}

# Rows of bars, and lines of the text, that lie within the window and below nothing else.
IN_SIGHT = """() => {
  const isSeen = (element, { left, top, bottom }) => {
    if (top < 0 || bottom > innerHeight) return false;
    const hit = document.elementFromPoint(left + 20, (top + bottom) / 2);
    return element.contains(hit) || hit?.contains(element);
  };
  const rows = [...document.querySelectorAll("#drawer [data-token]")]
    .filter((row) => isSeen(row, row.getBoundingClientRect()));
  const output = document.querySelector(".output");
  const { top, bottom } = output.getBoundingClientRect();
  const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(output);
  const height = Math.min(bottom, innerHeight) - Math.max(0, top);
  const inside = height - parseFloat(paddingTop) - parseFloat(paddingBottom);
  return { rows: rows.length, lines: Math.floor(inside / parseFloat(lineHeight)) };
}"""
WATCH_SHIFTS = """() => {
  window.shifts = [];
  const nameOf = ({ node, previousRect, currentRect }) =>
    [node?.className ?? node?.textContent, previousRect.toJSON(), currentRect.toJSON()];
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => shifts.push(
    [entry.value, entry.hadRecentInput, entry.sources.map(nameOf)],
  ))).observe({ type: "layout-shift" });
}"""


def play(page):
    page.drawer.locator("#play").click()
    expect(page.drawer.locator(".output .generated").nth(2)).to_be_attached()


def in_sight(page):
    """The most that is seen in five looks: at a look, a row may be on its way to another place."""
    looks = []
    for _ in range(5):
        looks.append(page.page.evaluate(IN_SIGHT))
        if looks[-1]["rows"] >= 3:
            break
        page.page.wait_for_timeout(70)
    return max(looks, key=lambda look: look["rows"])


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("size", SIZES)
def test_text_and_odds_are_in_sight_together(visit, size, language):
    touch = {} if size == "laptop" else {"has_touch": True, "is_mobile": True}
    page = visit(SIZES[size], query=f"&lang={language}", wait=False, **touch)
    page.page.locator("[data-picked]").wait_for()
    page.page.evaluate("document.querySelector('#input-text textarea').blur()")
    for pick in range(2):
        page.drawer.locator("#pick input").nth(pick).evaluate("input => input.click()")
        page.drawer.evaluate("drawer => { drawer.scrollTop = 0; }")
        play(page)
        for font, css in FONTS.items():
            style = page.page.add_style_tag(content=css)
            page.page.wait_for_timeout(150)  # a bar is at rest within 80 ms
            seen = in_sight(page)
            assert seen["rows"] >= 3, (pick, font, seen)
            assert seen["lines"] >= 2, (pick, font, seen)
            assert page.page.evaluate(OVERLAPS, PARTS) == [], (pick, font)
            style.evaluate("style => style.remove()")
        page.drawer.locator("#pause").click()


@pytest.mark.parametrize(("size", "language"), [
    ("laptop", "de"), ("lying phone", "en"), ("phone", "de"), ("small phone", "de"),
])  # fmt: skip
def test_nothing_moves_while_a_hundred_characters_are_written(visit, size, language):
    touch = {} if size == "laptop" else {"has_touch": True, "is_mobile": True}
    page = visit(SIZES[size], query=f"&lang={language}", wait=False, **touch)
    page.page.locator("[data-picked]").wait_for()
    page.drawer.locator("#pick input").nth(1).evaluate("input => input.click()")
    page.drawer.locator("#speed input[type=range]").fill("100")
    play(page)
    page.page.wait_for_timeout(600)  # what a press of Play unfolds is not counted
    page.page.evaluate(WATCH_SHIFTS)
    page.drawer.locator(".output .generated").nth(100).wait_for(state="attached", timeout=30_000)
    shifts = page.page.evaluate("window.shifts")
    assert [shift for shift in shifts if not shift[1]] == []


def test_a_bar_belongs_to_its_character_and_is_soon_at_rest(visit):
    page = visit()
    page.page.evaluate(
        """() => {
          window.durations = [];
          const text = document.querySelector(".output");
          new MutationObserver(() => durations.push(...document.querySelector(".bars")
            .getAnimations({ subtree: true }).map((a) => a.effect.getComputedTiming().endTime),
          )).observe(text, { childList: true });
        }"""
    )
    element = page.options.nth(1)
    token, name = element.get_attribute("data-token"), element.get_attribute("id")
    page.button("Step").click()
    page.changes("The king shall")
    page.ready()
    if page.bars.locator(f"[data-token={token!r}]").count():
        assert page.bars.locator(f"[data-token={token!r}]").get_attribute("id") == name
    for _ in range(5):
        text = page.text()
        page.button("Step").click()
        page.changes(text)
        page.ready()
    durations = page.page.evaluate("window.durations")
    assert durations
    assert max(durations) <= 80


def test_the_choice_is_staged_and_steps_aside_for_speed_and_for_less_motion(visit):
    page = visit().sample()
    page.page.evaluate(
        """() => {
          window.staged = new Set();
          new MutationObserver((records) => {
            for (const { addedNodes } of records)
              for (const { className, offsetWidth } of addedNodes) if (className) {
                staged.add(className);
                if (className === "taken") window.takenWidth = offsetWidth;
              }
          }).observe(document.querySelector("#drawer"), { childList: true, subtree: true });
        }"""
    )
    page.slider("Speed").fill("500")
    page.button("Play").click()
    page.page.wait_for_function("staged.has('draw-ring') && staged.has('taken')", timeout=5000)
    assert 0 < page.page.evaluate("takenWidth") < 100, "it comes from elsewhere than its bar"
    expect(page.bars.locator(".candidate--chosen[data-picked]")).to_have_count(1)
    page.button("Pause").click()
    page.slider("Speed").fill("100")
    page.page.wait_for_timeout(600)
    page.page.evaluate("staged.clear()")
    text = page.text()
    page.button("Play").click()
    page.changes(text)
    page.page.wait_for_timeout(500)
    page.button("Pause").click()
    assert not {"draw-ring", "taken"} & set(page.page.evaluate("[...staged]"))


# Controls lower than 44 px, and fields in which iOS zooms. A radio button or a check box is found
# by its label; a link in a text is as high as the text.
SMALL = """root => [...document.querySelectorAll(
    `${root} :is(button, input, textarea, select, summary, [role=tab], #pick label)`)]
  .filter((e) => e.getClientRects().length && getComputedStyle(e).visibility === "visible")
  .filter((e) => e.closest("[aria-hidden=true], .visually-hidden") === null)
  .filter((e) => !e.matches("[type=radio], [type=checkbox], .vocabulary-size"))
  .map((e) => [e.ariaLabel || e.id || e.className, e.getBoundingClientRect().height,
    parseFloat(getComputedStyle(e).fontSize), e.type])
  .filter(([, height, font, type]) => height < 44 || (font < 16 &&
    ["number", "text", "search", "textarea", "select-one"].includes(type)))"""


def test_a_finger_finds_what_is_beside_the_drawer(visit):
    page = visit("phone", has_touch=True, is_mobile=True)
    page.button("Close").click()
    assert page.page.evaluate(SMALL, "#header") == []
    assert page.page.evaluate(SMALL, "#tabs") == []
    page.page.locator("#tab-learn-button").click()
    page.page.locator(".choice").nth(2).wait_for()
    page.page.locator("#learn-form summary").click()
    assert page.page.evaluate(SMALL, "#tabs") == []
    page.button("Playground").click()
    page.drawer.locator("[data-action=share]").click()
    page.page.evaluate(
        "document.querySelectorAll('#share-dialog details').forEach(d => d.open = true)"
    )
    assert page.page.evaluate(SMALL, "#share-dialog") == []


@pytest.mark.parametrize("size", ["phone", "small phone", "lying phone"])
def test_a_finger_finds_every_control(visit, size):
    page = visit(SIZES[size], has_touch=True, is_mobile=True)
    page.drawer.locator("#pick input").nth(1).evaluate("input => input.click()")
    page.page.wait_for_timeout(300)
    assert page.page.evaluate(SMALL, "#drawer") == []
    assert all(box.bounding_box()["height"] >= 32 for box in page.options.all())
    field = page.input
    for name in ("autocapitalize", "autocorrect", "spellcheck"):
        assert field.get_attribute(name) in ("off", "false"), name


@pytest.mark.parametrize("size", ["phone", "small phone", "lying phone"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_no_field_of_the_settings_lies_under_another_control(visit, size, language):
    page = visit(SIZES[size], query=f"&lang={language}", wait=False)
    page.page.locator("[data-picked]").wait_for()
    page.page.locator("#pick input").nth(1).evaluate("input => input.click()")
    expect(page.page.locator("#seed input")).to_be_visible()
    fields = page.page.locator(":is(#settings, #sampling) input[type=number]")
    assert fields.count() == 5
    for field in fields.all():
        field.scroll_into_view_if_needed()
        assert field.evaluate(
            """field => {
              const { x, y, width, height } = field.getBoundingClientRect();
              return document.elementFromPoint(x + width / 2, y + height / 2) === field;
            }"""
        ), field.get_attribute("aria-label")
