"""Request bodies that FastAPI does not parse: uploads, and JSON beyond its route's usual size."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import IO, Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from playground.errors import TooLarge

SPOOL_BYTES = 2**20  # larger bodies are on disk while they are received

_Model = TypeVar("_Model", bound=BaseModel)


async def read_body(request: Request, max_bytes: int, message_key: str) -> bytes:
    """The whole body. Raises TooLarge with this message."""
    with SpooledTemporaryFile(SPOOL_BYTES) as file:
        await receive_body(request, file, max_bytes, message_key)
        file.seek(0)
        return file.read()


async def receive_body(request: Request, file: IO[bytes], max_bytes: int, message_key: str) -> None:
    """Write the body into a file as it arrives. Raises TooLarge as soon as it exceeds max_bytes."""
    header = request.headers.get("content-length", "")
    n_bytes = int(header) if header.isdecimal() else 0
    async for chunk in request.stream():
        n_bytes = max(n_bytes, file.tell() + len(chunk))
        if n_bytes > max_bytes:
            raise TooLarge(message_key, most=max_bytes)
        file.write(chunk)


def parse_body(model: type[_Model], raw: bytes) -> _Model:
    """Validate JSON, with the errors of a body that FastAPI parses."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from None


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """The `openapi_extra` of a route that parses its JSON body itself."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    for name, field in schema["properties"].items():
        if definition := definitions.get(field.get("$ref", "").removeprefix("#/$defs/")):
            schema["properties"][name] = definition
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def binary_body(media_type: str) -> dict[str, Any]:
    """The `openapi_extra` of a route whose body is a file."""
    schema = {"type": "string", "format": "binary"}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}
