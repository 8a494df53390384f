"""What each state says, and what can be done in it."""

import json
import os
import signal

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import serving


def select_tab(page, name):
    page.page.get_by_role("tab", name=name).click()


def give(page, tab, session_id):
    """Make a session the active one of a tab, as a tab's own script does."""
    page.page.evaluate(
        "detail => document.dispatchEvent(new CustomEvent('playground', { detail }))",
        {"action": "session", "tab": tab, "session_id": session_id},
    )


def started(page):
    page.button("Play").click()
    expect(page.output.locator(".generated").nth(1)).to_be_attached()


def test_no_model_offers_the_bundled_one(visit):
    page = visit()
    select_tab(page, "Second")
    expect(page.status).to_have_text("⚠️ No model trained. Train a model in any tab first.")
    expect(page.drawer.locator(".model__line")).to_have_text("No model")
    for name in ("Play", "Pause", "Step", "Regenerate"):
        expect(page.button(name)).to_be_disabled()
    page.button("Use the bundled model").click()
    page.ready()
    expect(page.drawer.locator(".model__line")).to_contain_text("plain")
    assert page.text() == "The king shall"


def test_each_tab_has_its_own_session(visit):
    page = visit()
    give(page, "second", "other")
    expect(page.drawer.locator(".model__line")).to_contain_text("plain")
    select_tab(page, "Second")
    expect(page.drawer.locator(".model__line")).to_contain_text("other")
    expect(page.input).to_have_value("Once upon")
    page.write("mine")
    select_tab(page, "Library")
    expect(page.drawer.locator(".model__line")).to_contain_text("plain")
    expect(page.input).to_have_value("The king shall")
    select_tab(page, "Second")
    expect(page.input).to_have_value("mine")


def test_changing_the_tab_while_playing_pauses_until_one_is_back(visit):
    page = visit()
    give(page, "second", "other")
    started(page)
    select_tab(page, "Second")
    expect(page.status).to_have_text("⚠️ Switch back to Library to continue")
    text = page.text()
    page.page.wait_for_timeout(700)
    assert page.text() == text
    for name in ("Play", "Pause", "Step"):
        expect(page.button(name)).to_be_disabled()
    select_tab(page, "Library")
    expect(page.status).not_to_contain_text("Switch back")
    expect(page.drawer.locator(".model__line")).to_contain_text("plain")
    assert page.text() == text
    page.button("Step").click()
    expect(page.output.locator(".generated")).to_have_count(len(text) - len("The king shall") + 1)


def test_one_can_also_go_on_with_the_new_tab(visit):
    page = visit()
    give(page, "second", "other")
    started(page)
    select_tab(page, "Second")
    page.button("Use Second instead").click()
    expect(page.drawer.locator(".model__line")).to_contain_text("other")
    expect(page.output.locator(".generated")).to_have_count(0)
    page.ready()


def test_a_live_training_that_ended(visit, server):
    page = visit(quiet=False)
    give(page, "library", "ending")
    expect(page.drawer.locator(".model__source")).to_have_text("trained on this page")
    page.ready()
    page.slider("Speed").fill("100")
    started(page)
    assert httpx.post(f"{server}/end/ending").is_success
    expect(page.status).to_contain_text("⚠️ Training session ended")
    text = page.text()
    assert len(text) > len("The king shall")
    for name in ("Play", "Pause", "Step"):
        expect(page.button(name)).to_be_disabled()
    page.page.wait_for_timeout(400)
    assert page.text() == text


def test_a_live_model_that_is_not_ready(visit):
    page = visit(quiet=False)
    give(page, "library", "untrained")
    expect(page.status).to_have_text("⚠️ Model initializing, try again")
    expect(page.drawer.locator(".model__line")).to_have_text("untrained · not trained yet")
    page.button("Try again").click()
    expect(page.status).to_have_text("⚠️ Model initializing, try again")


