"""The document as browsers, translators and previews of links see it."""

import re

import httpx
import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize(
    ("locale", "query", "language"),
    [
        ("fr-FR", "", "en"),
        ("de-AT", "", "de"),
        ("en-GB", "&lang=de_DE", "de"),
        ("de-DE", "&lang=en-US", "en"),
    ],
)
def test_its_language_is_the_one_it_speaks(visit, locale, query, language):
    page = visit(query=query, wait=False, locale=locale)
    page.page.locator("[data-picked]").wait_for()
    assert page.page.evaluate("document.documentElement.lang") == language
    play = {"en": "Play", "de": "Abspielen"}[language]
    expect(page.drawer.locator("#play")).to_have_text(play)


def test_a_translator_leaves_the_model_s_text_alone(visit):
    page = visit()
    for part in (".output", "#input-text textarea", ".candidate__name >> nth=0"):
        expect(page.drawer.locator(part)).to_have_attribute("translate", "no")


def test_a_preview_of_a_link_shows_this_page(server):
    head = httpx.get(server).text.partition("</head>")[0]
    assert re.search("<title>Token Playground</title>", head)
    found = dict(re.findall(r'<meta property="(og:[a-z]+)"\s+content="([^"]*)"', head))
    assert found["og:title"] == "Token Playground"
    assert found["og:description"].startswith("Watch a small language model")
    assert "Gradio" not in re.sub("<script.*?</script>", "", head, flags=re.DOTALL)


def test_what_goes_wrong_stands_in_the_console_too(visit):
    page = visit(quiet=False)
    said = []
    page.page.on("console", lambda message: said.append((message.type, message.text)))
    broken = {"content_type": "application/json", "body": '{"error": "Generation failed: why"}'}
    page.page.route("**/api/generate", lambda route: route.fulfill(status=500, **broken))
    page.button("Play").click()
    expect(page.page.locator(".toast")).to_have_count(1)
    expect(page.status).to_contain_text("stumbled")
    expect(page.button("Try again")).to_be_visible()
    assert any(kind == "error" and "Generation failed: why" in text for kind, text in said)


def test_an_overloaded_server_slows_it_down_and_does_not_stop_it(visit):
    page = visit(quiet=False)
    page.slider("Speed").fill("100")
    refused = []

    def refuse(route):
        refused.append(route.request.url)
        route.fulfill(
            status=503, content_type="application/json", headers={"Retry-After": "1"},
            body='{"error": "Too many"}',
        )  # fmt: skip

    page.page.route("**/api/generate", refuse)
    page.button("Play").click()
    expect(page.status).to_have_text("Many are here right now: it writes more slowly.")
    expect(page.button("Pause")).to_be_enabled()
    expect(page.page.locator(".toast")).to_have_count(0)
    page.page.wait_for_timeout(2500)
    assert 2 <= len(refused) <= 6, "it asks again when it was told to, and not before"
    page.page.unroute("**/api/generate")
    expect(page.output.locator(".generated").nth(3)).to_be_attached()
    expect(page.status).to_contain_text("Writing")


def test_enter_takes_the_marked_row_and_a_button_reached_by_tab_still_works(visit):
    page = visit()
    keyboard = page.page.keyboard
    page.button("Play").click()
    expect(page.output.locator(".generated").nth(0)).to_be_attached()
    page.button("Pause").click()
    page.ready()
    text = page.text()
    keyboard.press("ArrowDown")
    token = page.bars.locator("[aria-selected=true]").get_attribute("data-token")
    keyboard.press("Enter")  # the focus is on Play
    page.shows(text + token)
    expect(page.button("Pause")).to_be_disabled()
    page.button("Clear").focus()
    keyboard.press("Tab")
    expect(page.button("Play")).to_be_focused()
    keyboard.press("Enter")
    expect(page.button("Pause")).to_be_enabled()
