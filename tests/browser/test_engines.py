"""One journey through the page in a real Firefox and in a real WebKit, beside Chromium."""

import json
from urllib.parse import quote

import pytest

from tests.browser import engines
from tests.browser.conftest import unavailable
from tests.browser.tour import SMALL

READY = "document.querySelector('.candidates [data-picked]') !== null"
WRITTEN = "document.querySelectorAll('.output .generated').length"
PAUSED = "document.querySelector('#pause').disabled"
MODEL = "document.querySelector('.model__line').textContent"
OTHER = "#player [role=option]:not([data-picked])"
AT_REST = "document.querySelector('.candidates').getAnimations({ subtree: true }).length === 0"
HEARD = "heard.map(({ type }) => type)"
COURSE = """<!doctype html><title>A course</title><script>
window.heard = [];
addEventListener("message", ({{ data }}) => data.source === "token-playground" && heard.push(data));
</script><iframe src="{address}" width="480" height="700"></iframe>"""


@pytest.fixture(scope="module", params=[engines.firefox, engines.webkit], ids=["firefox", "webkit"])
def running(request):
    try:
        with request.param() as engine:
            yield engine
    except engines.Missing as reason:
        unavailable(f"{reason}: its journey is not run")


@pytest.fixture
def engine(running):
    """A browser, whose page must meet no error."""
    yield running
    assert running.problems() == []


def test_the_page_does_what_it_is_for(engine, bundled):
    engine.open(f"{bundled}/?model=plain")  # "other" can read what it writes
    engine.wait(READY)
    play_and_pause(engine)
    choose_another_candidate(engine)
    change_model_and_step(engine)
    watch_it_learn(engine)
    share(engine, bundled)
    open_a_lesson(engine)


def test_it_plays_in_a_frame(engine, bundled):
    course = COURSE.format(address=f"{bundled}/?view=embed&amp;model={SMALL}")
    engine.open("data:text/html," + quote(course))
    engine.wait(f"{HEARD}[0] === 'ready'")
    engine.evaluate("document.querySelector('iframe').focus()")
    engine.press(" ")
    engine.wait("heard.length > 3")
    assert set(engine.evaluate(HEARD)) == {"ready", "step"}


def play_and_pause(engine):
    engine.click("#play")
    engine.wait(f"{WRITTEN} > 2")
    engine.click("#pause")
    engine.wait(PAUSED)
    engine.evaluate("document.activeElement.blur()")
    engine.press(" ")
    engine.wait(f"!{PAUSED}")
    engine.press(" ")
    engine.wait(f"{PAUSED} && {READY}")


def choose_another_candidate(engine):
    engine.wait(AT_REST)  # a driver clicks where the bar was a moment ago
    before = engine.text(".output")
    token = engine.evaluate(f"document.querySelector({json.dumps(OTHER)}).dataset.token")
    engine.click(OTHER)
    engine.wait(f"document.querySelector('.output').textContent === {json.dumps(before + token)}")
    engine.wait(READY)


def change_model_and_step(engine):
    engine.evaluate("document.querySelector('.card__radio[value=other]').click()")
    engine.wait(f"{MODEL}.startsWith('other') && {READY}")
    engine.evaluate("document.querySelector('#step-range').focus()")
    engine.press("ArrowLeft")
    engine.wait(f"{MODEL}.endsWith('step 100') && {READY}")


def watch_it_learn(engine):
    engine.click("#tab-learn-button")
    engine.wait("document.querySelector('.learn[aria-busy=false]') !== null")
    engine.click(".choice:has([value=quick-15k])")
    engine.click("[data-learn=start]")
    engine.wait("Number(document.querySelector('[data-fact=loss]').textContent) > 0")
    engine.wait(READY)
    engine.click("[data-learn=stop]")
    engine.wait("!document.querySelector('[data-learn=new]').hidden")


def share(engine, address):
    engine.click("#tab-library-button")
    engine.wait(f"{MODEL}.startsWith('other')")
    engine.click("#drawer [data-action=share]")
    link = engine.evaluate("document.querySelector('#share-link').value")
    assert link.startswith(f"{address}/?prompt=")
    assert "&model=other&" in link
    engine.press("Escape")
    engine.wait("document.querySelector('dialog[open]') === null")


def open_a_lesson(engine):
    engine.click("[data-action=tutorial]")
    engine.wait(f"document.querySelector('.guide__title').textContent && {READY}")
    engine.click("[data-guide=next]")
    engine.wait("document.querySelector('.guide__all').textContent.includes('2')")
    engine.press("Escape")
    engine.wait("document.querySelector('#guide .guide').hidden")
