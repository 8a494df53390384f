"""Routes of the corpora: texts and presets to train with, and files read as text."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request

from playground.api.bodies import binary_body, read_body, refuse_form
from playground.api.dependencies import Trainings
from playground.api.errors import responses
from playground.api.schemas.corpora import CorporaResponse, TextResponse
from playground.errors import InvalidInput, TooLarge
from playground.training.texts import TEXT_BYTES_MAX, decode_upload

FILENAME_MAX = 300  # characters

router = APIRouter(tags=["training"])


@router.get("/corpora")
async def corpora(trainings: Trainings) -> CorporaResponse:
    """The texts and presets on offer, and the bounds of what may be changed."""
    trainings.prepare()  # the form is open: a training is likely to start soon
    return CorporaResponse.create()


@router.post(
    "/corpora/text",
    responses=responses(InvalidInput, TooLarge),
    openapi_extra=binary_body("text/plain"),
)
async def check_text(
    request: Request, filename: Annotated[str, Query(max_length=FILENAME_MAX)]
) -> TextResponse:
    """The text of a file, .txt or .md, that is the body; refused if it cannot be used.

    In UTF-8, or in the UTF-16 or UTF-32 that its byte order mark names. Every line end is returned
    as a line feed. To be sent as the `text` of a training.
    """
    refuse_form(request)
    raw = await read_body(request, TEXT_BYTES_MAX, "training.file_too_large")
    text = await asyncio.to_thread(decode_upload, filename, raw)
    return TextResponse(text=text, characters=len(text), different_characters=len(set(text)))
