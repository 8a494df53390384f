"""Route that looks a context up in the text that a session's model learned from."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from playground.api.bodies import JsonRoute, json_response
from playground.api.dependencies import Service
from playground.api.disconnect import cancel_on_disconnect
from playground.api.errors import responses
from playground.api.schemas.corpus_lookup import CorpusRequest, CorpusResponse, corpus_response
from playground.errors import (
    BadCheckpoint,
    InvalidInput,
    ModelNotInitialized,
    SessionNotFound,
    UnknownCharacters,
)

router = APIRouter(route_class=JsonRoute)


@router.post(
    "/corpus",
    response_model=CorpusResponse,
    responses=responses(
        InvalidInput, UnknownCharacters, ModelNotInitialized, SessionNotFound, BadCheckpoint
    ),
)
async def corpus(body: CorpusRequest, request: Request, service: Service) -> Response:
    """How often the last tokens of a text stand in what the model learned from, what followed
    them there, and where.
    """
    work = service.look_up(body.session_id, body.context, body.k, body.context_ids)
    found = await cancel_on_disconnect(request, work)
    return json_response(corpus_response(body.session_id, found))
