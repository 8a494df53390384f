"""Search among the published playground models of the Hub."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from huggingface_hub import ModelInfo

from playground.concurrency import SingleFlight
from playground.errors import HubError
from playground.hub.client import MODEL_LIST, HubClient
from playground.hub.errors import deadline

LIBRARY = "token-playground"
"""The tag (`library_name` of the model card) of published models."""

_TTL_SECONDS = 300.0
_RETRY_SECONDS = 30.0
_MODELS_MAX = 1000


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A playground model on the Hub. params: number of parameters, None if unknown."""

    repo_id: str
    likes: int
    downloads: int
    params: int | None
    last_modified: datetime | None


class ModelListing:
    """The list of published models, cached for _TTL_SECONDS. Bound to one event loop."""

    def __init__(self, client: HubClient, *, include_private: bool, timeout_seconds: float) -> None:
        """include_private: list private and gated models too, with the operator's token."""
        self._client = client
        self._include_private = include_private
        self._timeout_seconds = timeout_seconds
        self._models: list[PublishedModel] | None = None
        self._expires = 0.0  # time of the event loop
        self._requests: SingleFlight[list[PublishedModel]] = SingleFlight()

    async def search(self, query: str = "") -> list[PublishedModel]:
        """The models whose repo id contains all words of the query, most liked first.

        If the Hub fails, a list that was fetched before is served. Raises HubError.
        """
        now = asyncio.get_running_loop().time()
        if self._models is None or now >= self._expires:
            try:
                self._models = await self._requests.run("", lambda _: self._fetch())
                self._expires = now + _TTL_SECONDS
            except HubError:
                if self._models is None:
                    raise
                self._expires = now + _RETRY_SECONDS
        words = query.lower().split()
        return [m for m in self._models if all(word in m.repo_id.lower() for word in words)]

    async def _fetch(self) -> list[PublishedModel]:
        include_private = self._include_private
        with deadline(MODEL_LIST, self._timeout_seconds):
            infos = await self._client.list_models(LIBRARY, _MODELS_MAX, use_token=include_private)
        return [_published(i) for i in infos if include_private or not (i.private or i.gated)]


def _published(info: ModelInfo) -> PublishedModel:
    return PublishedModel(
        repo_id=info.id,
        likes=info.likes or 0,
        downloads=info.downloads or 0,
        params=info.safetensors.total if info.safetensors else None,
        last_modified=info.last_modified,
    )
