"""The JSON bodies that OpenAPI describes, and a good one for each of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.api.scenarios import (
    BEAMS,
    COMPARE,
    COMPARE_CONTEXTS,
    COMPLETIONS,
    CORPUS,
    DRAWS,
    GENERATE,
    HELLO,
    NEXT,
    ROUNDS,
    SCORE,
)

VISITOR = "bodies-0123456789"
# Good in form; what is asked for is not there, so that nothing is started.
GOOD = {
    NEXT: HELLO,
    GENERATE: HELLO | {"n": 2},
    SCORE: {"session_id": "plain", "text": "hello"},
    CORPUS: {"session_id": "plain", "context": "hello"},
    BEAMS: {"session_id": "plain", "context": "hello", "width": 2, "n": 2},
    DRAWS: HELLO | {"n": 5},
    COMPARE: HELLO | {"other": {"session_id": "plain", "temperature": 2}},
    COMPLETIONS: {"model": "plain", "prompt": "hello", "max_tokens": 2},
    ROUNDS: {"session_id": "plain", "seed": 1},
    COMPARE_CONTEXTS: HELLO | {"others": ["wor"], "token": "l"},
    "/api/tokenize": {"session_id": "plain", "text": "hello"},
    "/api/tokenize/{tokenizer}": {"text": "hello"},
    "/api/substitute": {"session_id": "plain", "text": "hello"},
    "/api/sessions": {"repo_id": "owner/name"},
    "/api/loads": {"repo_id": "owner/name"},
    "/api/trainings": {"visitor": VISITOR, "text": "too short"},
    "/api/trainings/{session_id}/speed": {"steps_per_second": 5},
    "/api/trainings/{session_id}/name": {"name": "Mine"},
}


def url_of(path: str) -> str:
    """A path with a session that is not there."""
    return path.format(session_id="none", tokenizer="gpt2")


@dataclass(frozen=True)
class Field:
    """A field of a JSON body. schemas: its alternatives, references resolved."""

    path: str
    name: str
    schemas: list[dict[str, Any]]
    required: bool

    @property
    def url(self) -> str:
        return url_of(self.path)

    def types(self) -> set[str]:
        return {schema.get("type", "") for schema in self.schemas}

    def body(self, value: object) -> dict[str, Any]:
        """A good body but for this value."""
        outer, _, inner = self.name.partition(".")
        good = GOOD[self.path]
        return good | {outer: good.get(outer, {}) | {inner: value} if inner else value}

    def body_without(self) -> dict[str, Any]:
        """A good body but that this field is missing."""
        outer, _, inner = self.name.partition(".")
        good = dict(GOOD[self.path])
        if inner:
            good[outer] = {name: value for name, value in good[outer].items() if name != inner}
        else:
            del good[outer]
        return good


def json_bodies(openapi: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The schema of each route's JSON body, by path; only POST has one."""
    found = {}
    for path, operations in openapi["paths"].items():
        content = operations.get("post", {}).get("requestBody", {}).get("content", {})
        if "application/json" in content:
            found[path] = _resolved(openapi, content["application/json"]["schema"])
    return found


def body_fields(openapi: dict[str, Any]) -> list[Field]:
    """Every field of every JSON body, inner ones by dotted names."""
    return [
        field
        for path, schema in json_bodies(openapi).items()
        for field in _fields(openapi, path, schema, "")
    ]


def _fields(
    openapi: dict[str, Any], path: str, schema: dict[str, Any], prefix: str
) -> Iterator[Field]:
    for name, value in schema["properties"].items():
        schemas = [_resolved(openapi, each) for each in value.get("anyOf", [value])]
        yield Field(path, prefix + name, schemas, name in schema.get("required", ()))
        for each in schemas:
            if "properties" in each:
                yield from _fields(openapi, path, each, f"{prefix}{name}.")


def _resolved(openapi: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return openapi["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema
