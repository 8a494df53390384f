"""Routes that tokenize a text, as a session's model reads it or with a well-known tokenizer."""

from __future__ import annotations

from fastapi import APIRouter, Response

from playground.api.bodies import JsonRoute, json_response
from playground.api.dependencies import Service
from playground.api.errors import responses
from playground.api.schemas.tokenization import (
    ReferenceTokenizeRequest,
    TokenizeRequest,
    TokenizeResponse,
    tokenize_response,
)
from playground.errors import BadCheckpoint, InvalidInput, ModelNotInitialized, SessionNotFound
from playground.service.contexts import tokenize_text
from playground.tokenization.references import ReferenceName

router = APIRouter(route_class=JsonRoute)

_ERRORS = responses(InvalidInput, ModelNotInitialized, SessionNotFound, BadCheckpoint)


@router.post("/tokenize", response_model=TokenizeResponse, responses=_ERRORS)
async def tokenize(body: TokenizeRequest, service: Service) -> Response:
    """The tokens of a text, as the model reads it, with their ids and places."""
    vocabulary = (await service.get_session(body.session_id)).require_run().vocabulary
    tokens = await tokenize_text(vocabulary, body.text, field="text")
    return json_response(tokenize_response(tokens, vocabulary))


@router.post(
    "/tokenize/{tokenizer}", response_model=TokenizeResponse, responses=responses(InvalidInput)
)
async def tokenize_as(
    tokenizer: ReferenceName, body: ReferenceTokenizeRequest, service: Service
) -> Response:
    """The tokens of a text as GPT-2 would read it, with their ids and places; without the model."""
    reference = service.reference_tokenizers[tokenizer]
    tokens = await tokenize_text(reference, body.text, field="text")
    return json_response(tokenize_response(tokens, reference))
