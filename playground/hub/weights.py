"""Downloads of weights, one training step at a time, into the disk cache."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from playground.checkpoints.folder import BaseRun
from playground.checkpoints.schema import CheckpointEntry, Shard
from playground.concurrency import ProgressCallback, SingleFlight
from playground.hub.address import Address
from playground.hub.client import HubClient
from playground.hub.disk_cache import DiskCache, Origin
from playground.hub.errors import as_commit_moved, deadline

_TIMEOUT_SECONDS = 600.0


class WeightsDownloader:
    """Downloads weights on demand, each step at most once at a time. Bound to one event loop."""

    def __init__(self, client: HubClient, cache: DiskCache) -> None:
        self._client = client
        self._cache = cache
        self._downloads: SingleFlight[None] = SingleFlight()
        self._pending_bytes = 0

    async def fetch(
        self,
        run: BaseRun,
        origin: Origin,
        step: int | None,
        progress: ProgressCallback | None = None,
        linger_seconds: float = 0,
    ) -> None:
        """Download the weights of a step (None: the last) unless they are on disk.

        linger_seconds: as of SingleFlight. Raises StepNotFound, HubError.
        """
        entry, folder = run.checkpoint(step), run.folder
        self._cache.mark_used(folder)
        if missing := [file for file in entry.files if not (folder / file.path).is_file()]:
            await self._downloads.run(
                folder / entry.path,
                lambda report: self._download(origin, folder, missing, report),
                progress,
                linger_seconds,
            )

    async def _download(
        self,
        origin: Origin,
        folder: Path,
        files: Sequence[CheckpointEntry | Shard],
        report: ProgressCallback,
    ) -> None:
        """Download the files of one step, one after another."""
        branch_commit = origin.branch_commits.get(files[0].path)
        pinned = Address(origin.repo_id, branch_commit or origin.commit)
        total_bytes, before_bytes = sum(file.bytes for file in files), 0

        def received(n_bytes: int) -> None:
            report(before_bytes + n_bytes, total_bytes)

        with (
            self._reserve(total_bytes),
            as_commit_moved(pinned),
            deadline(str(pinned), _TIMEOUT_SECONDS),
        ):
            await asyncio.to_thread(self._cache.evict, self._pending_bytes)
            for file in files:
                self._cache.mark_used(folder)
                await self._client.download_file(
                    pinned,
                    PurePosixPath(file.path).name if branch_commit else file.path,
                    folder / file.path,
                    file.bytes,
                    received,
                    use_token=not origin.public,
                )
                before_bytes += file.bytes

    def delete(self, run: BaseRun, entry: CheckpointEntry) -> None:
        """Delete invalid weights, so that the next use downloads them again.

        With those of the last step the whole commit is deleted.
        """
        if entry == run.checkpoint(None):
            self._cache.delete(run.folder)
        else:
            for file in entry.files:
                (run.folder / file.path).unlink(missing_ok=True)

    @contextmanager
    def _reserve(self, n_bytes: int) -> Iterator[None]:
        """Reserve space for a download: concurrent ones must fit together."""
        self._pending_bytes += n_bytes
        try:
            yield
        finally:
            self._pending_bytes -= n_bytes
