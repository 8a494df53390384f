"""Models from the Hub in the Library, against a loopback Hub."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.service.playground import Playground
from playground.settings import Settings
from tests.browser.conftest import ROOT, serving
from tests.hub.fake_hub import TOKEN, FakeHub

VERSE, KEPT, SLOW, LATE = "ada/verse", "ada/kept", "ada/slow", "ada/late"


@pytest.fixture(scope="module")
def hub():
    with FakeHub() as hub:
        yield hub


@pytest.fixture(scope="module")
def server(hub, models, tmp_path_factory):
    """Started while the Hub is gone; on its disk is a model that was opened before."""
    cache = tmp_path_factory.mktemp("hub")
    for repo_id in (KEPT, SLOW, LATE):
        hub.publish(repo_id, models / "other")
    before = Settings(models_dir=models, hub_endpoint=hub.endpoint, hub_cache_dir=cache)
    with TestClient(create_api(Playground(before))) as client:
        assert client.post("/api/sessions", json={"repo_id": KEPT}).status_code == 201
    environ = {
        "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "", "PLAYGROUND_HUB_CACHE_DIR": str(cache),
        "PLAYGROUND_FEATURED_REPOS": "ada/featured", "PLAYGROUND_HUB_SECONDS": "60",
    }  # fmt: skip
    hub.stop()
    with serving(models, **environ) as (address, _):
        hub.start()
        yield address


@pytest.fixture(scope="module")
def published(hub, models):
    """A bundled model, published by the command; its commit."""
    command = [sys.executable, "-m", "playground.publish", str(models / "other"), VERSE]
    more = ["--endpoint", hub.endpoint, "--license", "mit", "--space", "http://127.0.0.1:7860"]
    told = subprocess.run(
        [*command, *more], cwd=ROOT, env=os.environ | {"HF_TOKEN": TOKEN},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert f"http://127.0.0.1:7860?model={VERSE}" in told.stdout
    return hub.repos[VERSE].branches["main"]


@pytest.fixture(autouse=True)
def healed(hub):
    yield
    hub.heal()


@contextmanager
def gone(hub):
    hub.stop()
    try:
        yield
    finally:
        hub.start()


def field(page):
    return page.page.get_by_role("textbox", name="Hub model")


def load(page, address):
    field(page).fill(address)
    page.button("Load").click()


def failure(page):
    return page.page.locator("#hub").get_by_role("alert")


def shows_model(page, repo_id, commit):
    """The card of a model is chosen, and the drawer has it."""
    chosen = page.page.get_by_role("radio", checked=True)
    expect(chosen.first).to_have_value(f"{repo_id}@{commit}")
    card = page.page.locator(".card").filter(has=page.page.locator(":checked"))
    expect(card).to_contain_text(f"{repo_id}@{commit[:7]}")
    line = page.drawer.locator(".model__line")
    expect(line).to_have_text(re.compile(rf"{repo_id} · \d+K params · step 1000"))
    expect(page.drawer.locator(".model__source")).to_have_text(f"Hub {repo_id}@{commit[:7]}")
    page.ready()
    return card


def test_publish_list_load_by_a_pasted_address_play_and_move_along_the_steps(visit, hub, published):
    page = visit()
    assert hub.asked("GET /api/models\\?") == 0
    page.page.get_by_text("Published models").click()
    row = page.page.get_by_role("button", name=VERSE)
    expect(row).to_contain_text("0 likes · 0 downloads")
    expect(row).to_contain_text(re.compile(r"\d+K params · Jan \d, 2026"))

    load(page, f"{hub.endpoint}/{VERSE}/tree/main")
    shows_model(page, VERSE, published)
    expect(field(page)).to_have_value("")
    expect(page.input).to_have_value("Once upon")
    page.slider("Speed").fill("100")
    page.button("Play").click()
    page.output.locator(".generated").nth(4).wait_for(state="attached")
    page.button("Pause").click()

    session_id, text = f"{VERSE}@{published}", page.text()
    assert hub.asked("cdn .*step-000100") == 0  # it comes when it is wanted
    slider = page.slider("Training step")
    for key, step in (("ArrowLeft", 100), ("ArrowLeft", 10)):
        slider.press(key)
        expect(page.drawer.locator(".model__line")).to_contain_text(f"step {step}")
        page.ready()
        for name in (session_id, "other"):  # the published weights are the bundled ones
            answer = page.ask("generate-next-token", session_id=name, context=text[-64:],
                              temperature=0, step=step)  # fmt: skip
            expect(page.pick).to_have_attribute("data-token", answer["next_token"])
    assert page.text() == text
    assert hub.asked("cdn .*step-000100") == 1


def test_a_link_opens_the_very_commit_that_it_was_made_with(visit, hub, models):
    hub.publish("ada/moving", models / "other")
    commit = hub.repos["ada/moving"].branches["main"]
    page = visit()
    load(page, "ada/moving")
    shows_model(page, "ada/moving", commit)
    page.button("Step").click()
    page.output.locator(".generated").wait_for(state="attached")
    page.ready()
    text = page.text()
    page.drawer.get_by_role("button", name="Share", exact=True).click()
    query = page.page.locator("#share-link").input_value().split("?")[1]
    assert f"model=ada%2Fmoving&revision={commit}" in query

    hub.publish("ada/moving", models / "names")  # its main branch is another model now
    copy = visit(query="&" + query)
    shows_model(copy, "ada/moving", commit)
    copy.shows(text)


@pytest.mark.parametrize("view", ["", "&view=embed"], ids=["page", "frame"])
def test_a_step_that_a_model_of_a_link_lacks_is_told_and_the_nearest_shown(visit, published, view):
    page = visit(query=f"&model={VERSE}&amp;step=55&amp;v=1){view}")
    expect(page.drawer.locator(".model__line")).to_contain_text("step 10")
    told = f"doesn’t have training step 55 of {VERSE}; step 10 is shown"
    expect(page.page.locator(".toast").filter(has_text=told)).to_have_count(1)


def test_the_list_is_searched_and_loads_what_is_clicked(visit, published):
    page = visit("phone")
    page.button("Close").click()
    page.page.get_by_text("Published models").click()
    search = page.page.get_by_role("searchbox", name="Search published models")
    rows = page.page.locator(".published__model")
    expect(rows).to_have_count(1)
    search.fill("nothing <b>like</b> this")
    expect(page.page.locator(".published__note")).to_contain_text(
        "No published model has “nothing <b>like</b> this” in its name."
    )
    search.fill("VER ada")
    rows.filter(has_text=VERSE).click()
    card = page.page.locator(".card").filter(has=page.page.locator(":checked"))
    expect(card).to_contain_text(f"{VERSE}@{published[:7]}")
    expect(card).to_be_in_viewport()
    card.get_by_role("button", name="Open in the playground").click()
    expect(page.drawer.locator(".model__line")).to_contain_text(VERSE)
    page.ready()


def test_progress_is_shown_and_a_load_can_be_cancelled(visit, hub):
    page = visit()
    hub.fail("GET", "cdn ", drip=0.1)
    page.slider("Speed").fill("100")
    page.button("Play").click()
    load(page, SLOW)
    loading = page.page.get_by_role("progressbar", name=f"Loading {SLOW}")
    expect(loading).to_be_visible()
    expect(page.page.locator(".hub__bytes")).to_have_text(re.compile(r"^[1-9]\d* of \d+ kB$"))
    at = page.text()
    page.changes(at)  # the model at hand writes on
    page.button("Cancel").click()
    expect(loading).to_be_hidden()
    expect(page.page.locator("#hub").get_by_role("status").first).to_have_text(
        "Loading was cancelled."
    )
    expect(field(page)).to_have_value(SLOW)
    expect(field(page)).to_be_focused()
    page.changes(page.text())
    expect(page.page.locator(".card").filter(has_text=SLOW)).to_have_count(0)
    sent = hub.asked("cdn ")
    page.page.wait_for_timeout(500)
    assert hub.asked("cdn ") == sent


def test_a_failure_is_said_beside_the_field_and_may_be_tried_again(visit, hub, models):
    page = visit()
    page.slider("Speed").fill("100")
    page.button("Play").click()
    commit = hub.publish("ada/shy", models / "other")
    hub.fail("GET", "/api/models/ada/shy", status=503)
    load(page, "  ada/shy ")
    expect(failure(page)).to_contain_text("The Hub has a problem of its own")
    expect(field(page)).to_have_value("  ada/shy ")
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    page.changes(page.text())
    hub.heal()
    page.page.locator("#hub").get_by_role("button", name="Try again").first.click()
    shows_model(page, "ada/shy", commit)
    expect(failure(page)).to_have_count(0)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("ada/none", "is not on the Hub"), ("<b>${1}</b>", "A model's address is"), (" ", "Type the")],
)
def test_what_cannot_be_loaded(visit, address, sentence):
    page = visit(quiet=False)
    load(page, address)
    expect(failure(page)).to_contain_text(sentence)
    expect(field(page)).to_have_value(address)
    expect(page.page.get_by_role("radio", checked=True).first).to_have_value("plain")


def test_the_page_s_address_names_a_model(visit, published):
    page = visit(query=f"&model={VERSE}")
    shows_model(page, VERSE, published)
    page = visit(query="&model=ada/none@v1")
    expect(failure(page)).to_contain_text("ada/none")
    expect(field(page)).to_have_value("ada/none@v1")
    expect(page.drawer.locator(".model__line")).to_contain_text("plain")
    page = visit("phone", query="&model=ada/none")  # where the drawer lies over the field
    expect(page.page.locator(".toast").filter(has_text="ada/none is not")).to_be_visible()


def test_alone_in_a_frame_it_opens_a_model_too(visit, published):
    page = visit(query=f"&view=embed&model={VERSE}")
    expect(page.drawer.locator(".model__line")).to_contain_text(VERSE)
    page = visit(query="&view=embed&model=ada/none")
    expect(page.page.locator(".toast").filter(has_text="ada/none is not")).to_be_visible()


def test_a_step_that_is_long_in_coming(visit, hub):
    page = visit(quiet=False)
    load(page, LATE)
    shows_model(page, LATE, hub.repos[LATE].branches["main"])
    commit, path = hub.repos[LATE].branches["main"], "checkpoints/step-000100/model.safetensors"
    size = len(hub.repos[LATE].commits[commit][path])
    hub.fail("GET", "cdn .*step-000100", drip=6.5 / (size / 1000))
    with hub.counted() as asked:
        page.slider("Training step").press("ArrowLeft")
        expect(page.status).to_contain_text("Waiting…")
        expect(page.status).to_contain_text("The model is being loaded. This goes on by itself.")
        expect(page.drawer.locator(".model__line")).to_contain_text("step 100")
        page.ready()
    assert len([line for line in asked if "cdn" in line]) == 1, "asking again loads nothing twice"
    expect(page.status).to_have_text("Press Play, or choose one of the characters.")


def test_with_the_hub_gone_the_page_offers_what_is_there(visit, hub):
    with gone(hub):
        start = time.monotonic()
        page = visit(quiet=False, query=f"&model={KEPT}")
        assert time.monotonic() - start < 15
        card = shows_model(page, KEPT, hub.repos[KEPT].branches["main"])
        expect(card.locator(".card__cached")).to_contain_text("or did not answer.")
        load(page, "ada/other")
        expect(failure(page)).to_contain_text("Hub")
        page.use("names")


def test_a_list_that_cannot_be_had_is_asked_for_again(visit):
    page = visit(quiet=False)
    sentence = "The Hub cannot be reached."
    page.page.route(
        "**/api/models?*",
        lambda route: route.fulfill(status=503, json={"error": sentence}),
        times=1,
    )
    page.page.get_by_text("Published models").click()
    note = page.page.locator(".published__note")
    expect(note).to_contain_text(sentence)
    note.get_by_role("button", name="Try again").click()
    expect(note).not_to_contain_text(sentence)
