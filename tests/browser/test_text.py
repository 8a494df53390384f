"""Characters are shown as what they are: nothing runs, nothing moves, nothing is lost."""

from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import expect

from playground.lm.vocabulary import Vocabulary
from tests.browser.conftest import HOSTILE, WEIRD

TRICKY = [
    HOSTILE, "${alert(1)}", "{{#each}}", "`\"'`\\", "a\tn\no", "😀é😀", "\u05d0\u05d1 (a) 1",
    "\u202ea1\u202e",
]  # fmt: skip


@pytest.fixture
def alarm(visit):
    """A visit to the model whose vocabulary is made of markup."""

    def open_page(*args):
        page = visit(*args)
        page.page.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
        return page.use("weird")

    return open_page


@pytest.mark.parametrize("size", ["laptop", "phone"])
def test_markup_is_text_everywhere(alarm, size):
    page = alarm(size)
    expect(page.input).to_have_value(HOSTILE)
    assert page.text() == HOSTILE
    for text in TRICKY:
        if set(text) <= set(WEIRD):
            page.write(text)
            assert page.text() == text
            assert page.drawer.locator(".counter").inner_text().startswith(f"{len(text)} ")
        else:
            page.input.fill(text)
            expect(page.drawer.locator(".unknown")).to_be_visible()
    assert page.page.locator("#player img, #input-notes img, .mirror img").count() == 0


def test_every_candidate_is_appended_as_it_is(alarm):
    page = alarm()
    page.write("x")
    seen = set()
    for index in range(24):
        row = page.options.nth(index % 10)
        token, text = row.get_attribute("data-token"), page.text()
        name = row.locator(".candidate__name").inner_text()
        assert name.strip()
        assert "\n" not in name
        seen.add(token)
        row.click()
        page.shows(text + token)
        page.ready()
    assert len(seen) > 8


# As files, mails and other systems have it, and as the model knows it.
ENTERED = {
    "\ufeffto be\ufeff": "to be",
    "to\rbe\r\nor\n\rnot": "to\nbe\nor\n\nnot",
    "to\u2028be\u2029or\x85not": "to\nbe\nor\nnot",
    "schon\u200d 👩\u200d👧 \u200f\u05d0": "schon\u200d 👩\u200d👧 \u200f\u05d0",
    "scho\u0308n": "sch\u00f6n",  # unknown in either form: composed
}


@pytest.mark.parametrize("entered", ENTERED)
def test_a_text_is_the_same_pasted_linked_and_sent(visit, entered):
    expected = ENTERED[entered]
    page = visit()
    page.input.fill("")
    page.input.focus()
    page.page.keyboard.insert_text(entered)  # one input event, as a paste
    page.shows(expected)
    linked = visit(query=f"&{urlencode({'prompt': entered, 'v': 1})}", wait=False)
    linked.output.wait_for(state="attached")
    linked.shows(expected)
    known = httpx.get(f"{page.server}/api/sessions/plain").json()["vocabulary"]
    assert Vocabulary(known).adapt(entered) == expected
    if set(expected) <= set(known):
        ids = [
            step["id"] for step in page.ask("tokenize", session_id="plain", text=expected)["tokens"]
        ]
        assert ids == Vocabulary(known).encode(expected)


def test_positions_are_code_points(alarm):
    page = alarm()
    sent = []
    page.page.on("request", lambda request: sent.append(request.post_data_json)
                 if request.url.endswith("/api/generate") else None)  # fmt: skip
    page.write("😀" * 20)
    assert sent[-1]["position"] == 20
    assert sent[-1]["context"] == "😀" * 16
    expect(page.drawer.locator(".counter")).to_have_text("20 chars (last 16 in context)")
    assert page.output.locator(".outside").first.evaluate("e => e.textContent") == "😀" * 4


def test_names_for_what_cannot_be_seen(alarm):
    page = alarm()
    page.button("Knows 38 characters").click()
    chips = page.drawer.locator("#vocabulary").get_by_role("listitem").all_inner_texts()
    assert {"\\n", "\\t", "(space)", "U+202E", "<", "`", "😀"} <= set(chips)


