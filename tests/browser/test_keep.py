"""Keeping a text: in the browser, as files, as code; and opening it again."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import subprocess
import sys
from xml.etree import ElementTree

import httpx
import pytest
from playwright.sync_api import expect

from playground.page.text_file import TextFile
from tests.browser.conftest import HOSTILE
from tests.browser.test_access import Audit, both_sizes
from tests.browser.test_explore import PROMPT, at, branch, point
from tests.browser.test_kept import written
from tests.test_docs import README

NAME = HOSTILE + " ${x} `y` \u202e"


def keep(page):
    """Open the panel."""
    page.button("Explore").click()
    page.page.get_by_role("tab", name="Keep it").click()
    expect(panel(page)).to_be_visible()
    return page


def panel(page):
    return page.page.locator("[data-panel=keep]")


def rows(page):
    return panel(page).locator(".kept")


def said(page, part):
    return panel(page).locator(f"[data-said={part}]")


def close(page):
    page.page.keyboard.press("Escape")
    expect(panel(page)).to_be_hidden()


def download(page, ending):
    """The content of a file."""
    with page.page.expect_download() as waiting:
        panel(page).locator(f"[data-save={ending}]").click()
    assert waiting.value.suggested_filename.endswith(f".{ending}")
    content = waiting.value.path().read_bytes()
    expect(said(page, "files")).to_contain_text("Saved as")
    return content


def hostile_text(page):
    """A text of a model that knows markup, sampled, with choices, settings and model changed."""
    page.use("weird")
    page.write("<img src=x>'\"&\\`${a}\t\u202e😀\n")
    page.sample()
    written(page, 4)
    page.slider("Temperature").fill("1.7")
    page.ready()
    written(page, 3)
    page.output.focus()
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("ArrowLeft")
    at(page, len(page.text()) - 2)
    branch(page)
    written(page, 3)
    return page.text()


def replay(server, file, folder):
    """Write the text of a JSON file again, with README's program."""
    [program] = [
        code for code in re.findall(r"```python\n(.+?)```", README, re.S) if "argv" in code
    ]
    path = folder / "text.json"
    path.write_text(json.dumps(file), "utf-8")
    return run_python(program, path, server).removesuffix("\n")


def run_python(program, *arguments):
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-c", program, *map(str, arguments)],
        capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip


def test_a_saved_text_is_written_again_by_the_api(visit, tmp_path):
    page = visit()
    text = hostile_text(page)
    file = json.loads(download(keep(page), "json"))
    TextFile.model_validate(file)
    assert httpx.get(file["$schema"]).json()["title"] == "TextFile"
    assert file["prompt"] + "".join(token["text"] for token in file["tokens"]) == text
    picked = [token["picked"] for token in file["tokens"]]
    assert picked.count(False) == 1
    assert {writer["sampling"]["temperature"] for writer in file["writers"]} == {1.0, 1.7}
    vocabulary = httpx.get(f"{page.server}/api/sessions/weird").json()["vocabulary"]
    assert [vocabulary[id] for id in file["prompt_ids"]] == list(file["prompt"])
    assert all(vocabulary[token["id"]] == token["text"] for token in file["tokens"])
    assert replay(page.server, file, tmp_path) == text


def run_bash(code):
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def code(page, of, language):
    panel(page).get_by_label(of).check()
    panel(page).get_by_label(language).check()
    expect(panel(page).locator("[data-keep=copy]")).to_have_text(f"Copy as {language}")
    expect(panel(page).locator("[data-keep=copy]")).to_be_enabled()
    return panel(page).locator(".keep__code").input_value()


@pytest.mark.parametrize("hostile", [False, True], ids=["letters", "hostile"])
def test_curl_and_python_run_as_they_stand_and_say_the_same(visit, hostile):
    page = visit()
    text = hostile_text(page) if hostile else written(page, 4)
    pick = page.pick.get_attribute("data-token")
    keep(page)
    shown = code(page, "the next character", "curl")
    assert shown.isascii()
    [answer] = run_bash(shown)
    assert answer["next_token"] == pick
    first, *odds = run_python(code(page, "the next character", "Python")).splitlines()
    assert first == repr(pick)
    assert [line.split("%")[1].strip() for line in odds] == [
        repr(one["token"]) for one in answer["probabilities"]
    ]
    answers = run_bash(code(page, "the whole text", "curl"))
    shown = code(page, "the whole text", "Python")
    assert shown.isascii()
    assert run_python(shown) == text + "\n"
    by_curl = "".join(step["token"] for answer in answers for step in answer["steps"])
    if hostile:
        assert len(answers) == 3  # another temperature, and what follows the choice
        assert len(by_curl) == len(json.loads(download(page, "json"))["tokens"]) - 1
    else:
        assert PROMPT + by_curl == text
    panel(page).locator("[data-keep=copy]").click()
    expect(said(page, "code")).not_to_be_empty()


