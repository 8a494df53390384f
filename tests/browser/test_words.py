"""No sentence of the page stands outside the message files.

The page is given its messages in brackets. What is seen or heard without any, and is neither a
text, a character nor a name of somebody's own, was written somewhere else.
"""

import re

import pytest
from playwright.sync_api import expect

from playground.i18n import translate as messages

# A visitor's, a model's or a lesson's own words.
OWN = (
    "script, style, textarea, .output, .mirror, .candidate__name, .chip, .model__name, "
    ".card__name, .card__description, .own__what, .sample, .answers, .guide__words, "
    ".guide__title, .guide__lessons ol, kbd, footer, select[name=model], .task__words"
)
COLLECT = """own => {
  const found = new Set();
  const note = (text, element) => {
    const seen = element.checkVisibility({ visibilityProperty: true });
    if (seen && !element.closest(own)) found.add(text.trim());
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) note(walker.currentNode.data, walker.currentNode.parentElement);
  for (const element of document.body.querySelectorAll("*")) {
    for (const name of ["aria-label", "title", "placeholder", "alt", "aria-valuetext"]) {
      if (element.hasAttribute(name)) note(element.getAttribute(name), element);
    }
  }
  return [...found];
}"""
# Gradio says these words itself, in the browser's language, out of its configuration; the server
# says others in answers of its own. All of them are messages, but arrive without brackets.
SAID_ELSEWHERE = [
    re.compile(".+".join(map(re.escape, re.split(r"{{[^}]*}}", text))))
    for key, text in messages.catalog("en").items()
    if key.startswith(("controls.", "training.", "hub_errors.", "errors.", "models."))
]
NAMES = re.compile(r"\b(K|M|ms|plain|other|names|weird|Second|Plays|Tiny Shakespeare)\b")


@pytest.fixture
def page(browser, server):
    said = {key: f"⟦{text}⟧" for key, text in messages.catalog("en").items()}
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.route(
        "**/messages.json*",
        lambda route: route.fulfill(json={"language": "en", "messages": said}),
    )
    page.goto(f"{server}/?task=x&done=tokens:9&pick=sample&temperature=0.5&top_k=3&prompt=The&v=1")
    expect(page.locator("[data-picked]")).to_have_count(1)
    yield page
    context.close()


def written_elsewhere(page):
    """What is seen or heard outside of brackets and has a word in it."""
    left = set()
    for text in page.evaluate(COLLECT, OWN):
        rest, before = text, None
        while rest != before:
            rest, before = re.sub(r"⟦[^⟦⟧]*⟧", "", rest), rest
        rest = NAMES.sub("", rest)
        if re.search(r"[^\W\d_]{2,}", rest) and not any(
            said.fullmatch(text) for said in SAID_ELSEWHERE
        ):
            left.add(text)
    return left


def test_the_playground_says_nothing_but_messages(page):
    assert written_elsewhere(page) == set()
    for open_it in ("[data-action=keys]", "[data-action=share]"):
        page.locator(open_it).click()
        for summary in page.locator("dialog[open] summary").all():
            summary.click()
        assert written_elsewhere(page) == set()
        page.keyboard.press("Escape")
    page.locator(".vocabulary-size").click()
    assert written_elsewhere(page) == set()
    page.keyboard.press("Escape")
    page.locator("#input-text textarea").fill("The 😀")
    page.locator(".unknown").wait_for()
    assert written_elsewhere(page) == set()
    page.locator("#input-text textarea").fill("")
    assert written_elsewhere(page) == set()
    page.locator("#header [data-action=tutorial]").click()
    page.locator(".guide__words p").first.wait_for()
    assert written_elsewhere(page) == set()


def test_the_library_says_nothing_but_messages(page):
    page.locator(".published summary").click()
    expect(page.locator(".published__note p")).not_to_have_text("⟦Asking the Hub…⟧")
    page.locator("#hub-model").fill("a")
    page.locator(".hub__form button").click()
    page.locator(".hub__failure").wait_for()
    assert written_elsewhere(page) == set()


def test_learning_says_nothing_but_messages(page):
    page.locator("#tab-learn-button").click()
    page.locator(".advanced summary").click()
    page.locator(".field__hint").first.wait_for()
    assert written_elsewhere(page) == set()
    page.locator(".learn-bar [data-learn=start]").click()
    page.locator(".sample").first.wait_for()
    assert written_elsewhere(page) == set()
    page.locator(".learn-bar [data-learn=stop]").click()
    page.locator(".learn-bar [data-learn=new]").wait_for()
    assert written_elsewhere(page) == set()
