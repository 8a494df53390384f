"""The tutorial's panel, as its tests use it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from playground.i18n import translate as messages
from playground.lessons.reader import LESSONS, read_lessons

if TYPE_CHECKING:
    from tests.browser.conftest import Visit

LANGUAGES = {"en": "en-GB", "de": "de-DE"}
NAMES = [lesson.name for lesson in read_lessons(LESSONS, "en")]
SMALL, LARGE = "shakespeare", "shakespeare-large"


class Tour:
    """The tutorial's panel, on top of a visit."""

    def __init__(self, visit: Visit, language: str = "en") -> None:
        self.visit = visit
        self.page = visit.page
        self.language = language
        self.panel = self.page.locator(".guide")

    def say(self, key, **params):
        return messages.translate(key, self.language, **params)

    def button(self, key, **params):
        return self.panel.get_by_role("button", name=self.say(key, **params), exact=True)

    @property
    def title(self):
        return self.panel.get_by_role("heading", level=2)

    @property
    def words(self):
        return self.panel.locator(".guide__words")

    @property
    def tutorial(self):
        return self.page.locator("#header [data-action=tutorial]")

    def is_at(self, number):
        lesson = read_lessons(LESSONS, self.language)[number - 1]
        expect(self.title).to_have_text(lesson.title)
        expect(self.title).to_be_focused()
        place = self.say("guide.place", number=number, total=len(NAMES))
        expect(self.panel.locator(".guide__all")).to_have_text(place)
        return self

    def press(self, name):
        """A control of the drawer, as a visitor presses it."""
        self.visit.drawer.locator(f"#{name}").click()
        return self

    def rows(self):
        """The bars as they are read: {character: percent}, the rest under None."""
        rows = {
            row.get_attribute("data-token"): row.locator(".candidate__value").inner_text()
            for row in self.visit.options.all()
        }
        rows[None] = self.visit.drawer.locator(".candidate--other .candidate__value").inner_text()
        return {token: float(re.sub("[^0-9.]", "", value)) for token, value in rows.items()}

    def rows_change(self, before):
        self.page.wait_for_function(
            """before => {
              const now = [...document.querySelectorAll(".candidate__value")];
              return now.map((value) => value.textContent).join("|") !== before
                && !document.querySelector(".candidate--other.candidate--stale");
            }""",
            arg=before,
        )
        return self.rows()

    def values(self):
        return self.page.evaluate(
            """[...document.querySelectorAll(".candidate__value")]
              .map((value) => value.textContent).join("|")"""
        )

    def plays(self, text, at_least):
        """Press Play, wait for so many characters, and say what was written after a text."""
        self.press("play")
        self.written(at_least)
        self.press("pause")
        return self.visit.text().removeprefix(text)

    def written(self, at_least):
        self.page.wait_for_function(
            "count => document.querySelectorAll('.generated').length >= count",
            arg=at_least, timeout=60_000,
        )  # fmt: skip
