"""Routes in the shape of the OpenAI API, so that its clients connect as they are."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from playground.api.bodies import JsonRoute, json_response
from playground.api.dependencies import Service
from playground.api.disconnect import cancel_on_disconnect
from playground.api.errors import Responses, model_responses, responses
from playground.api.openai_errors import OpenAIErrorBody, openai_error_of
from playground.api.schemas.openai import (
    CompletionRequest,
    CompletionResponse,
    ModelBody,
    ModelList,
    choice_json,
    envelope,
    usage_json,
)
from playground.errors import (
    GenerationFailed,
    InvalidInput,
    PlaygroundError,
    SessionNotFound,
    TooLarge,
)
from playground.service.completions import complete
from playground.service.generation import Prompt
from playground.service.playground import Playground

log = logging.getLogger(__name__)

router = APIRouter(route_class=JsonRoute)

_EVENTS = "text/event-stream"
_ERRORS = model_responses(TooLarge, body=OpenAIErrorBody)
_EVENT = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
_STREAM: Responses = {200: {"content": {_EVENTS: {"itemSchema": _EVENT}}}}
# For a proxy in front: what is computed is passed on at once.
_STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@router.get("/models")
async def models(service: Service) -> ModelList:
    """The models on offer, the smallest first."""
    ready = [session for session in service.sessions() if session.run is not None]
    return ModelList(data=[ModelBody.from_session(session) for session in ready])


@router.get(
    "/models/{model:path}",
    responses=responses(SessionNotFound, body=OpenAIErrorBody),
)
async def model(model: str, service: Service) -> ModelBody:
    """One model, listed or not."""
    return ModelBody.from_session(await service.get_session(model))


@router.post("/completions", response_model=CompletionResponse, responses={**_STREAM, **_ERRORS})
async def completions(body: CompletionRequest, request: Request, service: Service) -> Response:
    """Texts continued, each token with its log-probability if asked for.

    `stream` sends server-sent events, each a part of one text, and `[DONE]` at their end.
    """
    prompts = await _prompts(service, body)
    if not body.stream:
        return json_response(await cancel_on_disconnect(request, _whole(service, body, prompts)))
    chunks = _chunks(service, body, prompts)
    # What refuses the first tokens is a status, not an event.
    first = await cancel_on_disconnect(request, _next(chunks))
    return StreamingResponse(_events(first, chunks), headers=_STREAM_HEADERS, media_type=_EVENTS)


async def _prompts(service: Playground, body: CompletionRequest) -> list[Prompt]:
    """The checked prompts of a request, with their model."""
    n = max(1, body.n_tokens)
    try:
        return [await service.prompt(body.model, text, n, body.step) for text in body.prompt]
    except InvalidInput as error:
        raise error.at("prompt") from None


async def _whole(
    service: Playground, body: CompletionRequest, prompts: Sequence[Prompt]
) -> dict[str, Any]:
    """The JSON of a CompletionResponse: the chunks of each text as one."""
    choices, n_tokens = [], 0
    for index, prompt in enumerate(prompts):
        tokens, reason = [], None
        async for part in complete(service, prompt, body.options()):
            tokens += part.tokens
            reason = part.finish_reason
        n_tokens += len(tokens)
        choices.append(
            choice_json(
                index, tokens, reason, n_logprobs=body.logprobs, offset=_offset(body, prompt)
            )
        )
    return envelope(body.model, prompts[0].session) | {
        "choices": choices,
        "usage": _usage(body, prompts, n_tokens),
    }


async def _chunks(
    service: Playground, body: CompletionRequest, prompts: Sequence[Prompt]
) -> AsyncIterator[dict[str, Any]]:
    """The JSON of each chunk, one text after the other."""
    shared, n_tokens = envelope(body.model, prompts[0].session), 0
    no_usage = {"usage": None} if body.has_usage_chunk else {}
    for index, prompt in enumerate(prompts):
        offset = _offset(body, prompt)
        async for part in complete(service, prompt, body.options()):
            choice = choice_json(
                index, part.tokens, part.finish_reason, n_logprobs=body.logprobs, offset=offset
            )
            offset += len(choice["text"])
            n_tokens += len(part.tokens)
            yield shared | {"choices": [choice]} | no_usage
    if body.has_usage_chunk:
        yield shared | {"choices": [], "usage": _usage(body, prompts, n_tokens)}


def _offset(body: CompletionRequest, prompt: Prompt) -> int:
    """Where the first token of a choice stands in the prompt and what follows it."""
    return 0 if body.echo else len(prompt.context)


def _usage(body: CompletionRequest, prompts: Sequence[Prompt], n_tokens: int) -> dict[str, int]:
    """n_tokens: of all choices, echoed ones included."""
    of_prompts = sum(len(prompt.ids) for prompt in prompts)
    return usage_json(of_prompts, n_tokens - (of_prompts if body.echo else 0))


async def _next(chunks: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    return await anext(chunks)


async def _events(
    first: dict[str, Any], chunks: AsyncIterator[dict[str, Any]]
) -> AsyncIterator[bytes]:
    """Server-sent events; an error after the status was sent is the last of them."""
    yield _event(first)
    try:
        async for chunk in chunks:
            yield _event(chunk)
    except PlaygroundError as error:
        yield _event(openai_error_of(error))
        return
    except Exception as error:
        log.exception("a stream broke off")
        yield _event(openai_error_of(GenerationFailed.because(error)))
        return
    yield b"data: [DONE]\n\n"


def _event(content: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(content)
