"""Errors as responses: exception handlers, and the documentation of error responses.

Every error response has the body {"error": sentence}, below /v1 that of the OpenAI API; the header
X-Error is the name of its class, X-Error-Field the path of the request field at fault, if one is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from playground.api.openai_errors import is_openai_path, openai_error, openai_error_of
from playground.errors import (
    BadCheckpoint,
    GenerationFailed,
    HubError,
    InvalidInput,
    Misdirected,
    ModelLoading,
    ModelNotInitialized,
    Overloaded,
    PlaygroundError,
    SessionNotFound,
    StepNotFound,
    UnknownCharacters,
)
from playground.i18n.translate import translate
from playground.i18n.validation import validation_message

EXPOSED_HEADERS = ("X-Error", "X-Error-Field", "Retry-After")

# Between replicas and their proxy: who has it, in a response; that nobody is there, in a request.
REPLICA_HEADER, REPLICA_DOWN_HEADER = "X-Replica", "X-Replica-Down"

Responses = dict[int | str, dict[str, Any]]

# Starlette's own sentences, and the messages that translate them.
_FRAMEWORK_MESSAGES = {
    "Not Found": "errors.not_found",
    "Method Not Allowed": "errors.method_not_allowed",
}
# A header must not carry a key that a caller made up: any characters, any length.
_FIELD_PATH = re.compile(r"[A-Za-z0-9_.]{1,100}")


class ErrorBody(BaseModel):
    error: str


# Replaces the 422 with HTTPValidationError that FastAPI documents by default.
DEFAULT_RESPONSES: Responses = {
    "default": {"model": ErrorBody, "description": "What is wrong, in a sentence"}
}


def responses(*errors: type[PlaygroundError], body: type[BaseModel] = ErrorBody) -> Responses:
    """The `responses` argument of a route that raises these errors, by status."""
    descriptions: dict[int, list[str]] = defaultdict(list)
    for error in errors:
        descriptions[error.status].append((error.__doc__ or "").splitlines()[0])
    return {
        status: {"model": body, "description": " ".join(lines)}
        for status, lines in descriptions.items()
    }


def model_responses(*more: type[PlaygroundError], body: type[BaseModel] = ErrorBody) -> Responses:
    """The `responses` argument of a route that computes with a session's model."""
    return responses(
        InvalidInput,
        UnknownCharacters,
        ModelNotInitialized,
        SessionNotFound,
        StepNotFound,
        BadCheckpoint,
        GenerationFailed,
        Overloaded,
        ModelLoading,
        *more,
        HubError,
        *HubError.__subclasses__(),
        body=body,
    )


def add_exception_handlers(app: FastAPI) -> None:
    """Respond to every exception with an ErrorBody, below /v1 with an OpenAIErrorBody."""
    app.add_exception_handler(PlaygroundError, _handle_playground_error)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)
    app.add_exception_handler(HTTPException, _handle_http_exception)
    app.add_exception_handler(Exception, _handle_unexpected_error)


def invalid_request(errors: Sequence[Mapping[str, Any]]) -> InvalidInput:
    """The first entry of a pydantic error's list, with its field."""
    first = errors[0]
    path = ".".join(str(part) for part in first["loc"] if part != "body")
    error = InvalidInput("fields.problem", field=path or "body", what=validation_message(first))
    return error.at(path.removeprefix("query.")) if path else error


def error_response(request: Request, error: PlaygroundError) -> JSONResponse:
    """The response to a request that failed with this error."""
    if isinstance(error, Misdirected) and REPLICA_DOWN_HEADER in request.headers:
        error = error.otherwise
    headers = {"X-Error": type(error).__name__}
    if isinstance(error, Misdirected):
        headers[REPLICA_HEADER] = error.replica
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.field and _FIELD_PATH.fullmatch(error.field):
        headers["X-Error-Field"] = error.field
    of_openai = is_openai_path(request.url.path)
    content = openai_error_of(error) if of_openai else {"error": str(error)}
    return JSONResponse(content, error.status, headers)


async def _handle_playground_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PlaygroundError)
    return error_response(request, error)


async def _handle_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return error_response(request, invalid_request(error.errors()))


async def _handle_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    of_openai = is_openai_path(request.url.path)
    key = _FRAMEWORK_MESSAGES.get(error.detail)
    if of_openai and key == "errors.not_found":
        key = "errors.openai_not_found"
    sentence = translate(key) if key else error.detail
    content = openai_error(error.status_code, sentence) if of_openai else {"error": sentence}
    return JSONResponse(content, error.status_code, error.headers)


async def _handle_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    # Starlette's ServerErrorMiddleware runs this handler, and logs the traceback. It is outside of
    # CORSMiddleware: without this header a page of another origin could not read the response.
    response = error_response(request, GenerationFailed.because(error))
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
