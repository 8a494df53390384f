"""The lessons of the tutorial: files in lessons/ that a teacher writes.

A lesson is a link that opens the page at a moment, and words about what is to be seen there:

    ---
    title: The bars
    link: ?prompt=The+moon&model=shakespeare&v=1
    done: tokens:3
    ---
    Two or three sentences, in Markdown.

    **Try:** one thing to do.

`link` is what Share copies; of a whole address only the part from the "?" on is used. `done`, which
may be left out, says when that thing was done: one of the goals of `goals.py`. The tour goes
through the files by name, `2-bars.md` before `10-mine.md`. `2-bars.de.md` is the same lesson in
German; who reads a language that it is not written in gets `2-bars.md`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt

from playground.lessons.goals import LESSON_GOALS

LESSONS = Path(__file__).parent
_FILE = re.compile(r"---\n(?P<front>.*?\n)---\n(?P<words>.*\S.*)", re.DOTALL)
_GOAL = re.compile(rf"({'|'.join(LESSON_GOALS)}):[1-9][0-9]{{0,2}}")
# Of a lesson's own markup nothing is taken over, and its links lead nowhere that runs a script.
_MARKDOWN = MarkdownIt("commonmark", {"html": False})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lesson:
    """name: of its file, without language and ending. link: from its "?" on. html: its words.

    done: what has to be done, such as "tokens:3", or None.
    """

    name: str
    title: str
    link: str
    html: str
    done: str | None


def read_lessons(folder: Path, language: str) -> tuple[Lesson, ...]:
    """The tour in its order; a lesson that can't be read is left out, and the log says why."""
    names = {path.stem.partition(".")[0] for path in folder.glob("*.md")}
    found = (
        _first_readable(_versions(folder, name, language)) for name in sorted(names, key=_order)
    )
    return tuple(lesson for lesson in found if lesson)


def read_lesson(path: Path) -> Lesson:
    """Raises ValueError for what is no lesson, with what is missing."""
    parts = _FILE.fullmatch(path.read_text("utf-8-sig"))  # some editors begin a file with a mark
    if parts is None:
        raise ValueError("it needs a title and a link between two lines of ---, and words below")
    front = _front_matter(parts["front"])
    return Lesson(
        name=path.stem.partition(".")[0],
        title=_line(front, "title"),
        link=_query(_line(front, "link")),
        html=_MARKDOWN.render(parts["words"]),
        done=_goal(front),
    )


def _versions(folder: Path, name: str, language: str) -> list[Path]:
    """The files of a lesson, the one in this language first."""
    paths = [folder / f"{name}.{language}.md", folder / f"{name}.md"]
    return [path for path in paths if path.is_file()]


def _first_readable(paths: Sequence[Path]) -> Lesson | None:
    for path in paths:
        try:
            return read_lesson(path)
        except (ValueError, OSError) as error:
            log.warning("%s is left out of the tutorial: %s", path, error)
    return None


def _order(name: str) -> list[str | int]:
    """Numbers in a name count as numbers: 10 comes after 9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def _front_matter(text: str) -> dict[str, Any]:
    try:
        front = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"what stands between the lines of --- is not YAML: {error}") from None
    if not isinstance(front, dict):
        raise ValueError("between the lines of --- there have to be a title: and a link:")
    return front


def _line(front: dict[str, Any], name: str) -> str:
    value = front.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name}: is missing, or is no text")
    return value.strip()


def _goal(front: dict[str, Any]) -> str | None:
    if "done" not in front:
        return None
    goal = _line(front, "done")
    if not _GOAL.fullmatch(goal):
        *first, last = (f"{kind}:1" for kind in LESSON_GOALS)
        raise ValueError(f"done: has to be like {', '.join(first)} or {last}")
    return goal


def _query(link: str) -> str:
    # Without its fragment, which `&#38;` doesn't begin: the page repairs a damaged link.
    query = re.split(r"(?<!&)#", link.partition("?")[2])[0]
    if not query:
        raise ValueError("link: has no parameters, like ?prompt=Hello&v=1")
    return f"?{query}"
