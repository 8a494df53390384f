"""Routes that compute at length with a session's model: beam search, comparisons, draws."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from playground.api.bodies import JsonRoute, json_response
from playground.api.dependencies import Service
from playground.api.disconnect import cancel_on_disconnect
from playground.api.errors import model_responses
from playground.api.schemas.beams import BeamsRequest, BeamsResponse, beams_response
from playground.api.schemas.comparison import (
    CompareRequest,
    CompareResponse,
    LaneRequest,
    compare_response,
)
from playground.api.schemas.context_comparison import (
    CompareContextsRequest,
    CompareContextsResponse,
    compare_contexts_response,
)
from playground.api.schemas.draws import DrawsRequest, DrawsResponse, draws_response
from playground.errors import TooLarge
from playground.service.comparison import Comparison, Lane
from playground.service.context_comparison import ContextComparison
from playground.service.playground import Playground

router = APIRouter(route_class=JsonRoute)

_ERRORS = model_responses(TooLarge)


@router.post("/beams", response_model=BeamsResponse, responses=_ERRORS)
async def beams(body: BeamsRequest, request: Request, service: Service) -> Response:
    """The most probable continuations of a text as beam search finds them, and its tree."""
    work = service.search_beams(
        body.session_id,
        body.context,
        width=body.width,
        n=body.n,
        step=body.step,
        suffix_ids=body.context_ids,
    )
    return json_response(beams_response(await cancel_on_disconnect(request, work)))


@router.post("/draws", response_model=DrawsResponse, responses=model_responses())
async def draws(body: DrawsRequest, request: Request, service: Service) -> Response:
    """One next character, drawn many times: with `seed`, `seed + 1`, … Each draw is the one that
    `/api/generate-next-token` makes with that seed.
    """
    params = body.sampling_params()
    work = service.repeat_draw(
        body.session_id,
        body.context,
        params,
        n=body.n,
        position=body.position,
        step=body.step,
        suffix_ids=body.context_ids,
    )
    return json_response(draws_response(await cancel_on_disconnect(request, work), params.seed))


@router.post("/compare", response_model=CompareResponse, responses=_ERRORS)
async def compare(body: CompareRequest, request: Request, service: Service) -> Response:
    """How far the predictions of two models, training steps or temperatures are apart."""
    found = await cancel_on_disconnect(request, _compare(service, body))
    return json_response(compare_response(found))


@router.post("/compare-contexts", response_model=CompareContextsResponse, responses=_ERRORS)
async def compare_contexts(
    body: CompareContextsRequest, request: Request, service: Service
) -> Response:
    """How far a model's prediction moves when it sees other texts instead of one."""
    found = await cancel_on_disconnect(request, _compare_contexts(service, body))
    return json_response(compare_contexts_response(found))


async def _compare(service: Playground, body: CompareRequest) -> Comparison:
    lane, other = [await _lane(service, side) for side in (body, body.other)]
    return await service.compare(lane, other, body.context, body.positions, body.context_ids)


async def _compare_contexts(service: Playground, body: CompareContextsRequest) -> ContextComparison:
    lane = await _lane(service, body)
    return await service.compare_contexts(
        lane, body.context, body.others, body.followed, body.context_ids
    )


async def _lane(service: Playground, side: LaneRequest) -> Lane:
    return await service.lane(side.session_id, side.step, side.temperature)
