"""Schemas of the route that looks into a model's training text."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.base import RequestBody
from playground.api.schemas.generation import (
    ContextIds,
    SessionId,
    Text,
    TokenFields,
    token_fields,
)
from playground.corpus_index.suffix_array import LOOKUP_MAX, PLACES_MAX
from playground.i18n.translate import translate
from playground.service.corpus_lookup import BACKOFF_MAX, EXCERPT_CHARACTERS, Lookup


class CorpusRequest(RequestBody):
    """A text, the last tokens of which are looked up."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"session_id": "tales", "context": "Once upon a"}]}
    )

    session_id: SessionId
    context: Text
    context_ids: ContextIds = Field(default=[])
    k: int | None = Field(
        default=None,
        ge=0,
        le=LOOKUP_MAX,
        description="Look up the last k tokens, or all where there are fewer. By default the "
        f"longest end of the context that occurs, of {BACKOFF_MAX} tokens at most.",
    )


class FollowingToken(TokenFields):
    """A token that followed, how often, and its share of all that followed."""

    token: str
    count: int
    share: float


class OccurrenceBody(BaseModel):
    """One occurrence: where in the text, and what stands around it."""

    position: int = Field(description="The index of its first token.")
    before: str
    next: str = Field(description="The token that followed.")
    after: str = Field(description="What followed, from that token on.")


class CorpusResponse(BaseModel):
    """What the training part of a model's text says. All counts are exact."""

    available: bool = Field(description="Whether the text is known; else `reason` says why not.")
    reason: str | None
    characters: int | None = Field(description="Length of the training part in characters.")
    context_used: str = Field(description="The last k tokens.")
    k: int
    count: int = Field(description="How often they occur with something after; 0: never.")
    counts: list[int] = Field(description="The same for the last 0, 1, 2 … k tokens.")
    next: list[FollowingToken] = Field(description="The most frequent first.")
    places: list[OccurrenceBody] = Field(
        description=f"Up to {PLACES_MAX}, with {EXCERPT_CHARACTERS} characters before and after."
    )
    session_id: str


def corpus_response(session_id: str, found: Lookup | None) -> dict[str, Any]:
    """The JSON of a CorpusResponse; None where there is no text to look into."""
    if found is None:
        return {
            "available": False,
            "reason": translate("text.corpus_not_here"),
            "characters": None,
            "context_used": "",
            "k": 0,
            "count": 0,
            "counts": [],
            "next": [],
            "places": [],
            "session_id": session_id,
        }
    fields = token_fields(found.vocabulary)
    return {
        "available": True,
        "reason": None,
        "characters": found.n_characters,
        "context_used": found.context,
        "k": found.k,
        "count": found.count,
        "counts": found.counts,
        "next": [fields(id) | {"count": n, "share": n / found.count} for id, n in found.followers],
        "places": [dataclasses.asdict(place) for place in found.places],
        "session_id": session_id,
    }
