"""Errors in the shape of the OpenAI API, for the routes below /v1."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from playground.errors import (
    ModelNotInitialized,
    PlaygroundError,
    SessionNotFound,
    StepNotFound,
)
from playground.i18n.translate import translate

OPENAI_PREFIX = "/v1"

_SERVER_ERRORS = 500  # statuses from here on
# The parameter at fault, of errors that don't name a field themselves.
_PARAMS = {ModelNotInitialized: "model", StepNotFound: "step"}


class OpenAIError(BaseModel):
    """An error of the OpenAI API; message: a sentence. param: the parameter at fault, if one is."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIErrorBody(BaseModel):
    error: OpenAIError


OPENAI_RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"model": OpenAIErrorBody, "description": "What is wrong, in a sentence"}
}


def is_openai_path(path: str) -> bool:
    """Whether errors of this path have the OpenAI API's shape."""
    return f"{path}/".lower().startswith(f"{OPENAI_PREFIX}/")


def openai_error_of(error: PlaygroundError) -> dict[str, Any]:
    """The JSON of an OpenAIErrorBody, with the message in the current locale."""
    if isinstance(error, SessionNotFound):
        sentence = translate("errors.model_not_found")
        return openai_error(error.status, sentence, param="model", code="model_not_found")
    param = error.field or _PARAMS.get(type(error))
    return openai_error(error.status, str(error), param=param)


def openai_error(
    status: int, sentence: str, *, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """The JSON of an OpenAIErrorBody."""
    kind = "server_error" if status >= _SERVER_ERRORS else "invalid_request_error"
    return {"error": {"message": sentence, "type": kind, "param": param, "code": code}}
