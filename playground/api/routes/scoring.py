"""Route that scores a text: how probable a session's model finds each of its characters."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from playground.api.bodies import JsonRoute
from playground.api.dependencies import Service
from playground.api.disconnect import cancel_on_disconnect
from playground.api.errors import model_responses
from playground.api.schemas.scoring import ScoreRequest, ScoreResponse, score_json
from playground.errors import TooLarge

router = APIRouter(route_class=JsonRoute)

_SCORING_ERRORS = model_responses(TooLarge)


@router.post("/score", response_model=ScoreResponse, responses=_SCORING_ERRORS)
async def score(body: ScoreRequest, request: Request, service: Service) -> Response:
    """How surprised a model is by a text: the log-probability of each character, given those
    before it, and what was probable in its place.
    """
    work = service.score(body.session_id, body.text, body.step, body.text_ids)
    scored = await cancel_on_disconnect(request, work)
    return Response(await asyncio.to_thread(score_json, scored), media_type="application/json")
