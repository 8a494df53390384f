"""What is refused for its form is told in our own words, for every field that OpenAPI describes."""

import json
import re

import pytest
from pydantic_core._pydantic_core import list_all_errors

from tests.api.openapi_bodies import GOOD, body_fields, url_of
from tests.api.scenarios import COMPLETIONS, JSON, error

# Every parser's sentence as a pattern: its placeholders stand for anything.
TEMPLATES = {
    template
    for kind in list_all_errors()
    for template in (kind["message_template_python"], kind.get("message_template_json"))
    if template and re.search(r"[a-z]{3,}", re.sub(r"{\w*}", "", template))
}
PARSERS = [
    *(
        re.compile(re.sub(r"\\{\w*\\}", ".*", re.escape(template)), re.DOTALL)
        for template in sorted(TEMPLATES)
    ),
    re.compile(
        r"Expecting |Unterminated|Invalid (control|\\)|Extra data|Illegal|\(char \d+\)|EOF|codec"
        r"|Exceeds the limit|recursion|trailing"
    ),
]
WRONG = [
    None, True, 5, -5, 0.5, 1e300, 10**30, "", "x", "5", "x" * 200_000, "\ud800", "😀" * 20,
    [], [1], {}, {"a": 1}, float("nan"), float("inf"), float("-inf"),
]  # fmt: skip
UNFIT = "This value cannot be used here"  # what is said of an error that has no sentence yet


def test_the_patterns_know_the_parsers_sentences():
    for sentence in (
        "Field required",
        "Input should be a valid integer",
        "Input should be greater than or equal to 0",
        "Expecting value: line 1 column 1 (char 0)",
    ):
        assert any(pattern.search(sentence) for pattern in PARSERS)
    assert len(PARSERS) > 90


def hold(client, ask):
    """The English sentence of a refusal, after looking at it and at the German one."""
    answers = [ask(headers) for headers in ({}, {"X-Language": "de"})]
    if answers[0].status_code != 400:
        return None
    sentences = [error(answer, 400) for answer in answers]
    for sentence in sentences:
        assert not [p.pattern for p in PARSERS if p.search(sentence)], sentence
    assert sentences[0] != sentences[1]
    assert UNFIT not in sentences[0]
    for header in ("X-Error", "X-Error-Field"):
        assert answers[0].headers.get(header) == answers[1].headers.get(header)
    assert answers[0].headers["X-Error"]
    return sentences[0]


def test_every_wrong_value_of_every_field_of_a_body(client):
    fields = body_fields(client.get("/openapi.json").json())
    assert len(fields) > 30
    for field in fields:
        refused = 0
        for value in [*WRONG, *beyond(field)]:
            raw = json.dumps(field.body(value))

            def ask(headers, url=field.url, raw=raw):
                return client.post(url, content=raw, headers=JSON | headers)

            refused += hold(client, ask) is not None
        assert refused > 5, field


def beyond(field):
    """Values just outside of each documented bound."""
    for schema in field.schemas:
        for bound, change in (("minimum", -1), ("maximum", 1)):
            if bound in schema:
                yield schema[bound] + change
        yield from (schema[bound] for bound in schema if bound.startswith("exclusive"))


def test_every_missing_and_unknown_field(client):
    fields = body_fields(client.get("/openapi.json").json())
    required = [field for field in fields if field.required]
    assert len(required) > 10
    for field in required:
        body = field.body_without()
        said = hold(client, lambda h, f=field, b=body: client.post(f.url, json=b, headers=h))
        assert said == f"{field.name}: This field is missing"
    for path, body in GOOD.items():
        if path == COMPLETIONS:
            continue  # where they are ignored, as its clients expect
        url = url_of(path)
        said = hold(client, lambda h, u=url, b=body: client.post(u, json=b | {"x": 1}, headers=h))
        assert said == "x: There is no such field here; is it spelled right?"


BROKEN = [
    b"{", b"not json", b"[]", b"null", b'"x"', b"1", b"\xff\xfe{}", b'{"a": "\xff"}', b"[" * 10**5,
    b'{"a":1,}', b'{"a":1}}', b'{"a":"\n"}', b'{"a":"\\x"}', b'{"a":"\\ud8"}', b'{"a', b"\x00",
    b'{"\\ud800":1}', b'{"a":' + b"1" * 5000 + b"}", b'{"a":.5}', b"{'a': 1}", "{“a”: 1}".encode(),
]  # fmt: skip


@pytest.mark.parametrize("path", GOOD)
def test_every_body_that_is_no_json(client, path):
    url = url_of(path)
    # Where unknown fields are ignored, one with half a character for its name is, too.
    ignored = ("model: This field is missing",) if path == COMPLETIONS else ()
    for raw in BROKEN:
        said = hold(client, lambda h, r=raw: client.post(url, content=r, headers=JSON | h))
        assert said.startswith(("The body ", "body: ", *ignored)), raw
    said = hold(client, lambda h: client.post(url, content=b'{\n  "a" 1}', headers=JSON | h))
    assert said == "The body is not valid JSON: something is wrong at line 2, column 7"


@pytest.mark.parametrize("path", GOOD)
def test_every_body_that_is_not_declared_as_json(client, path):
    url, raw = url_of(path), json.dumps(GOOD[path])
    asked = "send a JSON object with Content-Type: application/json"
    for declared, said in (
        ({}, f"The header Content-Type is missing: {asked.replace('a JSON', 'the JSON')}"),
        ({"content-type": "text/plain"}, f"The Content-Type is text/plain: {asked}"),
        (
            {"content-type": "application/x-www-form-urlencoded"},
            f"The Content-Type is application/x-www-form-urlencoded: {asked}",
        ),
        ({"content-type": "Multipart/Form-Data; boundary=x"}, "The Content-Type is multipart/form"),
    ):
        given = hold(client, lambda h, d=declared: client.post(url, content=raw, headers=d | h))
        assert given.startswith(said)
    for empty in ({}, JSON):
        given = hold(client, lambda h, d=empty: client.post(url, headers=d | h))
        assert given.startswith("The body is missing: send a JSON object, with the header")
    for declared in (
        "application/json; charset=utf-8",
        "application/problem+json",
        "APPLICATION/JSON",
    ):
        good = client.post(url, content=raw, headers={"content-type": declared})
        assert good.headers.get("X-Error-Field") in (None, "text"), good.text
        assert good.headers.get("X-Error") != "InvalidInput" or path == "/api/trainings"


@pytest.mark.parametrize(
    ("method", "path", "name", "values"),
    [
        (
            "GET",
            "/api/trainings/none",
            "since",
            ["x", "1.5", "", "-2", "9" * 30, "9" * 5000, "nan"],
        ),
        ("GET", "/api/trainings", "visitor", ["", "short", "x" * 65, "ä" * 20]),
        ("POST", "/api/trainings/upload", "visitor", ["", "short"]),
        ("POST", "/api/corpora/text", "filename", ["x" * 301]),
        ("GET", "/api/models", "search", ["x" * 201]),
        ("GET", "/api/qr", "text", ["", "x" * 2332]),
    ],
)
def test_every_wrong_value_of_a_query(client, method, path, name, values):
    for value in values:
        said = hold(
            client,
            lambda h, v=value: client.request(method, path, params={name: v}, headers=h),
        )
        assert said.startswith(f"query.{name}: "), value
    if name not in ("since", "search"):
        missing = hold(client, lambda h: client.request(method, path, headers=h))
        assert missing == f"query.{name}: This field is missing"
