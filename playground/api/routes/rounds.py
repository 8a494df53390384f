"""Route that makes a round of a guessing game: what comes next?"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from playground.api.bodies import JsonRoute, json_response
from playground.api.dependencies import Service
from playground.api.disconnect import cancel_on_disconnect
from playground.api.errors import model_responses
from playground.api.schemas.rounds import RoundRequest, RoundResponse, round_response

router = APIRouter(route_class=JsonRoute)


@router.post("/rounds", response_model=RoundResponse, responses=model_responses())
async def make_round(body: RoundRequest, request: Request, service: Service) -> Response:
    """A passage that the model has not learned from, and the characters that follow it, to be
    guessed; the same for everyone who asks with this seed.
    """
    made = await cancel_on_disconnect(request, service.round(body.session_id, body.seed, body.n))
    return json_response(round_response(body.session_id, body.seed, made))
