"""The page in the oldest browsers that it is for, and what it says to older ones."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect

from playground.i18n.translate import translate
from tests.browser.conftest import Visit, complaints
from tests.browser.test_learn import Learning
from tests.browser.tour import LANGUAGES

OLDER = Path(__file__).with_name("older.js").read_text("utf-8")
LACKS = [
    "AbortSignal.any", "Promise.withResolvers", "Object.groupBy", "URL.canParse", "Intl.Segmenter",
    "Set.prototype.union", "Element.prototype.checkVisibility", "HTMLElement.prototype.showPopover",
    "window.requestIdleCallback", "document.body.ariaLabel", "document.body.role",
]  # fmt: skip


@pytest.fixture(scope="module")
def context(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(OLDER)
    yield context
    context.close()


@pytest.fixture
def older(context, bundled):
    """`older(query)`: the page in a browser without what the oldest lack; it must meet no error."""
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.extend(complaints(message)))

    def open_page(query=""):
        page.goto(bundled + query)
        return Visit(page, bundled).ready()

    yield open_page
    page.evaluate("localStorage.clear()")
    page.close()
    assert problems == []


def test_the_apis_are_gone(older):
    page = older().page
    there = [name for name in LACKS if page.evaluate(f"{name} !== undefined")]
    assert there == []
    with pytest.raises(Error, match="not a valid selector"):
        page.evaluate("document.querySelector('p:has(a)')")
    expect(page.get_by_text(translate("header.unsupported", "en"))).to_have_count(0)


def test_it_plays_and_obeys_the_keyboard(older):
    visit = older()
    visit.button("Play").click()
    expect(visit.output.locator(".generated").nth(2)).to_be_attached()
    visit.button("Pause").click()
    visit.ready()
    keyboard = visit.page.keyboard
    visit.drawer.focus()
    for _ in range(visit.options.count()):  # to the first row, wherever the drawn one is
        keyboard.press("ArrowUp")
    keyboard.press("ArrowDown")
    second = visit.options.nth(1)
    expect(second).to_have_attribute("aria-selected", "true")
    text, token = visit.text(), second.get_attribute("data-token")
    keyboard.press("Enter")
    visit.shows(text + token)
    keyboard.press("Control+z")
    visit.shows(text)
    keyboard.press("Space")
    expect(visit.button("Pause")).to_be_enabled()
    keyboard.press("Space")
    expect(visit.button("Play")).to_be_enabled()
    keyboard.press("?")
    expect(visit.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    keyboard.press("Escape")
    visit.use("other")
    visit.slider("Training step").press("ArrowLeft")
    expect(visit.drawer.locator(".model__line")).to_contain_text("step 100")


def test_what_opens_opens_and_closes(older):
    visit = older()
    page = visit.page
    visit.drawer.locator(".vocabulary-size").click()
    expect(page.locator("#vocabulary")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#vocabulary")).to_be_hidden()
    visit.drawer.get_by_role("button", name="Share", exact=True).click()
    expect(page.locator("#share-link")).to_have_value(re.compile(r"/\?prompt=\w.*&v=1$"))
    page.keyboard.press("Escape")
    page.locator("#header [data-action=tutorial]").click()
    page.locator(".guide__all").click()
    lessons = page.locator(".guide__lessons")
    expect(lessons).to_be_visible()
    lessons.get_by_role("button").nth(1).click()
    expect(lessons).to_be_hidden()
    expect(page.locator(".guide__all")).to_contain_text("2")
    visit.ready()


def test_it_trains(older):
    visit = older()
    tab = Learning(visit).open().choose("15K").start()
    expect(tab.page.locator("[data-fact=loss]")).not_to_have_text("–")
    visit.ready()
    tab.button("Stop").click()
    expect(tab.sentence).to_contain_text("Stopped at step")


def test_it_plays_in_a_frame(older):
    visit = older("/?view=embed")
    visit.button("Step").click()
    expect(visit.output.locator(".generated")).to_have_count(1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_browser_that_is_too_old_is_told_so(browser, server, language):
    context = browser.new_context(locale=LANGUAGES[language])
    context.add_init_script("CSS.supports = () => false;")
    page = context.new_page()
    page.goto(server)
    expect(page.get_by_text(translate("header.unsupported", language))).to_be_visible()
    context.close()
