"""The page through the proxy, in a real browser."""

import signal

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.test_embed import plays
from tests.browser.test_learn import Learning
from tests.deploy.conftest import REPLICAS

pytestmark = pytest.mark.browser


def test_the_page_opens_and_plays(visit, server):
    found = visit()
    found.write("The king")
    found.slider("Speed").fill("100")
    found.button("Play").click()
    expect(found.output.locator(".generated").nth(30)).to_be_attached(timeout=20_000)
    found.button("Pause").click()
    text = found.text()
    body = {"session_id": "plain", "context": "The king", "temperature": 0, "n": 30}
    steps = httpx.post(f"{server}/api/generate", json=body).json()["steps"]
    assert text.startswith("The king" + "".join(step["token"] for step in steps))


def test_a_training_is_watched_and_played_with(visit, server):
    found = Learning(visit()).open()
    found.start()
    found.wait_for_step(20)
    found.visit.slider("Speed").fill("100")
    found.visit.button("Play").click()
    expect(found.visit.output.locator(".generated").nth(8)).to_be_attached(timeout=20_000)
    found.visit.page.goto("about:blank")  # it asks for no training that is gone
    httpx.delete(f"{server}/api/trainings/{found.session_id}")


def test_a_page_plays_on_when_its_replica_is_gone(visit, cluster):
    """Whichever it was: one after the other is killed while it plays."""
    found = visit(quiet=False)
    found.slider("Speed").fill("100")
    found.button("Play").click()
    for name in REPLICAS:
        plays(found, 3)
        length = len(found.text())
        cluster.end(name, signal.SIGKILL)
        expect(found.output.locator(".generated").nth(length + 40)).to_be_attached(timeout=20_000)
        assert found.page.locator(".toast").count() == 0
        expect(found.button("Pause")).to_be_enabled()
        cluster.heal()
