"""What the page and its errors say, in files that a translator edits.

A language is a folder, `en/`, `de/`; a file in it is an area of the page, `hub.json`; a message is
named by both, `hub.nothing_found`. The format is that of i18next's JSON v4, which translation tools
read (https://www.i18next.com/misc/json-format): `{{name}}` is put in as it is, `{{name, number}}`
as a number is written in that language, and of `name_one`, `name_other`, … the plural form is taken
that fits the parameter `count`. A new language needs its folder, and nothing else.

The page puts its sentences together itself (web/static/messages.js); what the server says, an error
above all, is a `Message`: what it keeps is said in the language of whoever asks for it then.
"""

from __future__ import annotations

import decimal
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from babel import Locale
from babel.numbers import format_decimal, get_decimal_symbol

DEFAULT = "en"
FOLDER = Path(__file__).parent
_PLACE = re.compile(r"{{\s*(\w+)\s*(,\s*number\s*)?}}")
_DIGITS_MAX = 5000  # JSON carries 4300; with Babel's own 28, a longer number than that is an error

# In which language a message is said: that of the visitor whose request is being answered.
speaking: ContextVar[str] = ContextVar("speaking", default=DEFAULT)


@cache
def languages() -> tuple[str, ...]:
    """Codes of all languages that there are messages in, the default first."""
    found = sorted(folder.name for folder in FOLDER.iterdir() if any(folder.glob("*.json")))
    return (DEFAULT, *(code for code in found if code != DEFAULT))


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All messages of a language by their whole names: {"hub.nothing_found": "…", …}."""
    areas = sorted((FOLDER / language).glob("*.json"))
    return MappingProxyType(
        {
            f"{area.stem}.{key}": text
            for area in areas
            for key, text in json.loads(area.read_text("utf-8")).items()
        }
    )


def best(wanted: Iterable[str]) -> str:
    """The first language of a browser's list that there are messages in: `de` for `de-AT`."""
    known = languages()
    return next((code for tag in wanted if (code := tag.lower().split("-")[0]) in known), DEFAULT)


def has(key: str) -> bool:
    """Whether there is such a message."""
    return key in catalogue(DEFAULT) or f"{key}_other" in catalogue(DEFAULT)


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """Whatever is said inside is said in this language."""
    token = speaking.set(language)
    try:
        yield
    finally:
        speaking.reset(token)


def in_english(what: object) -> str:
    """An error or a message for those who are no visitors: the logs, files, programs."""
    with spoken(DEFAULT):
        return str(what)


def say(key: str, /, language: str | None = None, **params: Any) -> str:
    """The text of a message, in the language of the visitor unless told.

    A parameter may be a Message itself, or an error: it is said in the same language.
    Raises KeyError for a message that does not exist, or one that misses a parameter.
    """
    if language is not None:
        with spoken(language):
            return say(key, **params)
    language = speaking.get()
    locale = Locale(language)
    if "count" in params:
        key = f"{key}_{locale.plural_form(params['count'])}"

    def put(place: re.Match[str]) -> str:
        value = params[place[1]]
        if not place[2]:
            return str(value)
        with decimal.localcontext() as context:
            context.prec = _DIGITS_MAX
            return format_decimal(value, locale=locale)

    return _PLACE.sub(put, catalogue(language)[key])


@dataclass(frozen=True)
class Message:
    """A sentence that is put into words when it is read: `str(message)` is in the language of the
    visitor who is being answered by then."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, key: str, /, **params: Any) -> Message:
        return cls(key, params)

    def __str__(self) -> str:
        return say(self.key, **self.params)


@dataclass(frozen=True)
class Figure:
    """A number as Python formats it, with the decimal sign of the visitor's language."""

    value: float
    format: str = "g"

    def __str__(self) -> str:
        sign = get_decimal_symbol(Locale(speaking.get()))
        return format(self.value, self.format).replace(".", sign)
