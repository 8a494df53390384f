"""The tour through the lessons: walked, left, resumed, and out of the way."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import CONTRAST, SIZES
from tests.browser.test_look import everywhere
from tests.browser.tour import LANGUAGES, NAMES


@pytest.mark.parametrize("size", SIZES)
def test_the_whole_tour_is_walked_by_keyboard_alone(tour, size):
    page = tour(None, size)
    page.visit.ready()
    keyboard = page.page.keyboard
    if size == "phone":
        keyboard.press("Escape")  # the drawer lies over the header: back to the button beside
        expect(page.visit.button("Playground")).to_be_focused()
    for _ in range(12):
        if page.tutorial.evaluate("button => button === document.activeElement"):
            break
        keyboard.press("Shift+Tab" if size == "phone" else "Tab")
    expect(page.tutorial).to_be_focused()
    keyboard.press("Enter")
    for number in range(1, len(NAMES) + 1):
        page.is_at(number)
        last = number == len(NAMES)
        following = page.button("guide.finish" if last else "guide.next")
        for _ in range(3 + (number > 1)):  # the words, Back where there is one, and Next
            keyboard.press("Tab")
            if following.evaluate("button => button === document.activeElement"):
                break
        expect(following).to_be_focused()
        keyboard.press("Space" if number % 2 else "Enter")
    expect(page.panel).to_be_hidden()
    if size == "phone":  # where the last lesson's drawer lies over the button
        expect(page.visit.drawer).to_be_focused()
        keyboard.press("Escape")
        keyboard.press("Shift+Tab")
    expect(page.tutorial).to_be_focused()
    keyboard.press("Enter")
    page.is_at(1)  # after the end it begins anew


@pytest.mark.parametrize("size", SIZES)
def test_drawer_and_panel_are_one_round_of_tabs(tour, size):
    page = tour(2, size)
    page.visit.ready()
    expect(page.visit.drawer).not_to_have_attribute("aria-modal", "true")
    inside = "at => at.contains(document.activeElement)"
    seen = set()
    for _ in range(40):
        page.page.keyboard.press("Tab")
        seen |= {at for at in ("#drawer", ".guide") if page.page.locator(at).evaluate(inside)}
    assert seen == {"#drawer", ".guide"}


def test_the_drawers_keys_work_on_the_words_but_not_on_the_buttons(lesson):
    page = lesson(3)
    keyboard = page.page.keyboard
    keyboard.press("Space")
    expect(page.visit.button("Pause")).to_be_enabled()
    keyboard.press("Tab")
    expect(page.words).to_be_focused()
    keyboard.press("Space")
    expect(page.visit.button("Play")).to_be_enabled()
    page.button("guide.next").focus()
    keyboard.press("Space")
    page.is_at(4)
    expect(page.visit.button("Play")).to_be_enabled()


@pytest.mark.parametrize("size", SIZES)
def test_escape_leaves_the_tour_and_not_the_drawer(tour, size):
    page = tour(2, size)
    page.visit.ready()
    page.page.keyboard.press("Escape")
    expect(page.panel).to_be_hidden()
    expect(page.visit.drawer).to_be_visible()
    # On a phone the button lies behind the drawer.
    expect(page.tutorial if size == "laptop" else page.visit.drawer).to_be_focused()
    container = page.page.locator(".gradio-container")
    assert container.evaluate("page => getComputedStyle(page).paddingBottom") == "0px"


def test_any_lesson_is_a_click_away_and_escape_closes_only_the_list(lesson):
    page = lesson(1)
    every = page.button("guide.all_lessons", number=1, total=len(NAMES))
    every.click()
    entries = page.panel.get_by_role("listitem")
    expect(entries).to_have_count(len(NAMES))
    expect(entries.first.get_by_role("button")).to_be_focused()
    page.page.keyboard.press("Escape")
    expect(entries.first).to_be_hidden()
    expect(every).to_be_focused()
    every.click()
    entries.nth(4).get_by_role("button").click()
    page.is_at(5)
    expect(page.page.locator(".guide__seen")).to_have_count(2)


NO_STORAGE = """Object.defineProperty(window, "localStorage", { get() {
  if (window.visited) return { clear() {} };
  throw new DOMException("denied", "SecurityError");
} })"""


@pytest.mark.parametrize("storage", ["allowed", "blocked"])
def test_it_can_be_left_and_resumed(tour, storage):
    page = tour(None)
    if storage == "blocked":
        page.page.add_init_script(NO_STORAGE)
        page.page.reload()
    page.visit.ready()
    page.tutorial.click()
    page.is_at(1)
    page.button("guide.next").click()
    page.is_at(2)
    page.button("guide.leave").click()
    expect(page.panel).to_be_hidden()
    expect(page.tutorial).to_be_focused()
    page.tutorial.click()
    page.is_at(2)
    page.page.wait_for_timeout(700)  # until the moment is kept
    page.page.reload()
    page.visit.ready()
    expect(page.panel).to_be_visible()
    place = page.say("guide.place", number=2, total=len(NAMES))
    expect(page.panel.locator(".guide__all")).to_have_text(place)
    page.page.evaluate("window.visited = true")  # what follows the test may have a storage


@pytest.mark.parametrize(("asked", "number"), [("3", 3), ("6-training", 6)])
def test_an_address_leads_to_a_lesson(tour, asked, number):
    tour(asked).is_at(number)


@pytest.mark.parametrize("asked", ["what", "99", "0", "<b>"])
def test_an_address_without_a_lesson_says_so(tour, asked):
    page = tour(None, more=f"&lesson={asked}")
    expect(page.page.locator(".toast")).to_have_text(page.say("guide.gone"))
    expect(page.panel).to_be_hidden()
    page.tutorial.click()
    page.is_at(1)


def test_without_its_lessons_the_page_goes_on(tour):
    page = tour(None, quiet=False)
    page.visit.ready()
    page.page.route("**/lessons.json*", lambda route: route.abort())
    page.tutorial.click()
    expect(page.page.locator(".toast")).to_have_text(page.say("failure.network"))
    expect(page.panel).to_be_hidden()
    page.page.unroute("**/lessons.json*")
    page.tutorial.click()
    page.is_at(1)


# Its look


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_it_covers_nothing_and_folds_to_a_line(tour, size, language):
    page = tour(1, size, language=language)
    height = page.page.viewport_size["height"]
    for number in range(1, len(NAMES) + 1):
        page.is_at(number)
        panel = page.panel.bounding_box()
        assert panel["height"] <= (0.4 if size == "phone" else 0.45) * height
        assert panel["y"] + panel["height"] == height
        if page.visit.drawer.is_visible():
            page.page.wait_for_function("!document.querySelector('#drawer').getAnimations().length")
            drawer = page.visit.drawer.bounding_box()
            panel = page.panel.bounding_box()  # narrower since the drawer has come
            beside = panel["x"] + panel["width"] <= drawer["x"]
            assert beside or drawer["y"] + drawer["height"] <= panel["y"] + 1
        assert page.panel.evaluate("panel => panel.scrollWidth - panel.clientWidth") == 0
        if number < len(NAMES):
            page.button("guide.next").click()
    fold = page.button("guide.words")
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(page.words).to_be_hidden()
    assert page.panel.bounding_box()["height"] <= 60
    # Everything can still be scrolled to, also what has come in the meantime.
    page.page.wait_for_function(
        """() => {
          document.scrollingElement.scrollTo(0, 1e6);
          const [footer, panel] = ["footer", ".guide"].map((at) => document.querySelector(at));
          const { bottom } = footer.getBoundingClientRect();
          return bottom > 0 && bottom <= panel.getBoundingClientRect().top + 1;
        }"""
    )


def test_what_a_lesson_is_about_is_in_sight(lesson):
    page = lesson(6)
    slider = page.visit.slider("Training step")
    page.page.wait_for_timeout(500)
    assert slider.bounding_box()["y"] + 24 <= page.panel.bounding_box()["y"]
    expect(page.visit.options.last).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(("size", "theme"), everywhere)
def test_axe_and_the_eye_find_nothing_wrong_with_it(tour, size, theme):
    page = tour(4, size, theme)
    page.visit.ready()
    for state in ("open", "list", "folded"):
        if state == "list":
            page.panel.locator(".guide__all").click()
        if state == "folded":
            page.page.keyboard.press("Escape")
            page.button("guide.words").click()
        page.page.wait_for_timeout(350)
        found = Axe().run(page.page, context=".guide").response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], state
        assert page.page.evaluate(CONTRAST) == []


def test_without_motion_it_does_not_slide(tour):
    page = tour(1, reduced_motion="reduce")
    duration = page.panel.evaluate("panel => getComputedStyle(panel).transitionDuration")
    assert float(duration.removesuffix("s")) < 0.001