def test_the_next_odds_of_another_branch_have_code_of_their_own(visit):
    page = visit()

    def choose(token):
        page.bars.locator(f'[data-token="{token}"]').click()
        page.ready()

    def tokens():
        found = page.options.evaluate_all("options => options.map((one) => one.dataset.token)")
        return [token for token in found if token and token.isalpha()]

    def shown():
        keep(page)
        found = code(page, "the next character", "curl")
        close(page)
        return found

    first, second = tokens()[:2]
    after = []
    for token in (first, second):
        choose(token)
        after.append(tokens())
        page.page.keyboard.press("Control+z")
        page.shows(PROMPT)
        page.ready()
    last = next(token for token in after[0] if token in after[1])
    found = []
    for token in (first, second):
        choose(token)
        choose(last)
        found.append(shown())
        for _ in range(2):
            page.page.keyboard.press("Control+z")
        page.shows(PROMPT)
        page.ready()
    assert [
        PROMPT + token + last in one for token, one in zip((first, second), found, strict=True)
    ] == [True] * 2


def test_an_earlier_place_is_asked_for_as_it_is_shown(visit):
    page = visit()
    page.page.mouse.click(*point(page, 5))
    at(page, 5)
    labels = page.bars.locator("[data-token]").evaluate_all(
        "rows => rows.filter((row) => row.style.display !== 'none').map((row) => row.dataset.token)"
    )
    keep(page)
    [answer] = run_bash(code(page, "the next character", "curl"))
    assert [one["token"] for one in answer["probabilities"]] == labels[:10]
    svg = ElementTree.fromstring(download(page, "svg"))
    assert PROMPT[:5] in [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]


def test_the_odds_of_a_restored_text_are_asked_for_again(visit):
    query = (
        "&prompt=The+king&pick=sample&temperature=0.7&seed=5&length=3&written=abc&model=plain&v=1"
    )
    page = visit(query=query)
    text = page.text()
    assert text == "The kingabc"
    table = list(csv.DictReader(io.StringIO(download(keep(page), "csv").decode())))
    assert [int(row["position"]) for row in table] == list(range(len(text) + 1))
    assert [json.loads(row["token"]) for row in table][:-1] == list(text)
    scored = page.ask("score", session_id="plain", text="The king", step=1000)["tokens"]
    for position, row in enumerate(table):
        candidates = [
            (json.loads(row[f"token_{n}"]), float(row[f"prob_{n}"]))
            for n in range(1, 11)
            if row[f"token_{n}"]
        ]  # fmt: skip
        if position < len("The king"):
            assert row["kind"] == "prompt"
            expected = [(one["token"], one["prob"]) for one in scored[position]["candidates"]]
            assert candidates == expected
            logprob = scored[position]["logprob"]
            assert (
                row["prob"] == ""
                if logprob is None
                else float(row["prob"]) == pytest.approx(math.exp(logprob))
            )
            continue
        [step] = page.ask(
            "generate", session_id="plain", step=1000, context=text[:position], n=1,
            temperature=0.7, seed=5,
        )["steps"]  # fmt: skip
        assert candidates == [(one["token"], one["prob"]) for one in step["candidates"]]
        assert float(row["other"]) == pytest.approx(step["other"]["prob"])
        assert float(row["temperature"]) == 0.7
    assert table[-1]["kind"] == "next"
    assert json.loads(table[-1]["token"]) == page.pick.get_attribute("data-token")


def test_pictures_show_the_bars_and_hold_no_markup_of_the_text(visit):
    page = visit()
    hostile_text(page)
    percents = page.bars.locator("[data-token] .candidate__value").all_text_contents()[:10]
    keep(page)
    source = download(page, "svg").decode()
    svg = ElementTree.fromstring(source)
    kinds = {element.tag.rpartition("}")[2] for element in svg.iter()}
    assert kinds == {"svg", "title", "style", "rect", "text", "g"}
    assert not re.search(r"[\u202a-\u202e\t\x00]", source)
    texts = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert [text for text in texts if text.endswith("%")][:10] == percents
    assert any("step 1,000" in text and "temperature 1.7" in text for text in texts)
    png = download(page, "png")
    assert png.startswith(b"\x89PNG")
    width = int.from_bytes(png[16:20], "big")
    assert width == 2 * int(svg.get("width"))


def test_kept_texts_survive_and_are_opened_named_deleted_and_brought_back(visit):
    page = visit(locale="en-GB")
    page.use("weird")
    page.write("<img src=x>")
    page.sample()
    text = written(page, 3)
    pick = page.pick.get_attribute("data-token")
    keep(page)
    panel(page).get_by_label("Name").first.fill(NAME)
    page.page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).locator(".kept__name")).to_have_value(NAME.strip())
    close(page)
    page.page.locator("input[value=other]").check(force=True)  # which lacks what is written
    page.write("Something else")
    keep(page)
    page.button("Keep this text").click()
    expect(rows(page)).to_have_count(2)
    page.page.reload()
    expect(panel(page)).to_be_visible()
    expect(rows(page)).to_have_count(2)
    rows(page).nth(1).get_by_role("button", name=re.compile("^Open")).click()
    expect(panel(page)).to_be_hidden()
    page.shows(text)
    page.ready()
    expect(page.drawer.locator(".model__line")).to_contain_text("weird")
    assert page.pick.get_attribute("data-token") == pick
    page.button("Undo").click()
    page.shows("Something else")
    keep(page)
    rows(page).nth(1).get_by_role("button", name=re.compile("^Delete")).click()
    expect(rows(page)).to_have_count(1)
    expect(panel(page).locator("[data-keep=undo]")).to_be_focused()
    page.page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(2)
    expect(rows(page).nth(1).locator(".kept__name")).to_have_value(NAME.strip())


