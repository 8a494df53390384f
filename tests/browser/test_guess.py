"""Guess first: a round by mouse, keyboard and touch, its bits, and what is hidden before."""

import json
import math

import pytest
from playwright.sync_api import expect

from tests.browser.test_access import Audit, both_sizes
from tests.browser.test_kept import saved

SEED = 7
CHIPS, SIZE = 10, 62  # of the vocabulary of `plain`


def panel(page):
    return page.page.locator("[data-panel=guess]")


def text(page):
    return panel(page).locator(".guess__text")


def field(page):
    return page.page.get_by_role("textbox", name="Your guess")


def said(page):
    return panel(page).locator(".guess__said")


def piles(page):
    """The chips by token."""
    return (
        panel(page)
        .locator(".pile")
        .evaluate_all(
            """piles => Object.fromEntries(piles.map((pile) => [
          pile.querySelector("[data-pile]").dataset.pile,
          pile.querySelector(".pile__chips").textContent.length]))"""
        )
    )


def made(page, session_id="plain", seed=SEED):
    """The context of a round, its answer, and the model's bits."""
    body = page.ask("rounds", session_id=session_id, seed=seed)
    answer = [row["token"] for row in body["tokens"]]
    scored = page.ask("score", session_id=session_id, text=body["context"] + "".join(answer))
    tokens = scored["tokens"][len(body["context"]) :]
    return body["context"], answer, [-token["logprob"] / math.log(2) for token in tokens]


def play(visit, *args, model="plain", more="", **options):
    query = f"&model={model}&explore=guess.{SEED}&v=1{more}"
    page = visit(*args, query=query, wait=False, **options)
    expect(text(page)).to_have_attribute("aria-busy", "false")
    return page


def go(page, token):
    """Put all chips on a token, and look."""
    if token == "\n":
        page.button("new line").press("Enter")
        field(page).focus()
    else:
        page.page.keyboard.type(token)
    page.page.keyboard.press("Enter")


def bits(chips, placed=CHIPS, size=SIZE):
    return -math.log2((chips + (CHIPS + 1 - placed) / size) / (CHIPS + 1))


def test_a_round_by_keyboard_alone_and_the_answer_is_never_there_before(visit):
    page = play(visit)
    context, answer, model = made(page)
    expect(field(page)).to_be_focused()
    yours = []
    for index, token in enumerate(answer):
        shown = context + "".join(answer[:index])
        expect(text(page)).to_have_text(f"{shown}?", use_inner_text=False)
        assert panel(page).locator(".guess__bar--came").count() == 0
        is_right = index % 3 > 0
        other = "q" if token != "q" else "z"
        go(page, token if is_right else other)
        yours.append(bits(CHIPS if is_right else 0))
        sentence = f"Bits: you {yours[-1]:.2f}, the model {model[index]:.2f}."
        expect(said(page)).to_contain_text(sentence)
        expect(panel(page).locator(".guess__bar--came")).to_have_count(1)
        page.page.keyboard.press("Enter")
    expect(page.page.get_by_role("heading", name="The round is over")).to_be_focused()
    expect(text(page)).to_have_text(context + "".join(answer))
    rows = panel(page).locator(".guess__scores tbody tr").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["You", f"{sum(yours) / 20:.2f}"],
        ["The", "model", f"{sum(model) / 20:.2f}"],
    ]
    result = page.page.get_by_role("textbox", name="Your result").input_value()
    assert "".join(answer).strip() not in result
    assert ("■" * 2 + "·") in result
    link = result.splitlines()[-1]
    assert link.startswith(page.server)
    page.button("Play it again").click()
    expect(text(page)).to_have_text(f"{context}?")
    other = visit(query="&" + link.partition("?")[2], wait=False)
    expect(text(other)).to_have_text(f"{context}?")


