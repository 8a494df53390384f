"""Routes of the Hub: published models, and loads in the background."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from playground.api.bodies import JsonRoute
from playground.api.dependencies import ChargeLoad, Service
from playground.api.errors import responses
from playground.api.schemas.sessions import LoadBody, LoadRequest, ModelsResponse
from playground.errors import HubError, InvalidInput, LoadNotFound, RateLimited, TooManyLoads

SEARCH_MAX = 200  # characters

router = APIRouter(route_class=JsonRoute)


@router.post(
    "/loads", status_code=202, responses=responses(InvalidInput, TooManyLoads, RateLimited)
)
async def start_load(body: LoadRequest, service: Service, charge: ChargeLoad) -> LoadBody:
    """Start to load a model from the Hub. Poll its `load_id`, or it is cancelled."""
    with charge(body.address):
        return LoadBody.from_load(service.start_load(body.repo_id, body.revision))


@router.get("/loads/{load_id}", responses=responses(LoadNotFound))
async def follow_load(load_id: str, service: Service) -> LoadBody:
    """State, progress and result of a load."""
    return LoadBody.from_load(service.loads.get(load_id))


@router.delete("/loads/{load_id}", responses=responses(LoadNotFound))
async def cancel_load(load_id: str, service: Service) -> LoadBody:
    """Cancel a load; other loads of the same model continue."""
    return LoadBody.from_load(await service.loads.cancel(load_id))


@router.get("/models", responses=responses(HubError, *HubError.__subclasses__()))
async def models(
    service: Service, search: Annotated[str, Query(max_length=SEARCH_MAX)] = ""
) -> ModelsResponse:
    """Playground models on the Hub whose name has all words of `search`, most liked first."""
    return ModelsResponse(models=await service.search_hub(search))
