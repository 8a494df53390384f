"""Downloads of weights, one training step at a time, into the disk cache."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playground.checkpoints.folder import Run
from playground.checkpoints.schema import WEIGHTS, CheckpointEntry
from playground.concurrency import ProgressCallback, SingleFlight
from playground.hub.address import Address
from playground.hub.client import HubClient
from playground.hub.disk_cache import DiskCache, Origin
from playground.hub.errors import as_commit_moved, deadline

_TIMEOUT_SECONDS = 600.0


class WeightsDownloader:
    """Downloads weights on demand, each file at most once at a time. Bound to one event loop."""

    def __init__(self, client: HubClient, cache: DiskCache) -> None:
        self._client = client
        self._cache = cache
        self._downloads: SingleFlight[None] = SingleFlight()
        self._pending_bytes = 0

    async def fetch(
        self, run: Run, origin: Origin, step: int | None, progress: ProgressCallback | None = None
    ) -> None:
        """Download the weights of a step (None: the last) unless they are on disk.

        Raises StepNotFound, HubError.
        """
        entry = run.checkpoint(step)
        target = run.folder / entry.path
        self._cache.mark_used(run.folder)
        if not target.is_file():
            await self._downloads.run(
                target, lambda report: self._download(origin, entry, target, report), progress
            )

    async def _download(
        self, origin: Origin, entry: CheckpointEntry, target: Path, report: ProgressCallback
    ) -> None:
        branch_commit = origin.branch_commits.get(entry.path)
        pinned = Address(origin.repo_id, branch_commit or origin.commit)
        path = WEIGHTS if branch_commit else entry.path
        with (
            self._pending(entry.bytes),
            as_commit_moved(pinned),
            deadline(str(pinned), _TIMEOUT_SECONDS),
        ):
            await asyncio.to_thread(self._cache.evict, self._pending_bytes)
            await self._client.download_file(
                pinned,
                path,
                target,
                entry.bytes,
                lambda done_bytes: report(done_bytes, entry.bytes),
                use_token=not origin.public,
            )

    def delete(self, run: Run, entry: CheckpointEntry) -> None:
        """Delete invalid weights, so that the next use downloads them again.

        With those of the last step the whole commit is deleted.
        """
        if entry == run.checkpoint(None):
            self._cache.delete(run.folder)
        else:
            (run.folder / entry.path).unlink(missing_ok=True)

    @contextmanager
    def _pending(self, n_bytes: int) -> Iterator[None]:
        """Reserve space for a download: concurrent ones must fit together."""
        self._pending_bytes += n_bytes
        try:
            yield
        finally:
            self._pending_bytes -= n_bytes