def test_no_answer_in_five_seconds(visit):
    page = visit(quiet=False)
    held = []
    page.page.route("**/api/generate", lambda route: held.append(route))
    page.button("Play").click()
    expect(page.button("Pause")).to_be_enabled()
    expect(page.status).to_contain_text("Request timed out", timeout=7000)
    expect(page.page.locator(".toast")).to_contain_text("too long")
    assert page.text() == "The king shall"
    held[0].continue_()
    page.page.wait_for_timeout(300)
    assert page.text() == "The king shall"
    expect(page.status).to_contain_text("Request timed out")
    page.page.unroute("**/api/generate")
    # It was playing: it goes on by itself.
    expect(page.output.locator(".generated").nth(1)).to_be_attached(timeout=12_000)


@pytest.mark.parametrize("status", [500, 400])
def test_any_other_error_is_a_toast_and_keeps_the_text(visit, status):
    page = visit(quiet=False)
    page.button("Step").click()
    expect(page.output.locator(".generated")).to_have_count(1)
    text = page.text()
    broken = json.dumps({"error": "Generation failed: the reason"})
    page.page.route("**/api/generate", lambda route: route.fulfill(
        status=status, content_type="application/json", body=broken))  # fmt: skip
    page.slider("Speed").fill("100")
    page.button("Play").click()
    expect(page.page.locator(".toast")).to_have_count(1)
    expect(page.button("Pause")).to_be_disabled()
    assert page.text().startswith(text)
    page.page.unroute("**/api/generate")
    started(page)


def test_a_server_that_hangs_and_one_that_goes_away(visit, models):
    with serving(models) as (address, process):
        page = visit(at=address, quiet=False)
        os.kill(process.pid, signal.SIGSTOP)
        page.button("Play").click()
        expect(page.status).to_contain_text("Request timed out", timeout=7000)
        os.kill(process.pid, signal.SIGCONT)
        expect(page.output.locator(".generated").nth(1)).to_be_attached(timeout=12_000)
        page.write("Once more")
        page.slider("Speed").fill("100")
        started(page)
        process.kill()
        process.wait()
        expect(page.page.locator(".toast").last).to_contain_text("can’t be reached", timeout=7000)
        expect(page.status).to_contain_text("goes on by itself")
        page.button("Pause").click()
        expect(page.button("Play")).to_be_disabled()
        expect(page.status).to_contain_text("can’t be reached")
        assert page.text().startswith("Once more")
        expect(page.input).to_have_value("Once more")


def test_models_that_cannot_be_listed(visit):
    page = visit(quiet=False)
    page.page.route("**/api/sessions", lambda route: route.abort())
    page.page.reload()
    expect(page.page.locator(".card--error")).to_contain_text("can’t be reached")
    page.page.unroute("**/api/sessions")
    page.button("Try again").click()
    page.ready()


def test_another_model_keeps_what_was_typed_and_swaps_what_was_not(visit):
    page = visit().use("other")
    expect(page.input).to_have_value("Once upon")
    page.write("typed by me")
    page.button("Step").click()
    expect(page.output.locator(".generated")).to_have_count(1)
    written = page.text()
    page.use("plain")
    expect(page.input).to_have_value("typed by me")
    assert page.text() == written
    expect(page.status).to_have_text("Written by other; plain goes on from here.")
    page.page.locator("input[value=weird]").check(force=True)
    expect(page.drawer.locator(".unknown")).to_be_visible()
    expect(page.input).to_have_value("typed by me")


@pytest.mark.parametrize("size", [(320, 568), (390, 844), (844, 390)])
@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
def test_no_warning_is_cut_off(visit, size, locale):
    found = visit(size, query="&tab=learn&v=1", wait=False, locale=locale)
    status = found.drawer.locator(".status")
    expect(status).to_have_attribute("data-tone", "warning")
    hidden = status.evaluate("status => status.scrollHeight - status.clientHeight")
    assert hidden == 0
