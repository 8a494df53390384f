"""Message catalogs and their formatting, in the locale of the request being answered.

A locale is a folder of `locales/`; a file in it is an area of the page, `hub.json`; a message key
names both, `hub.nothing_found`. The format is i18next's JSON v4, which translation tools read
(https://www.i18next.com/misc/json-format): `{{name}}` interpolates a value as it is, `{{name,
number}}` as a number of the locale, and of `name_one`, `name_other`, … the plural category of the
parameter `count` chooses (CLDR). A new locale needs its folder, and nothing else.

Our own formatter, on Babel's plural rules and numbers: no i18next runtime for Python is maintained,
and the browser (frontend/shared/messages.js) reads the same files.
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

DEFAULT_LOCALE = "en"
LOCALES = Path(__file__).parent / "locales"
_PLACEHOLDER = re.compile(r"{{\s*(\w+)\s*(,\s*number\s*)?}}")
_DIGITS_MAX = 5000  # JSON carries 4300; with Babel's own 28, a longer number than that is an error

current_locale: ContextVar[str] = ContextVar("current_locale", default=DEFAULT_LOCALE)
"""The locale that `translate` uses: that of the request being answered."""


@cache
def available_locales() -> tuple[str, ...]:
    """Codes of all locales that have a catalog, the default one first."""
    found = sorted(folder.name for folder in LOCALES.iterdir() if any(folder.glob("*.json")))
    return (DEFAULT_LOCALE, *(code for code in found if code != DEFAULT_LOCALE))


@cache
def catalog(locale: str) -> Mapping[str, str]:
    """All messages of a locale by key: {"hub.nothing_found": "…", …}."""
    areas = sorted((LOCALES / locale).glob("*.json"))
    return MappingProxyType(
        {
            f"{area.stem}.{key}": text
            for area in areas
            for key, text in json.loads(area.read_text("utf-8")).items()
        }
    )


def negotiate_locale(requested: Iterable[str]) -> str:
    """The first available locale of a list of language tags: `de` for `de-AT` or `de_DE`; else the
    default.
    """
    known = available_locales()
    tags = (re.split("[-_]", tag.strip().lower())[0] for tag in requested)
    return next((code for code in tags if code in known), DEFAULT_LOCALE)


def has_message(key: str) -> bool:
    """Whether the default catalog has a message, as it is or in plural forms."""
    return key in catalog(DEFAULT_LOCALE) or f"{key}_other" in catalog(DEFAULT_LOCALE)


@contextmanager
def use_locale(locale: str) -> Iterator[None]:
    """Set the current locale inside a `with` block."""
    token = current_locale.set(locale)
    try:
        yield
    finally:
        current_locale.reset(token)


def in_default_locale(value: object) -> str:
    """`str(value)` of an error or a message in the default locale: for logs, files and programs."""
    with use_locale(DEFAULT_LOCALE):
        return str(value)


def translate(key: str, /, locale: str | None = None, **params: Any) -> str:
    """The formatted message of a key, in `locale` or the current one.

    A parameter may be a Message or an error itself; it is formatted in the same locale.
    Raises KeyError for a key that does not exist, or a parameter that is missing.
    """
    if locale is not None:
        with use_locale(locale):
            return translate(key, **params)
    rules = Locale(current_locale.get())
    if "count" in params:
        key = f"{key}_{rules.plural_form(params['count'])}"

    def interpolate(placeholder: re.Match[str]) -> str:
        value = params[placeholder[1]]
        if not placeholder[2]:
            return str(value)
        with decimal.localcontext() as context:
            context.prec = _DIGITS_MAX
            return format_decimal(value, locale=rules)

    return _PLACEHOLDER.sub(interpolate, catalog(current_locale.get())[key])


@dataclass(frozen=True)
class Message:
    """A message key with its parameters, translated lazily: `str(message)` uses the locale that is
    current when it is called."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, key: str, /, **params: Any) -> Message:
        """A message from a key and keyword parameters."""
        return cls(key, params)

    def __str__(self) -> str:
        return translate(self.key, **self.params)


@dataclass(frozen=True)
class LocalizedNumber:
    """A number in a Python format spec, with the decimal separator of the current locale."""

    value: float
    format: str = "g"

    def __str__(self) -> str:
        separator = get_decimal_symbol(Locale(current_locale.get()))
        return format(self.value, self.format).replace(".", separator)
