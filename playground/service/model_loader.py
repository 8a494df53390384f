"""Loads the models of sessions: from the cache, from disk, or downloaded."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from contextvars import ContextVar
from functools import partial

from playground.checkpoints.folder import BaseRun, Run, load_model
from playground.checkpoints.schema import CheckpointEntry
from playground.checkpoints.transformers_folder import TransformersRun
from playground.concurrency import LoadingCache
from playground.errors import BadCheckpoint, ModelLoading
from playground.hub.repository import HubRepository
from playground.inference.transformers_model import load_transformers_model
from playground.lm.language_model import LanguageModel
from playground.service.sessions import Session
from playground.settings import Settings

# A caller who was told to come again in a second finds the download under way.
LINGER_SECONDS = 20.0

model_wait: ContextVar[float | None] = ContextVar("model_wait", default=None)
"""Seconds that the current request waits for a model to be loaded; None: without a limit."""


class ModelLoader:
    """LRU cache of models in front of disk and Hub; each is loaded once.

    Bound to one event loop.
    """

    def __init__(self, settings: Settings, hub: HubRepository) -> None:
        self._cache: LoadingCache[LanguageModel] = LoadingCache(
            settings.model_cache_bytes, lambda model: model.nbytes
        )
        self._checkpoint_bytes = settings.checkpoint_bytes
        self._hub = hub

    async def get(self, session: Session, entry: CheckpointEntry) -> LanguageModel:
        """The model of a step, loaded within the current request's `model_wait`.

        Raises BadCheckpoint, HubError; ModelLoading after `model_wait`, while the load goes on.
        """
        wait_seconds = model_wait.get()
        if wait_seconds is None or model_key(session.require_run(), entry) in self._cache:
            return await self.load(session, entry)
        try:
            async with asyncio.timeout(wait_seconds) as wait:
                return await self.load(session, entry, linger_seconds=LINGER_SECONDS)
        except TimeoutError:
            if not wait.expired():
                raise
            raise ModelLoading from None

    async def load(
        self, session: Session, entry: CheckpointEntry, *, linger_seconds: float = 0
    ) -> LanguageModel:
        """The model of a step. linger_seconds: of a download. Raises BadCheckpoint, HubError."""
        run, origin = session.require_run(), session.origin
        key = model_key(run, entry)
        if origin is not None and key not in self._cache:
            await self._hub.fetch_weights(run, origin, entry.step, linger_seconds=linger_seconds)
        try:
            return await self._cache.get(key, partial(self._read, run, entry))
        except BadCheckpoint:
            if origin is not None:
                self._hub.delete_weights(run, entry)
            raise

    def drop(self, run: BaseRun) -> None:
        """Evict the models of a run."""
        self._cache.drop(lambda key: isinstance(key, tuple) and key[0] == run.folder)

    def _read(self, run: BaseRun, entry: CheckpointEntry) -> LanguageModel:
        if isinstance(run, TransformersRun):
            return load_transformers_model(run, entry)
        assert isinstance(run, Run)
        return load_model(run, entry.step, max_bytes=self._checkpoint_bytes)


def model_key(run: BaseRun, entry: CheckpointEntry) -> Hashable:
    """Cache key of a model. Not the session id, which may be reused for another run."""
    return run.folder, *(file.sha256 for file in entry.files)
