"""Routes that generate text with a session's model."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from playground.api.bodies import JsonRoute, json_response
from playground.api.dependencies import Service
from playground.api.disconnect import cancel_on_disconnect
from playground.api.errors import model_responses, responses
from playground.api.schemas.generation import (
    GenerateRequest,
    GenerateResponse,
    NextTokenRequest,
    NextTokenResponse,
    SubstituteRequest,
    SubstituteResponse,
    generate_response,
    next_token_response,
)
from playground.errors import (
    EngineUnavailable,
    InvalidInput,
    ModelNotInitialized,
    SessionNotFound,
)
from playground.lm.sampling import SamplingParams
from playground.service.generation import Generation
from playground.service.playground import Playground

router = APIRouter(route_class=JsonRoute)

_GENERATION_ERRORS = model_responses(EngineUnavailable)


@router.post("/generate-next-token", responses=_GENERATION_ERRORS, response_model=NextTokenResponse)
async def generate_next_token(
    body: NextTokenRequest, request: Request, service: Service
) -> Response:
    """The next character of a text, and the distribution it was picked from."""
    params = body.sampling_params()
    generation = await generate_for(request, service, body, params, n=1)
    return json_response(next_token_response(generation, params.seed, intervals=body.intervals))


@router.post("/generate", responses=_GENERATION_ERRORS, response_model=GenerateResponse)
async def generate(body: GenerateRequest, request: Request, service: Service) -> Response:
    """The next n characters of a text, each with the distribution it was picked from."""
    params = body.sampling_params()
    generation = await generate_for(request, service, body, params, n=body.n)
    return json_response(generate_response(generation, params.seed, intervals=body.intervals))


@router.post("/substitute", responses=responses(InvalidInput, ModelNotInitialized, SessionNotFound))
async def substitute(body: SubstituteRequest, service: Service) -> SubstituteResponse:
    """A text that the model can read, and which characters it lacks: replaced by near known ones,
    or dropped where there are none.
    """
    vocabulary = (await service.get_session(body.session_id)).require_run().vocabulary
    return await asyncio.to_thread(SubstituteResponse.from_text, body.text, vocabulary)


async def generate_for(
    request: Request, service: Playground, body: NextTokenRequest, params: SamplingParams, *, n: int
) -> Generation:
    """`Playground.generate` with the fields of a request; it ends when the client disconnects.

    Loading the model goes on: a page that has waited for it too long asks for it again.
    """
    prompt = await service.prompt(body.session_id, body.context, n, body.step, body.context_ids)
    work = service.continue_prompt(prompt, params, n=n, position=body.position)
    return await cancel_on_disconnect(request, work)
