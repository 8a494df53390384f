"""QR codes, and the health check."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from playground.api.dependencies import Service
from playground.api.qr import QR_BYTES_MAX, qr_code

router = APIRouter()


class HealthResponse(BaseModel):
    """refused: folders in models/ and featured repos that are not offered, and why."""

    status: Literal["ok"]
    sessions: int
    refused: dict[str, str]


@router.get("/qr", response_class=Response, responses={200: {"content": {"image/svg+xml": {}}}})
def qr(text: Annotated[str, Query(min_length=1, max_length=QR_BYTES_MAX)]) -> Response:
    """A QR code of a text, a link above all, as an SVG image."""
    return Response(qr_code(text), media_type="image/svg+xml")


@router.get("/health")
async def health(service: Service) -> HealthResponse:
    """That the server answers, how many sessions it has, and which folders it refused."""
    return HealthResponse(
        status="ok",
        sessions=len(service.sessions()),
        refused={name: str(reason) for name, reason in service.refused.items()},
    )
