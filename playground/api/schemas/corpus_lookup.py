"""Schemas of the route that looks into a model's training text."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.base import RequestBody
from playground.api.schemas.generation import SessionId, Text
from playground.corpus_index.suffix_array import EXCERPT, LOOKUP_MAX, PLACES_MAX
from playground.i18n.translate import translate
from playground.service.corpus_lookup import BACKOFF_MAX, Lookup


class CorpusRequest(RequestBody):
    """A text, the last characters of which are looked up."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"session_id": "tales", "context": "Once upon a"}]}
    )

    session_id: SessionId
    context: Text
    k: int | None = Field(
        default=None,
        ge=0,
        le=LOOKUP_MAX,
        description="Look up the last k characters, or all where there are fewer. By default the "
        f"longest end of the context that occurs, of {BACKOFF_MAX} characters at most.",
    )


class Follower(BaseModel):
    """A character that followed, how often, and its share of all that followed."""

    token: str
    count: int
    share: float


class PlaceBody(BaseModel):
    """One occurrence: where in the text, and what stands around it."""

    position: int
    before: str
    after: str = Field(description="What follows, from the next character on.")


class CorpusResponse(BaseModel):
    """What the training part of a model's text says. All counts are exact."""

    available: bool = Field(description="Whether the text is known; else `reason` says why not.")
    reason: str | None
    characters: int | None = Field(description="Length of the training part.")
    context_used: str = Field(description="The last k characters.")
    k: int
    count: int = Field(description="How often they occur with something after; 0: never.")
    counts: list[int] = Field(description="The same for the last 0, 1, 2 … k characters.")
    next: list[Follower] = Field(description="The most frequent first.")
    places: list[PlaceBody] = Field(
        description=f"Up to {PLACES_MAX}, with {EXCERPT} characters before and after."
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
    count = found.occurrences.count
    return {
        "available": True,
        "reason": None,
        "characters": found.n_characters,
        "context_used": found.context,
        "k": len(found.context),
        "count": count,
        "counts": found.counts,
        "next": [
            {"token": token, "count": n, "share": n / count}
            for token, n in found.occurrences.followers
        ],
        "places": [
            {"position": place.position, "before": place.before, "after": place.after}
            for place in found.occurrences.places
        ],
        "session_id": session_id,
    }