def test_chips_by_mouse(visit):
    page = visit()
    page.button("Explore").click()
    page.page.get_by_role("tab", name="Guess first").click()
    expect(text(page)).to_have_attribute("aria-busy", "false")
    page.button("Show it").click()
    expect(said(page)).to_contain_text("Type a character first.")
    panel(page).get_by_text("All characters").click()
    for token in "eat":
        panel(page).locator(f".chip[data-guessed={token}]").click()
    assert piles(page) == {"e": 4, "a": 3, "t": 3}
    page.button("One chip more on a").click()
    assert piles(page) == {"e": 3, "a": 4, "t": 3}
    for _ in range(3):
        page.button("One chip less on t").click()
    assert piles(page) == {"e": 3, "a": 4}
    expect(panel(page).locator(".guess__hand")).to_contain_text("7 of 10 placed.")
    panel(page).locator("[data-guess=space]").click()  # one of all characters has the same name
    assert piles(page) == {"e": 3, "a": 4, " ": 1}
    page.button("Show it").click()
    expect(said(page)).to_contain_text("It was “")
    page.button("Next").click()
    assert piles(page) == {}


def test_what_the_model_does_not_know_is_said_and_not_counted(visit):
    page = play(visit)
    page.page.keyboard.insert_text("ß")
    expect(said(page)).to_have_text(
        "The model does not know “ß”: it can’t come, and was not counted."
    )
    assert piles(page) == {}
    page.page.keyboard.type("e😀a")
    assert piles(page) == {"e": 5, "a": 5}
    page.page.keyboard.press("Backspace")
    assert piles(page) == {"e": 10}
    page.page.keyboard.press("Enter")
    page.page.keyboard.type("x")  # the next guess, without a stop at "Next"
    assert piles(page) == {"x": 10}


def test_a_word_that_a_phone_composes_is_taken_as_it_is_typed(visit):
    page = play(visit)
    client = page.page.context.new_cdp_session(page.page)
    for word in ("e", "ea"):
        client.send("Input.imeSetComposition", dict(text=word, selectionStart=2, selectionEnd=2))
    assert piles(page) == {"e": 5, "a": 5}
    client.send("Input.imeSetComposition", {"text": "e", "selectionStart": 1, "selectionEnd": 1})
    assert piles(page) == {"e": 10}
    client.send("Input.insertText", {"text": "eß"})
    expect(said(page)).to_contain_text("does not know “ß”")
    assert piles(page) == {"e": 10}
    expect(field(page)).to_have_value("")


def test_a_reload_goes_on(visit):
    page = play(visit)
    context, answer, _ = made(page)
    for token in answer[:2]:
        go(page, token)
        page.page.keyboard.press("Enter")
    saved(page)
    page.page.reload()
    expect(text(page)).to_have_text(f"{context}{''.join(answer[:2])}?")
    expect(panel(page).locator(".guess__scores")).to_contain_text(f"{bits(CHIPS):.2f}")
    expect(panel(page).locator(".guess__token--most")).to_have_count(2)
    moment = page.page.evaluate("sessionStorage[history.state.momentKey]")
    assert json.loads(moment)["explore"] == f"guess.{SEED}.aaaa"
    page.page.keyboard.press("Escape")
    page.button("Explore").click()
    expect(text(page)).to_have_text(f"{context}{''.join(answer[:2])}?")


def test_another_text_is_another_round(visit):
    page = play(visit)
    place = panel(page).locator(".guess__round")
    expect(place).to_contain_text("Round 7 · character 1 of 20 · written by the model itself")
    saved(page)
    page.page.evaluate(
        """() => addEventListener("pagehide", () => {
          const key = history.state.momentKey;
          const moment = JSON.parse(sessionStorage.getItem(key));
          const explore = "guess.7." + "0a".repeat(20);
          sessionStorage.setItem(key, JSON.stringify({ ...moment, explore }));
        })"""
    )
    page.page.reload()
    expect(page.page.get_by_role("heading", name="The round is over")).to_be_visible()
    expect(panel(page).locator(".guess__beaten")).to_have_text(
        "All the others needed fewer bits this time."
    )
    page.button("Copy result").click()
    expect(panel(page).locator(".guess__copied")).not_to_be_empty()
    page.button("Another text").click()
    expect(place).to_contain_text("character 1 of 20")
    expect(place).not_to_contain_text("Round 7 ·")
    other = place.inner_text()
    page.page.reload()
    expect(place).to_have_text(other)


def test_a_model_of_markup_is_shown_as_characters(visit):
    page = play(visit, model="weird")
    context, answer, _ = made(page, "weird")
    assert text(page).evaluate("e => e.textContent") == f"{context}?"
    panel(page).get_by_text("All characters").click()
    for token in answer[:4]:
        panel(page).locator(".chip").evaluate_all(
            "(chips, token) => chips.find((chip) => chip.dataset.guessed === token).click()", token
        )
        page.button("Show it").click()
        expect(said(page)).to_contain_text("It was “")
        page.button("Next").click()
    assert text(page).evaluate("e => e.textContent") == f"{context}{''.join(answer[:4])}?"
    assert panel(page).locator("img, script").count() == 0


PIECES = "shakespeare-pieces"


@pytest.mark.parametrize("lang", ["en", "de"])
def test_in_word_pieces_a_guess_is_a_token(visit, bundled, lang):
    page = play(visit, model=PIECES, at=bundled, more=f"&lang={lang}")
    body = page.ask("rounds", session_id=PIECES, seed=SEED)
    answer = [row["token"] for row in body["tokens"]]
    ids = [row["token_id"] for row in body["tokens"]]
    asked = {"session_id": PIECES, "text": body["context"], "text_ids": ids}
    scored = page.ask("score", **asked)["tokens"][-len(ids) :]
    unit = {"en": "token 1 of 20", "de": "Token 1 von 20"}[lang]
    expect(panel(page).locator(".guess__round")).to_contain_text(unit)
    expect(text(page)).to_have_text(f"{body['context']}?", use_inner_text=False)
    box = panel(page).locator(".guess__field")
    expect(box).to_be_focused()
    for token, place in list(zip(answer, scored, strict=True))[:3]:
        page.page.keyboard.insert_text(token)
        page.page.keyboard.press("Enter")
        expect(panel(page).locator(".pile")).to_have_count(1)
        assert piles(page) == {token: CHIPS}
        expect(box).to_have_value("")
        page.page.keyboard.press("Enter")
        model = f"{-place['logprob'] / math.log(2):.2f}"
        model = model.replace(".", ",") if lang == "de" else model
        expect(said(page)).to_contain_text(model)
        expect(panel(page).locator(".guess__bar--came")).to_have_count(1)
        page.page.keyboard.press("Enter")
    expect(text(page)).to_contain_text("".join(answer[:3]))
    page.page.reload()
    expect(panel(page).locator(".guess__token--most")).to_have_count(3)


def test_what_is_typed_is_offered_as_the_tokens_it_may_be(visit, bundled):
    page = play(visit, model=PIECES, at=bundled)
    page.button("Show it").click()
    expect(said(page)).to_contain_text("Type a word or a piece of one first.")
    page.page.keyboard.type("the")
    offered = panel(page).locator(".guess__readings button")
    expect(offered).to_have_text(["the", "␣the"])
    offered.last.click()
    assert piles(page) == {" the": CHIPS}
    expect(offered).to_have_count(0)
    expect(field(page)).to_be_focused()
    page.page.keyboard.type(" quickly")
    page.page.keyboard.press("Enter")
    expect(said(page)).to_contain_text("The first of them can come now: “␣qu")
    first = next(token for token in piles(page) if token != " the")
    assert piles(page) == {" the": 5, first: 5}
    page.button("new line").click()
    assert piles(page) == {" the": 4, first: 3, "\n": 3}
    page.page.keyboard.press("Backspace")
    assert set(piles(page)) == {" the", first}
    page.page.keyboard.press("Enter")
    expect(panel(page).locator(".guess__bar--came")).to_have_count(1)
    page.page.keyboard.type(" and")  # the next guess, without a stop at "Next"
    page.page.keyboard.press("Enter")
    expect(panel(page).locator(".pile")).to_have_count(1)
    assert piles(page) == {" and": CHIPS}


