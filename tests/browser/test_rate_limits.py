"""An address that has started as many as it may: the page says so, and keeps what was typed."""

import uuid

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import serving

TEXT = "Row, row, row your boat, gently down the stream. " * 40


@pytest.fixture(scope="module")
def used_up(models):
    """A server of which this address may ask for nothing costly any more."""
    limits = {"PLAYGROUND_TRAININGS_PER_HOUR": "1", "PLAYGROUND_HUB_LOADS_PER_HOUR": "1"}
    with serving(models, HF_ENDPOINT="http://127.0.0.1:9", **limits) as (address, _):
        body = {"visitor": uuid.uuid4().hex, "paused": True}
        assert httpx.post(f"{address}/api/trainings", json=body, timeout=30).status_code == 201
        body = {"repo_id": "ada/first"}
        assert httpx.post(f"{address}/api/loads", json=body).status_code == 202
        yield address


@pytest.mark.parametrize(
    ("locale", "trainings", "loads"),
    [
        ("en", "Many trainings were started from your network", "Many models were loaded"),
        ("de", "Aus deinem Netz wurden gerade viele Trainings", "gerade viele Modelle"),
    ],
)
def test_the_page_says_so_and_keeps_what_was_typed(visit, used_up, locale, trainings, loads):
    page = visit(at=used_up, quiet=False, wait=False, locale=locale).page
    expect(page.locator(".candidates [data-picked]")).to_have_count(1)  # all parts are there
    address = page.locator("#hub-model")
    address.fill("ada/second")
    address.press("Enter")
    expect(page.locator(".hub__failure")).to_contain_text(loads)
    expect(address).to_have_value("ada/second")
    expect(address).to_be_editable()

    page.get_by_role("tab").nth(1).click()
    page.locator(".choice", has=page.locator("input[value=text]")).click()
    page.locator(".own-text textarea").fill(TEXT)
    start = page.locator(".learn-bar [data-learn=start]")
    start.click()
    expect(page.locator(".learn-error")).to_contain_text(trainings)
    expect(page.locator(".own-text textarea")).to_have_value(TEXT)
    expect(start).to_be_enabled()
