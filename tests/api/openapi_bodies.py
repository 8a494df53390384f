"""The JSON bodies that OpenAPI describes, and a good one for each of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.api.scenarios import GENERATE, HELLO, NEXT

VISITOR = "bodies-0123456789"
# Good in form; what is asked for is not there, so that nothing is started.
GOOD = {
    NEXT: HELLO,
    GENERATE: HELLO | {"n": 2},
    "/api/substitute": {"session_id": "plain", "text": "hello"},
    "/api/sessions": {"repo_id": "owner/name"},
    "/api/loads": {"repo_id": "owner/name"},
    "/api/trainings": {"visitor": VISITOR, "text": "too short"},
    "/api/trainings/{session_id}/speed": {"steps_per_second": 5},
    "/api/trainings/{session_id}/name": {"name": "Mine"},
}


@dataclass(frozen=True)
class Field:
    """A field of a JSON body. schemas: its alternatives, references resolved."""

    path: str
    name: str
    schemas: list[dict[str, Any]]
    required: bool

    @property
    def url(self) -> str:
        return self.path.replace("{session_id}", "none")

    def types(self) -> set[str]:
        return {schema.get("type", "") for schema in self.schemas}

    def body(self, value: object) -> dict[str, Any]:
        """A good body but for this value."""
        outer, _, inner = self.name.partition(".")
        return GOOD[self.path] | {outer: {inner: value} if inner else value}


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