def test_another_model_begins_its_own_round(visit, bundled):
    page = play(visit, model="tales", at=bundled)
    for token in "xyz":
        page.page.keyboard.type(token)
    page.button("Show it").click()
    expect(said(page)).to_contain_text("It was “")
    page.page.keyboard.press("Escape")
    page.use(PIECES)
    page.button("Explore").click()
    expect(panel(page).locator(".guess__round")).to_contain_text("token 1 of 20")
    expect(text(page)).to_have_attribute("aria-busy", "false")
    assert piles(page) == {}
    expect(said(page)).to_be_empty()
    expect(panel(page).locator(".guess__hand")).to_contain_text("0 of 10 placed")


def test_a_tokenizer_that_fails_is_said_and_what_was_typed_stays(visit, bundled):
    page = play(visit, model=PIECES, at=bundled, quiet=False)
    page.page.route("**/api/tokenize", lambda route: route.abort())
    page.page.keyboard.type(" the")
    expect(panel(page).locator(".guess__said--problem")).not_to_be_empty()
    page.page.keyboard.press("Enter")
    expect(field(page)).to_have_value(" the")
    page.page.unroute("**/api/tokenize")
    page.page.keyboard.press("Enter")
    expect(panel(page).locator(".pile")).to_have_count(1)
    expect(field(page)).to_have_value("")
    assert piles(page) == {" the": CHIPS}


def test_without_a_server_there_is_a_sentence_and_another_try(visit):
    page = visit(quiet=False)
    page.page.route("**/api/rounds", lambda route: route.abort())
    page.button("Explore").click()
    page.page.get_by_role("tab", name="Guess first").click()
    expect(panel(page).locator(".guess__reason")).not_to_be_empty()
    expect(field(page)).to_be_hidden()
    page.page.unroute("**/api/rounds")
    page.button("Try again").click()
    expect(field(page)).to_be_visible()
    expect(text(page)).to_have_attribute("aria-busy", "false")


def test_a_course_page_can_hide_it(visit):
    page = visit(query="&hide=guess&v=1")
    page.button("Explore").click()
    expect(page.page.get_by_role("tab", name="Guess first")).to_have_count(0)


@pytest.mark.parametrize("lang", ["en", "de"])
def test_on_a_phone_by_touch_everything_fits_and_is_large_enough(visit, lang):
    page = play(visit, "phone", has_touch=True, is_mobile=True, more=f"&lang={lang}")
    names = {"en": ("space", "Show it", "Next"), "de": ("Leerzeichen", "Zeigen", "Weiter")}[lang]
    dialog = page.page.locator("#explore-dialog")
    small = """panel => [...panel.querySelectorAll("button, input, summary")]
      .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 44)
      .map((e) => e.className)"""
    page.button(names[0]).tap()
    assert panel(page).evaluate(small) == []
    page.button(names[1]).tap()
    expect(panel(page).locator(".guess__bar--came")).to_have_count(1)
    assert panel(page).evaluate(small) == []
    assert dialog.evaluate("d => d.scrollWidth - d.clientWidth") == 0
    page.button(names[2]).tap()
    expect(panel(page).locator(".guess__bar--covered")).to_have_count(10)


@both_sizes
def test_axe_finds_nothing_in_a_round(visit, size):
    page = play(visit, size, quiet=False, reduced_motion="reduce")
    audit = Audit(page)
    audit.look("covered")
    panel(page).get_by_text("All characters").click()
    for token in "ea":
        panel(page).locator(f".chip[data-guessed={token}]").click()
    audit.look("chips")
    page.button("Show it").click()
    audit.look("shown")
    over = "guess.7." + "aa" * 20
    query = f"&model=plain&explore={over}&v=1"
    done = visit(size, query=query, wait=False, quiet=False, reduced_motion="reduce")
    expect(done.button("Copy result")).to_be_visible()
    audit = Audit(done)
    audit.look("over")
    assert audit.found == []
