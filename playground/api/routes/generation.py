"""Routes that generate text with a session's model."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request

from playground.api.bodies import JsonRoute
from playground.api.dependencies import Service
from playground.api.disconnect import collect_until_disconnect
from playground.api.errors import responses
from playground.api.schemas.generation import (
    GenerateRequest,
    GenerateResponse,
    NextTokenRequest,
    NextTokenResponse,
    SubstituteRequest,
    SubstituteResponse,
)
from playground.errors import (
    BadCheckpoint,
    GenerationFailed,
    HubError,
    InvalidInput,
    ModelNotInitialized,
    Overloaded,
    SessionNotFound,
    StepNotFound,
    UnknownCharacters,
)
from playground.lm.sampling import SamplingParams
from playground.service.playground import Generation, Playground

router = APIRouter(route_class=JsonRoute)

_GENERATION_ERRORS = responses(
    InvalidInput,
    UnknownCharacters,
    ModelNotInitialized,
    SessionNotFound,
    StepNotFound,
    BadCheckpoint,
    GenerationFailed,
    Overloaded,
    HubError,
    *HubError.__subclasses__(),
)


@router.post("/generate-next-token", responses=_GENERATION_ERRORS)
async def generate_next_token(body: NextTokenRequest, service: Service) -> NextTokenResponse:
    """The next character of a text, and the distribution it was picked from."""
    params = body.sampling_params()
    generation = await start_generation(service, body, params, n=1)
    (step,) = [step async for step in generation.steps]
    return NextTokenResponse.from_step(generation, step, params.seed)


@router.post("/generate", responses=_GENERATION_ERRORS)
async def generate(body: GenerateRequest, request: Request, service: Service) -> GenerateResponse:
    """The next n characters of a text, each with the distribution it was picked from."""
    params = body.sampling_params()
    generation = await start_generation(service, body, params, n=body.n)
    steps = await collect_until_disconnect(request, generation.steps)
    return GenerateResponse.from_steps(generation, steps, params.seed)


@router.post("/substitute", responses=responses(InvalidInput, ModelNotInitialized, SessionNotFound))
async def substitute(body: SubstituteRequest, service: Service) -> SubstituteResponse:
    """A text that the model can read, and which characters it lacks: replaced by near known ones,
    or dropped where there are none.
    """
    await service.get_session(body.session_id)
    vocabulary = service.registered_run(body.session_id).vocabulary
    return await asyncio.to_thread(SubstituteResponse.from_text, body.text, vocabulary)


async def start_generation(
    service: Playground, body: NextTokenRequest, params: SamplingParams, *, n: int
) -> Generation:
    """`Playground.generate` with the fields of a request."""
    return await service.generate(
        body.session_id, body.context, params, n=n, position=body.position, step=body.step
    )
