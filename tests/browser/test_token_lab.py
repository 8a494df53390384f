"""What a token is: a text in the tokens of several models, by mouse, keyboard and touch."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import HOSTILE
from tests.browser.test_access import Audit, both_sizes
from tests.browser.tour import LANGUAGES

COLUMNS = ["Word", "Fairy tales", "Shakespeare, word pieces", "GPT-2"]


@pytest.fixture
def lab(visit, bundled):
    """`lab(size, state)`: the panel at a text of its own, once all words are counted."""

    def open_at(size="laptop", state="", lang="en", **options):
        explore = f"tokens.{state}" if state else "tokens"
        query = f"&lang={lang}&model=tales&explore={explore}&v=1"
        page = visit(size, at=bundled, query=query, wait=False, **options)
        expect(panel(page).locator(".cuts__cell").last).to_have_text("7")
        return page

    return open_at


def panel(page):
    return page.page.locator("[data-panel=tokens]")


def row(page, name):
    return panel(page).locator(".cut").filter(has=page.page.locator(".cut__name", has_text=name))


def tokens(page, name):
    return row(page, name).locator(".cut__token").all_text_contents()


def test_with_a_model_of_word_pieces_the_characters_are_asked_for(visit, bundled):
    query = "&model=shakespeare-pieces&explore=tokens&v=1"
    page = visit(at=bundled, query=query, wait=False)
    expect(panel(page).locator(".cuts__cell").last).to_have_text("7")
    heads = panel(page).locator("thead th").all_text_contents()
    assert heads == ["Word", "Shakespeare, word pieces", "Fairy tales", "GPT-2"]
    assert "".join(tokens(page, "Fairy tales")) == "How many r's are in strawberry?"


def test_a_text_falls_into_the_tokens_of_each_model(lab):
    page = lab()
    assert "".join(tokens(page, "Fairy tales")) == "How many r's are in strawberry?"
    assert tokens(page, "GPT-2") == ["How", " many", " r", "'s", " are", " in", " strawberry", "?"]
    assert panel(page).locator("thead th").all_text_contents() == COLUMNS
    field = panel(page).get_by_role("textbox", name="A text")
    expect(field).to_be_focused()
    field.fill(HOSTILE + "’")
    expect(row(page, "GPT-2").locator(".cut__token").last).to_have_text("⟨99⟩")
    asked = page.ask("tokenize", session_id="shakespeare-pieces", text=HOSTILE + "’")["tokens"]
    assert tokens(page, "Shakespeare, word pieces") == [token["text"] for token in asked]
    assert "not known" in row(page, "Fairy tales").locator(".cut__count").inner_text()
    assert page.page.locator("#explore-dialog img").count() == 0
    # A word of the table, by keyboard; then through its tokens.
    word = panel(page).get_by_role("button", name="␣strawberry, after a space")
    word.focus()
    word.press("Enter")
    expect(field).to_have_value(" strawberry")
    expect(row(page, "GPT-2").locator(".cut__count")).to_have_text("1 token")
    row(page, "Fairy tales").locator(".cut__token").first.focus()
    page.page.keyboard.press("End")
    expect(panel(page).locator(".cuts__reading")).to_contain_text("“y” is number")
    page.page.keyboard.press("ArrowLeft")
    expect(panel(page).locator(".cuts__reading")).to_contain_text("“r” is number")
    page.page.wait_for_timeout(700)  # until the moment is kept
    page.page.reload()
    expect(field).to_have_value(" strawberry")


def test_a_count_that_comes_later_takes_nothing_away(visit, bundled):
    page = visit(at=bundled, query="&model=tales&v=1")
    held = []

    def hold(route):
        last = json.loads(route.request.post_data)["text"] == "STRAWBERRY"
        held.append(route) if last else route.continue_()

    page.page.route("**/api/tokenize/gpt2", hold)
    page.button("Explore").click()
    page.page.get_by_role("tab", name="Tokens").click()
    cells = panel(page).locator(".cuts__cell")
    expect(cells.nth(8)).not_to_have_text("…")
    chip = row(page, "GPT-2").locator(".cut__token").first
    chip.focus()
    reading = panel(page).locator(".cuts__reading")
    expect(reading).to_contain_text("“How” is number")
    page.page.wait_for_function("count => count", arg=len(held))
    held[0].continue_()
    expect(cells.last).to_have_text("7")
    expect(chip).to_be_focused()
    expect(reading).to_contain_text("“How” is number")


def test_a_link_leads_to_a_text_and_a_failure_loses_nothing(lab):
    page = lab(state="aGk", lang="de", locale=LANGUAGES["de"], quiet=False)
    field = panel(page).get_by_role("textbox", name="Ein Text")
    expect(field).to_have_value("hi")
    page.page.route("**/api/tokenize/gpt2", lambda route: route.abort())
    field.fill("hi there")
    again = panel(page).get_by_role("button", name="Noch einmal")
    expect(again).to_be_visible()
    expect(field).to_have_value("hi there")
    page.page.unroute("**/api/tokenize/gpt2")
    again.click()
    expect(row(page, "GPT-2").locator(".cut__count")).to_have_text("2 Tokens")
    expect(again).to_be_hidden()


@both_sizes
def test_axe_finds_nothing_and_everything_is_in_reach(lab, size):
    touch = {} if size == "laptop" else {"has_touch": True, "is_mobile": True}
    page = lab(size, quiet=False, reduced_motion="reduce", **touch)
    audit = Audit(page)
    audit.look("tokens")
    assert audit.found == []
    dialog = page.page.locator("#explore-dialog")
    assert dialog.evaluate("d => d.scrollWidth - d.clientWidth") == 0
    if touch:
        examples = panel(page).locator(".cuts__example")
        heights = examples.evaluate_all("all => all.map((e) => e.getBoundingClientRect().height)")
        assert min(heights) >= 43.5
        row(page, "GPT-2").locator(".cut__token").last.tap()
        expect(panel(page).locator(".cuts__reading")).to_contain_text("“?” is number")