def test_what_left_the_window_is_faded_and_the_rest_is_not(visit):
    page = visit()
    page.slider("Speed").fill("100")
    page.write("a" * 60)
    page.button("Play").click()
    page.output.locator(".generated").nth(8).wait_for(state="attached")
    page.button("Pause").click()
    text = page.text()
    page.page.wait_for_timeout(250)  # the last of them has faded in
    window = page.output.evaluate(
        """output => [...output.querySelectorAll("span:not(.cursor)")].map((span) =>
          [span.textContent, getComputedStyle(span).opacity])"""
    )
    faded = "".join(part for part, opacity in window if opacity == "0.4")
    full = "".join(part for part, opacity in window if opacity == "1")
    assert faded + full == text
    assert len(full) == 64
    typed, written = page.output.locator(".typed").last, page.output.locator(".generated").last
    colour = "element => getComputedStyle(element).color"
    assert typed.evaluate(colour) != written.evaluate(colour)
    assert written.evaluate("e => getComputedStyle(e).animationDuration") == "0.2s"


def test_unknown_characters_are_marked_where_they_stand_and_can_be_replaced(visit):
    page = visit()
    typed = "Caf\u00e9 \u201cso\u201d\tsaid\n\u05d0\U0001f600 now"
    page.input.fill(typed)
    notice = page.drawer.locator(".unknown")
    expect(notice).to_be_visible()
    mirror = page.drawer.locator(".mirror")
    assert mirror.evaluate("m => m.textContent") == typed + "\n"
    marks = mirror.locator("mark").all_text_contents()
    assert "".join(marks) == "\u00e9\u201c\u201d\t\u05d0\U0001f600"
    chips = page.drawer.locator(".unknown__names").get_by_role("listitem").all_inner_texts()
    assert chips == ["\u00e9", "\u201c", "\u201d", "\\t", "\u05d0", "\U0001f600"]
    for name in ("Play", "Step"):
        expect(page.button(name)).to_be_disabled()
    expect(page.options).to_have_count(0)
    expect(page.input).to_have_value(typed)
    page.button("Knows 62 characters").click()
    expect(page.drawer.locator("#vocabulary")).to_be_visible()
    page.page.keyboard.press("Escape")
    page.button("Replace them").click()
    expect(page.drawer.locator(".unknown__loss")).to_contain_text("\u05d0 \U0001f600")
    page.button("Leave them out").click()
    expect(page.input).to_have_value("Cafe 'so' said\n now")
    expect(notice).to_be_hidden()
    page.ready()
    expect(page.button("Play")).to_be_enabled()


@pytest.mark.parametrize(
    "text", ["one\ntwo é three", "long " * 30 + "é", "\u05d0\u05d1 é \u05d2", "\té\té"]
)
def test_marks_lie_exactly_behind_their_characters(visit, text):
    page = visit()
    page.input.fill(text)
    expect(page.drawer.locator(".mirror mark").first).to_be_attached()
    offset = page.page.evaluate(
        """() => {
          const field = document.querySelector("#input-text textarea");
          const mirror = document.querySelector(".mirror");
          const look = ["font", "lineHeight", "letterSpacing", "whiteSpace", "tabSize", "direction",
            "overflowWrap", "wordBreak", "paddingLeft", "paddingTop", "textAlign"];
          const [a, b] = [getComputedStyle(field), getComputedStyle(mirror)];
          const [f, m] = [field.getBoundingClientRect(), mirror.getBoundingClientRect()];
          return {
            styles: look.filter((name) => a[name] !== b[name]),
            x: m.left - f.left - field.clientLeft,
            y: m.top - f.top - field.clientTop,
            width: m.width - field.clientWidth,
            scroll: mirror.scrollTop - field.scrollTop,
          };
        }"""
    )
    assert offset == {"styles": [], "x": 0, "y": 0, "width": 0, "scroll": 0}