def test_what_is_full_or_denied_says_so(visit):
    page = visit()
    long = "abcdefghij" * 8000
    page.write(long)
    keep(page)
    for count in range(1, 12):
        page.button("Keep this text").click()
        expect(rows(page)).to_have_count(count)
    page.button("Keep this text").click()
    expect(said(page, "history")).to_contain_text("There is no room left")
    expect(rows(page)).to_have_count(11)
    other = visit(wait=False)
    other.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied') } })"
    )
    other.page.reload()
    other.ready()
    keep(other)
    expect(said(other, "history")).to_contain_text("lets this page keep nothing")
    expect(other.button("Keep this text")).to_be_hidden()


def test_a_saved_file_opens_with_model_and_settings_and_others_get_a_sentence(visit, tmp_path):
    page = visit()
    text = hostile_text(page)
    pick = page.pick.get_attribute("data-token")
    file = json.loads(download(keep(page), "json"))
    close(page)
    other = visit(query="&model=names&v=1", has_touch=True, size="phone")
    keep(other)
    chooser = panel(other).locator("input[type=file]")
    broken = [
        (b"", "There is nothing in it"),
        (b'{"format": "token-pl', "It is no JSON"),
        (b"[1, 2]", "no text that was saved here"),
        (b'{"format": "token-playground-text", "version": 2}', "newer version"),
        (b"\xff\xfe\x00" * 900_000, "too large"),
    ]
    [first, *_], [writer, *_] = file["tokens"], file["writers"]
    for change in (
        {"tokens": None}, {"prompt": 5}, {"prompt": "\ud800"}, {"writers": []},
        {"tokens": [first | {"writer": 9}]}, {"tokens": [first | {"text": ""}]},
        {"tokens": file["tokens"] * 200}, {"writers": [writer | {"sampling": {"seed": 1}}]},
    ):  # fmt: skip
        broken.append((json.dumps(file | change).encode(), "missing or damaged"))
    for content, sentence in broken:
        chooser.set_input_files({"name": "a.json", "mimeType": "", "buffer": content})
        expect(said(other, "open")).to_contain_text(sentence)
        other.page.evaluate("document.querySelector('[data-said=open]').textContent = ''")
    panel(other).get_by_label("Or paste").fill(json.dumps(file))
    panel(other).locator("[data-keep=open]").tap()
    expect(panel(other)).to_be_hidden()
    other.shows(text)
    other.ready()
    assert other.pick.get_attribute("data-token") == pick
    keep(other)
    again = json.loads(download(other, "json"))
    for one in (file, again):
        for writer in one["writers"]:
            del writer["name"]
    assert again["tokens"] == file["tokens"]
    assert replay(other.server, again, tmp_path) == text


def test_by_keyboard_alone_in_german_on_a_phone(visit):
    page = visit("phone", locale="de-DE", has_touch=True, is_mobile=True, wait=False)
    expect(page.page.locator("[data-picked]")).to_have_count(1)
    page.page.locator(".explore-door").focus()
    page.page.keyboard.press("Enter")
    expect(page.page.locator("[role=treeitem]:focus")).to_have_count(1)
    page.page.keyboard.press("Shift+Tab")
    page.page.keyboard.press("End")
    expect(page.page.locator("#explore-tab-keep")).to_be_focused()
    expect(panel(page)).to_be_visible()
    page.page.keyboard.press("Tab")
    expect(panel(page).locator(".keep__name")).to_be_focused()
    page.page.keyboard.type("Mein König")
    page.page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(said(page, "history")).to_have_text("Behalten.")
    dialog = page.page.locator("#explore-dialog")
    assert dialog.evaluate("d => d.scrollWidth - d.clientWidth") == 0
    small = panel(page).evaluate(
        """panel => [...panel.querySelectorAll("button, input:not([type=file], [type=radio])")]
          .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 44)
          .map((e) => e.className)"""
    )
    assert small == []


@both_sizes
def test_axe_finds_nothing_where_texts_are_kept(visit, size):
    page = visit(size, quiet=False, reduced_motion="reduce")
    written(page, 2)
    audit = Audit(page)
    keep(page)
    audit.look("nothing kept")
    page.button("Keep this text").click()
    expect(rows(page)).to_have_count(1)
    panel(page).get_by_label("the whole text").check()
    panel(page).locator("[data-keep=open]").click()
    audit.look("a text, code, a sentence")
    rows(page).get_by_role("button", name=re.compile("^Delete")).click()
    audit.look("one deleted")
    assert audit.found == []
