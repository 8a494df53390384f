"""Every sentence of the page stands in the message files, in every language, and is used."""

import json
import re

import pytest

from playground.i18n import translate as messages
from playground.i18n.translate import (
    LOCALES,
    Message,
    available_locales,
    catalog,
    current_locale,
    negotiate_locale,
    translate,
)
from playground.settings import ROOT

STATIC = ROOT / "playground" / "frontend"
PLACE = re.compile(r"{{\s*(\w+)\s*(?:,\s*number\s*)?}}")
AREAS = sorted(path.stem for path in (LOCALES / "en").glob("*.json"))
OTHERS = [language for language in available_locales() if language != "en"]
# A key is a literal somewhere in the code; `${…}` or {…} stands for any part of it.
KEY = re.compile(rf"[\"'`]((?:{'|'.join(AREAS)})\.[\w.${{}}\[\]]+)[\"'`]")

FILE = re.compile(r"\.(js|json|txt|html)$")


def plain(key):
    """A key without its plural form."""
    return re.sub(r"_(zero|one|two|few|many|other)$", "", key)


def named():
    """Patterns of the keys that the code and the markup name."""
    files = [*STATIC.rglob("*.js"), *STATIC.rglob("*.html"), *(ROOT / "playground").rglob("*.py")]
    for path in files:
        text = path.read_text("utf-8")
        yield from ((path.name, key) for key in KEY.findall(text) if not FILE.search(key))
        if path.name == "blocks.py":
            names = re.findall(r'(?:message|slider)\("(\w+)"', text)
            yield from ((path.name, f"controls.{name}") for name in names)


def pattern(key):
    return re.compile(".+".join(map(re.escape, re.split(r"\$?{[^}]*}", key))))


@pytest.mark.parametrize(("file", "key"), sorted(set(named())))
def test_every_message_that_is_named_exists(file, key):
    known = {plain(name) for name in catalog("en")} | set(catalog("en"))
    assert any(pattern(key).fullmatch(name) for name in known), f"{key} in {file}"


def test_every_message_is_named_somewhere():
    patterns = [pattern(key) for _, key in named()]
    for key in catalog("en"):
        # What the page says in its place for a model of tokens: frontend/shared/messages.js.
        characters = plain(key).removesuffix("__tokens")
        names = {plain(key), key, characters}
        assert any(p.fullmatch(name) for p in patterns for name in names), key


def test_what_is_said_of_tokens_is_said_in_the_place_of_a_message():
    """Of another key that ends so, the page would take the text for that of a shorter one."""
    keys = {plain(key) for key in catalog("en")}
    of_tokens = {key for key in keys if key.endswith("__tokens")}
    assert of_tokens
    assert {key.removesuffix("__tokens") for key in of_tokens} <= keys


@pytest.mark.parametrize("language", OTHERS)
def test_another_language_has_every_message_with_its_parameters(language):
    english, other = catalog("en"), catalog(language)
    assert {plain(key) for key in other} == {plain(key) for key in english}
    for key, text in other.items():
        source = english.get(key) or english[f"{plain(key)}_other"]
        assert set(PLACE.findall(text)) <= set(PLACE.findall(source)), key
        if "_one" not in key:
            assert set(PLACE.findall(text)) == set(PLACE.findall(source)), key


@pytest.mark.parametrize("language", available_locales())
def test_every_message_has_its_plural_forms_and_none_is_empty(language):
    from babel import Locale

    forms = Locale(language).plural_form.tags | {"other"}
    said = catalog(language)
    for key in said:
        if plain(key) != key:
            assert {f"{plain(key)}_{form}" for form in forms} <= set(said), key
        assert said[key].strip(), key


@pytest.mark.parametrize("language", available_locales())
def test_no_message_is_compiled_by_gradio(language):
    """Its templates run `${…}`; and in the words on its own components are no places."""
    for key, text in catalog(language).items():
        assert "${" not in text
        if key.startswith("controls."):
            assert "{" not in text


@pytest.mark.parametrize(
    "path", sorted(LOCALES.rglob("*.json")), ids=lambda p: f"{p.parent.name}/{p.name}"
)
def test_a_translator_finds_each_file_in_order(path):
    """As an editor of such files writes it: flat, indented, no key twice."""
    pairs = json.loads(path.read_text("utf-8"), object_pairs_hook=list)
    assert all(isinstance(text, str) for _, text in pairs)
    assert len({key for key, _ in pairs}) == len(pairs)
    assert path.read_text("utf-8") == json.dumps(dict(pairs), ensure_ascii=False, indent=2) + "\n"


def test_plurals_numbers_and_places():
    assert translate("drawer.knows", count=1) == "Knows 1 character"
    assert translate("drawer.knows", count=1234) == "Knows 1,234 characters"
    assert translate("drawer.knows", "de", count=1234) == "Kennt 1.234 Zeichen"
    assert translate("hub.loading", address="{{x}} ${y}") == "Loading {{x}} ${y}"
    with pytest.raises(KeyError):
        translate("hub.loading")
    with pytest.raises(KeyError):
        translate("hub.there_is_none")


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        (["de-AT", "en"], "de"),
        (["fr", "de"], "de"),
        (["fr"], "en"),
        ([], "en"),
        (["../x"], "en"),
        ([" DE_de"], "de"),
        (["pt-BR", "de_AT"], "de"),
    ],
)
def test_the_first_language_that_there_is(wanted, language):
    assert negotiate_locale(wanted) == language


def test_a_message_is_said_when_it_is_read():
    message = Message.of("drawer.knows", count=2)
    token = current_locale.set("de")
    try:
        assert str(message) == "Kennt 2 Zeichen"
    finally:
        current_locale.reset(token)
    assert str(message) == "Knows 2 characters"
    assert messages.DEFAULT_LOCALE == "en"
