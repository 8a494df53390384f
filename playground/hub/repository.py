"""Model repos of the Hub: searched, resolved to a commit, opened from the disk cache or downloaded.

A commit is immutable: a cached one is opened without a request. Branches and tags are resolved
again after _RESOLVED_SECONDS; if the Hub does not answer, the last known commit is opened. Weights
are downloaded on demand, a step at a time.

Requests are anonymous: visitors see what is public. With `show_private`, the operator's token is
used for repos that refuse anonymous access.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from cachetools import TTLCache
from huggingface_hub import ModelInfo

from playground.checkpoints.folder import BaseRun
from playground.checkpoints.schema import CheckpointEntry
from playground.checkpoints.transformers_folder import TransformersLimits
from playground.concurrency import ProgressCallback, SingleFlight
from playground.errors import HubError, HubForbidden, HubRepoNotFound, TooManyLoads
from playground.hub.address import Address, parse_address
from playground.hub.client import HubClient
from playground.hub.disk_cache import DiskCache, Origin
from playground.hub.errors import deadline
from playground.hub.layout import Limits
from playground.hub.listing import ModelListing, PublishedModel
from playground.hub.snapshots import Snapshot, SnapshotStore
from playground.hub.weights import WeightsDownloader
from playground.i18n.translate import in_default_locale
from playground.settings import Settings

log = logging.getLogger(__name__)

_RESOLVED_SECONDS = 10.0
_RESOLVED_MAX = 1024
_CONCURRENT_OPENS_MAX = 32
_UNAVAILABLE = (429, 502, 503, 504)  # statuses of failures that are not about the repo itself


class HubRepository:
    """Models of one Hub. Bound to one event loop.

    Methods raise HubError, BadCheckpoint or a subclass of these.
    """

    def __init__(self, settings: Settings) -> None:
        """Makes no request, reads and writes no file."""
        self._endpoint = settings.hub_endpoint
        self._show_private = settings.show_private
        # Errors are raised within hub_seconds: 0.6 of it for resolving and reading a repo, 0.3
        # for the first bytes of its weights after that.
        self._open_seconds = 0.6 * settings.hub_seconds
        self._client = HubClient(settings.hub_endpoint, 0.3 * settings.hub_seconds)
        self._cache = DiskCache(
            settings.hub_cache_dir, settings.hub_endpoint, settings.hub_cache_bytes
        )
        self._listing = ModelListing(
            self._client,
            include_private=settings.show_private,
            timeout_seconds=self._open_seconds,
        )
        self._snapshots = SnapshotStore(
            self._client,
            self._cache,
            Limits.from_settings(settings),
            TransformersLimits.from_settings(settings),
            show_private=settings.show_private,
        )
        self._weights = WeightsDownloader(self._client, self._cache)
        self._resolved: TTLCache[Address, str] = TTLCache(_RESOLVED_MAX, _RESOLVED_SECONDS)
        self._opens: SingleFlight[Snapshot] = SingleFlight()

    def parse_address(self, text: str, revision: str | None = None) -> Address:
        """Parse what a visitor typed. Raises InvalidInput."""
        return parse_address(text, revision, self._endpoint)

    async def search(self, query: str = "") -> list[PublishedModel]:
        """The published models whose repo id contains all words of the query, most liked first."""
        return await self._listing.search(query)

    async def open(self, address: Address, progress: ProgressCallback | None = None) -> Snapshot:
        """Open a repo at a revision, with the weights of its last step on disk.

        Concurrent calls share one download; a cached commit needs no request.
        Raises TooManyLoads too.
        """
        if cached := await self.open_cached(address):
            return cached
        if len(self._opens) >= _CONCURRENT_OPENS_MAX:
            raise TooManyLoads
        return await self._opens.run(address, lambda report: self._open(address, report), progress)

    async def open_cached(self, address: Address) -> Snapshot | None:
        """Open a commit that is on disk with its last weights, or None. Makes no request."""
        snapshot = await self._snapshots.open_cached(address)
        return snapshot if snapshot and snapshot.has_weights else None

    async def _open(self, address: Address, report: ProgressCallback) -> Snapshot:
        try:
            with deadline(str(address), self._open_seconds):
                snapshot = await self._open_without_weights(address)
                snapshot = replace(snapshot, cached=snapshot.cached and snapshot.has_weights)
        except HubError as error:
            if error.status not in _UNAVAILABLE:
                raise
            log.warning("%s: %s (%r)", address, in_default_locale(error), error.__cause__)
            if (known := await self._open_last_commit(address)) is None:
                raise
            return known
        await self._snapshots.check_cost(snapshot)
        await self.fetch_weights(snapshot.run, snapshot.origin, None, report)
        snapshot = await self._snapshots.with_weights(snapshot)
        if not address.commit:
            self._cache.set_last_commit(address, snapshot.origin.commit)
        return snapshot

    async def _open_last_commit(self, address: Address) -> Snapshot | None:
        """Open the commit that a revision pointed to when it was last opened, or None."""
        commit = self._cache.last_commit(address)
        return await self.open_cached(Address(address.repo_id, commit)) if commit else None

    async def _open_without_weights(self, address: Address) -> Snapshot:
        """Resolve a revision and open its commit: from disk, or downloaded."""
        commit = self._resolved.get(address)
        if commit and (
            cached := await self._snapshots.open_cached(Address(address.repo_id, commit))
        ):
            return cached
        info, public = await self._model_info(address)
        pinned = Address(address.repo_id, info.sha)
        if pinned.commit is None or address.commit not in (None, info.sha):
            raise HubError("hub_errors.no_commit", about=address)
        self._resolved[address] = pinned.commit
        if cached := await self._snapshots.open_cached(pinned):
            return replace(cached, cached=False)
        return await self._snapshots.download(pinned, info, public=public)

    async def _model_info(self, address: Address) -> tuple[ModelInfo, bool]:
        """A repo at a revision, and whether it is public."""
        try:
            info = await self._client.model_info(address, use_token=False)
            if not (info.gated or info.private):
                return info, True
            if info.gated:
                raise HubForbidden("hub_errors.gated", about=address)
            raise HubForbidden("hub_errors.private", about=address)
        except (HubRepoNotFound, HubForbidden):
            if not self._show_private:
                raise
        return await self._client.model_info(address, use_token=True), False

    async def fetch_weights(
        self,
        run: BaseRun,
        origin: Origin,
        step: int | None,
        progress: ProgressCallback | None = None,
        linger_seconds: float = 0,
    ) -> None:
        """Download the weights of a step (None: the last) unless they are on disk.

        Concurrent calls share one download, which is cancelled linger_seconds after its last
        caller was. Raises StepNotFound too.
        """
        await self._weights.fetch(run, origin, step, progress, linger_seconds)

    def delete_weights(self, run: BaseRun, entry: CheckpointEntry) -> None:
        """Delete invalid weights, so that the next use downloads them again.

        With those of the last step the whole commit is deleted.
        """
        self._weights.delete(run, entry)

    def mark_used(self, run: BaseRun) -> None:
        """Protect a run's folder from eviction for a while."""
        self._cache.mark_used(run.folder)

    def last_used(self, run: BaseRun) -> float:
        """Time of the last use of a run's folder, in seconds of the monotonic clock."""
        return self._cache.last_used(run.folder)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()
