"""Routes of the sessions: the models that text can be generated with."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from playground.api.bodies import JsonRoute
from playground.api.dependencies import ChargeLoad, Service
from playground.api.disconnect import cancel_on_disconnect
from playground.api.errors import Responses, responses
from playground.api.schemas.sessions import (
    LoadRequest,
    SessionBody,
    SessionDetailBody,
    SessionsResponse,
)
from playground.errors import (
    BadCheckpoint,
    GenerationFailed,
    HubError,
    HubRepoNotFound,
    HubRevisionNotFound,
    InvalidInput,
    LoadCancelled,
    RateLimited,
    SessionNotFound,
    TooManyLoads,
)

router = APIRouter(route_class=JsonRoute)

_ALREADY_REGISTERED: Responses = {
    200: {"model": SessionDetailBody, "description": "It was there already"}
}
_LOAD_ERRORS = responses(
    InvalidInput,
    BadCheckpoint,
    GenerationFailed,
    LoadCancelled,
    TooManyLoads,
    RateLimited,
    HubError,
    *HubError.__subclasses__(),
)


@router.get("/sessions")
async def sessions(service: Service) -> SessionsResponse:
    """Every session on offer, the smallest model first."""
    return SessionsResponse(sessions=[SessionBody.from_session(s) for s in service.sessions()])


@router.get("/sessions/{session_id:path}", responses=responses(SessionNotFound))
async def session(session_id: str, service: Service) -> SessionDetailBody:
    """One session, with its vocabulary."""
    return SessionDetailBody.from_session(await service.get_session(session_id.rstrip("/")))


@router.post("/sessions", status_code=201, responses={**_ALREADY_REGISTERED, **_LOAD_ERRORS})
async def load(
    body: LoadRequest,
    request: Request,
    response: Response,
    service: Service,
    charge: ChargeLoad,
) -> SessionDetailBody:
    """Load a model from the Hub and wait for it; 200 instead of 201 if it was there already."""
    registered = service.session_ids()
    with charge(body.address):
        work = service.load_from_hub(body.repo_id, body.revision)
        try:
            session = await cancel_on_disconnect(request, work)
        except HubRepoNotFound as error:
            raise error.at("repo_id") from None
        except HubRevisionNotFound as error:
            raise error.at("revision") from None
    if session.session_id in registered:
        response.status_code = 200
    return SessionDetailBody.from_session(session)
