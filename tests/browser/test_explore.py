"""Going back in the text: by mouse, keyboard and touch, and what a choice there does."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LETTERS
from tests.browser.test_access import Audit, both_sizes
from tests.browser.test_kept import saved, written

PROMPT = "The king shall"
POINT = """([output, index]) => {
  const walker = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
  let left = index;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (left < node.length) {
      const range = document.createRange();
      range.setStart(node, left);
      range.setEnd(node, left + 1);
      const { x, y, width, height } = range.getBoundingClientRect();
      return [x + width * 0.8, y + height / 2];
    }
    left -= node.length;
  }
}"""


def point(page, index):
    """The middle of a character of the output, in the viewport."""
    return page.page.evaluate(POINT, [page.output.element_handle(), index])


def caption(page):
    return page.drawer.locator(".bars-title__place")


def at(page, index):
    """Wait for the bars of a place."""
    expect(page.pick).to_have_count(1)
    number = f"Character {index + 1} of {len(page.text())}:"
    expect(caption(page)).to_contain_text(number)
    return page.ready()


def shown(page):
    """The rows' tokens with their percentages."""
    return page.bars.evaluate(
        """list => Object.fromEntries([...list.querySelectorAll("[data-token]")].map((row) => {
          const { textContent } = row.querySelector(".candidate__value");
          return [row.dataset.token, parseFloat(textContent.replace("<", ""))];
        }))"""
    )


def other_row(page):
    return page.bars.locator("[data-token]:not([data-picked])").first


def branch(page):
    """Choose the first row that the text has not; returns its token."""
    text = page.text()
    token = other_row(page).get_attribute("data-token")
    other_row(page).click()
    page.changes(text)
    page.ready()
    return token


@pytest.mark.parametrize("size", ["laptop", "phone"])
def test_every_character_can_be_clicked_and_shows_what_was_weighed_there(visit, size):
    page = visit(size, has_touch=size == "phone")
    text = written(page)
    for index in (3, len(PROMPT) - 1, len(PROMPT), len(text) - 1):
        x, y = point(page, index)
        if size == "phone":
            page.page.touchscreen.tap(x, y)
        else:
            page.page.mouse.click(x, y)
        at(page, index)
        assert page.pick.get_attribute("data-token") == text[index]
        [step] = page.ask(
            "generate", session_id="plain", context=text[:index], position=index, n=1, temperature=0
        )["steps"]
        rows = shown(page)
        expected = {one["token"]: 100 * one["prob"] for one in step["candidates"]}
        assert {token: rows[token] for token in expected} == pytest.approx(expected, abs=0.11)
    page.button("Back to the end").click()
    expect(caption(page)).to_be_empty()
    page.shows(text)


def test_a_token_outside_the_ten_has_its_own_odds(visit):
    page = visit()
    text = page.text()
    for index in range(1, len(text)):
        scored = page.ask("score", session_id="plain", text=text)["tokens"][index]
        if scored["rank"] > 10:
            break
    else:
        pytest.fail("every character is among the first ten")
    page.page.mouse.click(*point(page, index))
    at(page, index)
    expect(page.options).to_have_count(11)
    [prob] = [p for token, p in shown(page).items() if token == text[index]]
    assert prob == pytest.approx(100 * 2.718281828 ** scored["logprob"], abs=0.11)


def test_the_first_character_has_odds_where_texts_have_a_beginning(visit):
    page = visit(query="&model=names&prompt=Ann&pick=top&v=1")
    page.output.focus()
    page.page.keyboard.press("Home")
    expect(page.pick).to_have_attribute("data-token", "A")
    expect(page.status).to_contain_text("Choose another, and the text goes on from there.")
    [first, *_] = page.ask("score", session_id="names", text="A")["tokens"]
    expected = {one["token"]: 100 * one["prob"] for one in first["candidates"]}
    expected["A"] = 100 * 2.718281828 ** first["logprob"]
    assert shown(page) == pytest.approx(expected, abs=0.11)
    other = page.options.nth(0 if first["rank"] != 1 else 1)
    token = other.get_attribute("data-token")
    other.click()
    page.shows(token)
    page.ready()
    page.page.keyboard.press("Control+z")
    page.shows("Ann")


