"""The lessons of the tutorial, as files that a teacher writes."""

import logging
import re

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from playground.i18n.translate import available_locales
from playground.lessons.reader import LESSONS, read_lesson, read_lessons
from playground.page.routes import add_page_routes

GOOD = "---\ntitle: A title\nlink: ?prompt=Hello&v=1\n---\nSome words.\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "1-good.md").write_text(GOOD)
    return tmp_path


def names(folder, language="en"):
    return [lesson.name for lesson in read_lessons(folder, language)]


def test_a_lesson_is_a_title_a_link_and_words(folder):
    lesson = read_lesson(folder / "1-good.md")
    assert (lesson.name, lesson.title, lesson.link) == ("1-good", "A title", "?prompt=Hello&v=1")
    assert lesson.html == "<p>Some words.</p>\n"


def test_the_tour_goes_by_name_and_numbers_count_as_numbers(folder):
    for name in ("10-late", "2-early", "b", "a"):
        (folder / f"{name}.md").write_text(GOOD)
    assert names(folder) == ["1-good", "2-early", "10-late", "a", "b"]


def test_a_lesson_that_was_just_saved_is_in_the_tour(folder):
    app = FastAPI()
    add_page_routes(app, lessons=folder)
    with TestClient(app) as client:
        for expected in (["1-good"], ["1-good", "2-new"]):
            lessons = client.get("/page/lessons.json").json()["lessons"]
            assert [lesson["name"] for lesson in lessons] == expected
            (folder / "2-new.md").write_text(GOOD)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "title and a link"),
        ("Words only.\n", "title and a link"),
        ("---\ntitle: A\nlink: ?v=1\n---\n  \n", "title and a link"),
        (
            "---\ntitle: A\nlink: ?v=1\nWords without an end of the front matter.\n",
            "title and a link",
        ),
        ("---\ntitle: [\n---\nWords.\n", "not YAML"),
        ("---\njust a text\n---\nWords.\n", "title: and a link:"),
        ("---\ntitle: A\n---\nWords.\n", "link: is missing"),
        ("---\nlink: ?v=1\n---\nWords.\n", "title: is missing"),
        ("---\ntitle: 12\nlink: ?v=1\n---\nWords.\n", "title: is missing, or is no text"),
        ("---\ntitle: A\nlink: https://example.org/\n---\nWords.\n", "link: has no parameters"),
        ("---\ntitle: !!python/object/apply:os.getcwd []\nlink: ?v=1\n---\nWords.\n", "not YAML"),
        (b"---\ntitle: \xff\nlink: ?v=1\n---\nWords.\n", "utf-8"),
    ],
)
def test_one_that_cannot_be_read_is_left_out_and_the_log_says_why(folder, caplog, text, why):
    broken = folder / "2-broken.md"
    broken.write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "3-good.md").write_text(GOOD)
    with caplog.at_level(logging.WARNING):
        assert names(folder) == ["1-good", "3-good"]
    assert "2-broken.md is left out of the tutorial" in caplog.text
    assert why in caplog.text


def test_files_as_other_editors_write_them(folder):
    (folder / "1-good.md").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read_lesson(folder / "1-good.md").title == "A title"


def test_of_a_pasted_address_only_the_parameters_are_used(folder):
    pasted = "https://example.org/spaces/x?prompt=Hi&v=1#part"
    (folder / "1-good.md").write_text(GOOD.replace("?prompt=Hello&v=1", f'"{pasted}"'))
    assert read_lesson(folder / "1-good.md").link == "?prompt=Hi&v=1"
    pasted = "https://example.org/?prompt=Hi&#038;v=1"  # out of a page's source
    (folder / "1-good.md").write_text(GOOD.replace("?prompt=Hello&v=1", f'"{pasted}"'))
    assert read_lesson(folder / "1-good.md").link == "?prompt=Hi&#038;v=1"


@pytest.mark.parametrize(
    "words",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "Text <b onclick=alert(1)>bold</b>",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](&#106;avascript:alert(1))",
        "<javascript:alert(1)>",
        "[a](data:text/html,<script>alert(1)</script>)",
        "![a](javascript:alert(1))",
        "[a](vbscript:x 'onmouseover=alert(1)')",
    ],
)
def test_words_cannot_run_anything(folder, words):
    (folder / "1-good.md").write_text(GOOD.replace("Some words.", words))
    html = read_lesson(folder / "1-good.md").html
    assert set(re.findall(r"<(\w+)", html)) <= {"p"}
    assert not re.search(r"<[^>]*(href|src|on\w+)=", html)


def test_markdown_is_rendered(folder):
    words = "A *b* **c** [d](https://example.org)\n\n- e\n"
    (folder / "1-good.md").write_text(GOOD.replace("Some words.", words))
    html = read_lesson(folder / "1-good.md").html
    assert '<em>b</em> <strong>c</strong> <a href="https://example.org">d</a>' in html
    assert "<li>e</li>" in html


def test_who_reads_another_language_gets_it_where_it_is_written(folder, caplog):
    (folder / "2-both.md").write_text(GOOD)
    (folder / "2-both.de.md").write_text(GOOD.replace("A title", "Ein Titel"))
    (folder / "3-broken.md").write_text(GOOD)
    (folder / "3-broken.de.md").write_text("no lesson")
    (folder / "4-german.de.md").write_text(GOOD)
    titles = {language: [(lesson.name, lesson.title) for lesson in read_lessons(folder, language)]
              for language in ("en", "de")}  # fmt: skip
    assert titles["en"] == [("1-good", "A title"), ("2-both", "A title"), ("3-broken", "A title")]
    assert titles["de"] == [("1-good", "A title"), ("2-both", "Ein Titel"),
                            ("3-broken", "A title"), ("4-german", "A title")]  # fmt: skip
    assert "3-broken.de.md is left out" in caplog.text


def test_the_page_asks_in_a_browsers_languages(client):
    def title(languages):
        answer = client.get("/page/lessons.json", params={"languages": languages})
        assert answer.headers["Cache-Control"] == "no-cache"
        return answer.json()["lessons"][0]["title"]

    assert title("de-DE,en") == "Was ein Token ist"
    assert title("xx,en-GB,de") == title("") == title("x" * 1000) == "What a token is"


def test_the_lessons_of_this_page_are_whole_in_every_language(caplog):
    tours = {language: read_lessons(LESSONS, language) for language in available_locales()}
    assert caplog.text == ""
    assert len(tours["en"]) == 12
    for language, tour in tours.items():
        # A translation says it in other words, about the same moment.
        assert [(one.name, one.link) for one in tour] == [
            (one.name, one.link) for one in tours["en"]
        ]
        for lesson in tour:
            assert language == "en" or (LESSONS / f"{lesson.name}.{language}.md").is_file()
            *words, task = re.findall(r"<p>(.*?)</p>", lesson.html, re.DOTALL)
            assert task.startswith("<strong>"), lesson.name
            assert 1 <= len(re.findall(r"[.!?](?=\s|$)", " ".join(words))) <= 4, lesson.name
