"""Snapshots: the files of one commit of a model repo, checked and cached on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import ModelInfo

from playground.checkpoints.folder import BaseRun, read_run
from playground.checkpoints.nanogpt import read_run as read_nanogpt
from playground.checkpoints.transformers_folder import (
    TransformersLimits,
    TransformersRun,
    read_transformers_run,
)
from playground.checkpoints.transformers_library import check_architecture
from playground.concurrency import SingleFlight
from playground.errors import BadCheckpoint
from playground.hub.address import Address
from playground.hub.client import HubClient
from playground.hub.disk_cache import DiskCache, Origin
from playground.hub.errors import as_commit_moved
from playground.hub.layout import (
    Limits,
    as_no_playground_model,
    check_run,
    check_work,
    files_by_path,
)
from playground.hub.snapshot_download import SnapshotDownloader


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit on disk. cached: opened without an answer of the Hub."""

    run: BaseRun
    origin: Origin
    cached: bool

    @property
    def has_weights(self) -> bool:
        """Whether the weights of the last step are on disk."""
        return all((self.run.folder / f.path).is_file() for f in self.run.checkpoint(None).files)


class SnapshotStore:
    """Opens snapshots from the disk cache, and downloads them without their weights.

    Bound to one event loop.
    """

    def __init__(
        self,
        client: HubClient,
        cache: DiskCache,
        limits: Limits,
        token_limits: TransformersLimits,
        *,
        show_private: bool,
    ) -> None:
        self._cache = cache
        self._limits, self._token_limits = limits, token_limits
        self._downloader = SnapshotDownloader(client, cache, limits, token_limits)
        self._show_private = show_private
        self._downloads: SingleFlight[Snapshot] = SingleFlight()

    async def open_cached(self, pinned: Address) -> Snapshot | None:
        """Open a commit from disk, with or without weights; None if it is missing or invalid.

        Private snapshots are only opened with `show_private`.
        """
        origin = self._cache.read_origin(pinned) if pinned.commit else None
        if origin is None or not (origin.public or self._show_private):
            return None
        folder = self._cache.folder(pinned)
        self._cache.mark_used(folder)
        try:
            run = await asyncio.to_thread(_read, folder, origin, self._token_limits)
            return Snapshot(run, origin, cached=True)
        except BadCheckpoint:  # it was valid when it was downloaded: changed on disk since
            self._cache.delete(folder)
            return None

    async def with_weights(self, snapshot: Snapshot) -> Snapshot:
        """Read the snapshot again: its weights, now on disk, determine more than its config.

        Raises BadCheckpoint, HubTooLarge.
        """
        folder, origin = snapshot.run.folder, snapshot.origin
        if not (origin.nanogpt or origin.transformers):
            return snapshot
        with self._deleted_on_error(folder, Exception):
            run = await asyncio.to_thread(_read, folder, origin, self._token_limits)
            if origin.nanogpt:
                check_work(origin.repo_id, run, self._limits)
        return replace(snapshot, run=run)

    async def check_cost(self, snapshot: Snapshot) -> None:
        """Check what a model of the transformers library will cost, before its weights are fetched.

        May import that library, which takes seconds. Raises NotAPlaygroundModel.
        """
        run = snapshot.run
        if isinstance(run, TransformersRun) and not snapshot.has_weights:
            with (
                self._deleted_on_error(run.folder, Exception),
                as_no_playground_model(snapshot.origin.repo_id),
            ):
                await asyncio.to_thread(check_architecture, run)

    async def download(self, pinned: Address, info: ModelInfo, *, public: bool) -> Snapshot:
        """Download and check all files of a commit except the weights.

        A snapshot that is refused is deleted. Raises HubError, BadCheckpoint.
        """
        return await self._downloads.run(pinned, lambda _: self._download(pinned, info, public))

    async def _download(self, pinned: Address, info: ModelInfo, public: bool) -> Snapshot:
        folder, files = self._cache.folder(pinned), files_by_path(info)
        self._cache.mark_used(folder)
        with self._deleted_on_error(folder, BaseException), as_commit_moved(pinned):
            origin = await self._downloader.download(pinned, info, public)
            run = await asyncio.to_thread(_read, folder, origin, self._token_limits)
            if not origin.transformers:
                # The weights of an index that was built from branches are in other commits.
                listed = None if origin.branch_commits else files
                check_run(pinned.repo_id, run, listed, self._limits)
            self._cache.mark_complete(folder, origin)
        return Snapshot(run, origin, cached=False)

    @contextmanager
    def _deleted_on_error(self, folder: Path, kind: type[BaseException]) -> Iterator[None]:
        """kind: Exception where others may use the folder, whom a cancellation must not touch."""
        try:
            yield
        except kind:
            self._cache.delete(folder)
            raise


def _read(folder: Path, origin: Origin, token_limits: TransformersLimits) -> BaseRun:
    """Read a snapshot's folder in the format that its origin names. Raises BadCheckpoint."""
    name = origin.repo_id.rpartition("/")[2]
    if origin.transformers:
        return read_transformers_run(folder, name, token_limits)
    if origin.nanogpt:
        return read_nanogpt(folder, name)
    return read_run(folder)
