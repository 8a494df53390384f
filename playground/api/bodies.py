"""Bodies: JSON objects of requests and responses, and uploads."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Coroutine
from tempfile import SpooledTemporaryFile
from typing import IO, Any, TypeVar

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from playground.errors import InvalidInput, TooLarge, UnreadEncoding
from playground.i18n.translate import Message
from playground.i18n.validation import json_message

SPOOL_BYTES = 2**20  # larger bodies are on disk while they are received

_JSON = "application/json"

_Model = TypeVar("_Model", bound=BaseModel)


class JsonRoute(APIRoute):
    """A route that parses its JSON body with `parse_object`.

    FastAPI takes JSON of another Content-Type for a string, and its parser's errors for sentences.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_json(request: Request) -> Response:
            _check_encoding(request)
            try:
                raw = await request.body()
            except ClientDisconnect:
                raise InvalidInput("fields.body_cut") from None
            return await handle(_ParsedRequest(request, raw))

        return handle_json


class _ParsedRequest(Request):
    """A request with its body, parsed already."""

    def __init__(self, request: Request, raw: bytes) -> None:
        super().__init__(request.scope, request.receive)
        self._raw = raw
        self._value = parse_object(request, raw)

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> dict[str, Any]:
        return self._value


async def read_body(request: Request, max_bytes: int, message_key: str) -> bytes:
    """The whole body. Raises TooLarge with this message."""
    with SpooledTemporaryFile(SPOOL_BYTES) as file:
        await receive_body(request, file, max_bytes, message_key)
        file.seek(0)
        return file.read()


async def receive_body(request: Request, file: IO[bytes], max_bytes: int, message_key: str) -> None:
    """Write the body into a file as it arrives. Raises TooLarge as soon as it exceeds max_bytes."""
    _check_encoding(request)
    header = request.headers.get("content-length", "")
    n_bytes = int(header) if header.isdecimal() else 0
    try:
        async for chunk in request.stream():
            n_bytes = max(n_bytes, file.tell() + len(chunk))
            if n_bytes > max_bytes:
                raise TooLarge(message_key, most=max_bytes)
            file.write(chunk)
    except ClientDisconnect:
        raise InvalidInput("fields.body_cut") from None


def refuse_form(request: Request) -> None:
    """Raises InvalidInput for a form in place of a file: its boundaries are no part of the file."""
    if (media_type := _media_type(request)).startswith("multipart/"):
        raise InvalidInput("fields.body_form", type=media_type)


def _check_encoding(request: Request) -> None:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnreadEncoding("fields.body_encoded", encoding=encoding)


def parse_object(request: Request, raw: bytes) -> dict[str, Any]:
    """Parse a request's body as a JSON object. Raises InvalidInput with how to send one."""
    if not raw:
        raise InvalidInput("fields.body_missing")
    if not (media_type := _media_type(request)):
        raise InvalidInput("fields.body_untyped")
    if media_type != _JSON and not re.fullmatch(r"application/.+\+json", media_type):
        raise InvalidInput("fields.body_of_other_type", type=media_type)
    try:
        value = json.loads(raw)
    except UnicodeDecodeError:
        raise InvalidInput("fields.body_not_utf8") from None
    except RecursionError:
        raise InvalidInput("fields.body_deep") from None
    except json.JSONDecodeError as error:
        raise InvalidInput("fields.body_not_json", reason=json_message(str(error))) from None
    except ValueError:  # of int(), which reads no more digits
        most = sys.get_int_max_str_digits()
        raise InvalidInput("fields.body_digits", most=most) from None
    if not isinstance(value, dict):
        raise InvalidInput("fields.problem", field="body", what=Message.of("fields.object"))
    return value


def parse_body(model: type[_Model], request: Request, raw: bytes) -> _Model:
    """Validate a JSON body, with the errors of one that FastAPI validates."""
    try:
        return model.model_validate(parse_object(request, raw))
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from None


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """The `openapi_extra` of a route that parses its JSON body itself."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    for name, field in schema["properties"].items():
        if definition := definitions.get(field.get("$ref", "").removeprefix("#/$defs/")):
            schema["properties"][name] = definition
    return {"requestBody": {"required": True, "content": {_JSON: {"schema": schema}}}}


def binary_body(media_type: str) -> dict[str, Any]:
    """The `openapi_extra` of a route whose body is a file."""
    schema = {"type": "string", "format": "binary"}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def json_response(content: object) -> Response:
    """A response with plain data, encoded at once: no model is validated, nothing is copied."""
    return Response(orjson.dumps(content), media_type=_JSON)