def test_the_keyboard_goes_back_branches_and_undoes(visit):
    page = visit()
    text = written(page)
    page.output.focus()
    for key, index in (
        ("ArrowLeft", len(text) - 1), ("ArrowLeft", len(text) - 2), ("ArrowRight", len(text) - 1),
    ):  # fmt: skip
        page.page.keyboard.press(key)
        at(page, index)
    expect(page.drawer.locator(".voice")).to_contain_text(f"character {len(text)} of {len(text)}: ")
    page.page.keyboard.press("Home")
    expect(page.status).to_contain_text("Nothing stands before it")
    expect(page.options).to_have_count(0)
    page.page.keyboard.press("End")
    expect(caption(page)).to_be_empty()
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("Escape")
    expect(caption(page)).to_be_empty()
    expect(page.drawer).to_have_attribute("data-open", "true")
    page.page.keyboard.press("ArrowLeft")
    at(page, len(text) - 1)
    page.page.keyboard.press("ArrowDown")
    token = page.bars.locator("[aria-selected=true]").get_attribute("data-token")
    page.page.keyboard.press("Enter")
    page.shows(text[:-1] + token)
    page.page.keyboard.press("Control+z")
    page.shows(text)
    page.page.keyboard.press("Control+Shift+z")
    page.shows(text[:-1] + token)


def test_a_branch_in_what_was_typed_goes_on_as_the_server_says(visit):
    page = visit()
    text = written(page)
    page.page.mouse.click(*point(page, 5))
    at(page, 5)
    token = branch(page)
    page.shows(text[:5] + token)
    expect(page.input).to_have_value(text[:5])
    page.slider("Speed").fill("100")
    page.button("Write more").click()
    page.button("10 characters").click()
    expect(page.output.locator(".generated")).to_have_count(11)
    expect(page.button("Play")).to_be_enabled()
    steps = page.ask("generate", session_id="plain", context=text[:5] + token, n=10, temperature=0)[
        "steps"
    ]
    page.shows(text[:5] + token + "".join(step["token"] for step in steps))
    while page.text() != text:
        page.button("Undo").click()
        page.ready()
    expect(page.input).to_have_value(PROMPT)
    saved(page)
    page.page.reload()
    page.ready()
    page.shows(text)
    expect(page.button("Redo")).to_be_enabled()


def test_other_settings_and_another_training_step_move_the_bars_of_a_place(visit):
    page = visit()
    page.page.mouse.click(*point(page, 5))
    at(page, 5)
    before = shown(page)
    page.slider("Training step").fill("0")
    page.page.wait_for_function(
        "before => document.querySelector('[data-picked] .candidate__value')"
        ".textContent !== before",
        arg=page.pick.locator(".candidate__value").text_content(),
    )
    at(page, 5)
    assert shown(page) != before


def test_going_back_pauses_and_play_goes_on_at_the_end(visit):
    page = visit()
    page.slider("Speed").fill("100")
    page.button("Play").click()
    page.output.locator(".generated").nth(2).wait_for(state="attached")
    page.page.mouse.click(*point(page, 2))
    at(page, 2)
    text = page.text()
    page.button("Play").click()
    page.changes(text)
    assert page.text().startswith(text)


@pytest.mark.parametrize("size", ["laptop", "phone"])
def test_nothing_moves_while_one_goes_back(visit, size):
    page = visit(size)
    written(page)
    parts = "#drawer :is(button, textarea, .output, .status, .candidates, #settings)"
    boxes = f"""() => [...document.querySelectorAll("{parts}")]
      .filter((e) => e.checkVisibility() && !e.matches(".status *"))
      .map((e) => {{ const {{ x, y, width, height }} = e.getBoundingClientRect();
        return [e.id || e.className, x, y, width, height]; }})"""
    before = page.page.evaluate(boxes)
    page.output.focus()
    for _ in range(6):
        page.page.keyboard.press("ArrowLeft")
        page.ready()
        assert page.page.evaluate(boxes) == before


def test_a_long_text_is_gone_through_quickly(visit):
    page = visit()
    letters = (LETTERS.replace("\n", "") * 2000)[:100_000]
    page.input.fill(letters)
    page.ready()
    page.output.focus()
    page.page.keyboard.press("Home")
    expect(page.output).to_contain_text(letters[:1000])
    expect(page.page.locator(".output__mark")).to_be_visible()
    page.page.keyboard.press("ArrowRight")
    expect(page.pick).to_have_attribute("data-token", letters[1])
    page.page.keyboard.press("End")
    expect(caption(page)).to_be_empty()
    assert page.output.locator("*").count() < 10  # no element a character


@both_sizes
def test_axe_finds_nothing_at_a_place_and_in_the_menu(visit, size):
    page = visit(size, quiet=False, reduced_motion="reduce")
    audit = Audit(page)
    page.output.focus()
    page.page.keyboard.press("ArrowLeft")
    at(page, len(PROMPT) - 1)
    audit.look("an earlier place")
    page.page.keyboard.press("Escape")
    page.ready()
    page.button("Write more").click()
    expect(page.button("A word")).to_be_visible()
    audit.look("write more")
    assert audit.found == []
