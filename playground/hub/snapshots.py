"""Snapshots: the files of one commit of a model repo, checked and cached on disk.

Three layouts are accepted: a checkpoint folder with an index of its steps; a repo whose steps are
branches `step<number>`; a nanoGPT model, with or without such branches. Sizes are checked before
any file is read; the content is validated by `playground.checkpoints`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import ModelInfo
from huggingface_hub.hf_api import RepoSibling

from playground.checkpoints.folder import Run, read_run
from playground.checkpoints.nanogpt import is_nanogpt, model_config, trained_steps
from playground.checkpoints.nanogpt import read_run as read_nanogpt
from playground.checkpoints.schema import CONFIG, INDEX, JSON_BYTES, TOKENIZER, VOCABULARY, WEIGHTS
from playground.concurrency import SingleFlight
from playground.errors import BadCheckpoint, HubError, NotAPlaygroundModel
from playground.hub.address import Address
from playground.hub.client import HubClient
from playground.hub.disk_cache import DiskCache, Origin, write_file
from playground.hub.errors import as_commit_moved
from playground.hub.layout import (
    Limits,
    build_index,
    check_required_files,
    check_run,
    check_step_sizes,
    check_text_sizes,
    check_weights_sizes,
    files_by_path,
    step_branches,
    step_path,
    step_weights,
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit on disk. cached: opened without an answer of the Hub."""

    run: Run
    origin: Origin
    cached: bool

    @property
    def has_weights(self) -> bool:
        """Whether the weights of the last step are on disk."""
        return (self.run.folder / self.run.checkpoint(None).path).is_file()


class SnapshotStore:
    """Opens snapshots from the disk cache, and downloads them without their weights.

    Bound to one event loop.
    """

    def __init__(
        self, client: HubClient, cache: DiskCache, limits: Limits, *, show_private: bool
    ) -> None:
        self._client = client
        self._cache = cache
        self._limits = limits
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
            return Snapshot(await asyncio.to_thread(_read, folder, origin), origin, cached=True)
        except BadCheckpoint:  # it was valid when it was downloaded: changed on disk since
            self._cache.delete(folder)
            return None

    async def with_weights(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot read again: weights that have come tell more of a model than its config.

        Raises BadCheckpoint.
        """
        if not snapshot.origin.nanogpt:
            return snapshot
        with self._deleted_on_error(snapshot.run.folder):
            run = await asyncio.to_thread(_read, snapshot.run.folder, snapshot.origin)
        return replace(snapshot, run=run)

    async def download(self, pinned: Address, info: ModelInfo, *, public: bool) -> Snapshot:
        """Download and check all files of a commit except the weights.

        A snapshot that is refused is deleted. Raises HubError, BadCheckpoint.
        """
        return await self._downloads.run(pinned, lambda _: self._download(pinned, info, public))

    async def _download(self, pinned: Address, info: ModelInfo, public: bool) -> Snapshot:
        folder, files = self._cache.folder(pinned), files_by_path(info)
        self._cache.mark_used(folder)
        download = self._download_indexed if INDEX in files else self._download_without_index
        with self._deleted_on_error(folder), as_commit_moved(pinned):
            origin = await download(pinned, info, public)
            run = await asyncio.to_thread(_read, folder, origin)
            check_run(pinned.repo_id, run, files, self._limits)
            self._cache.mark_complete(folder, origin)
        return Snapshot(run, origin, cached=False)

    async def _download_indexed(self, pinned: Address, info: ModelInfo, public: bool) -> Origin:
        """Download a repo in the layout of a checkpoint folder."""
        files, texts = files_by_path(info), [CONFIG, VOCABULARY, INDEX]
        check_required_files(pinned.repo_id, files, texts)
        check_text_sizes(pinned.repo_id, files, texts)
        check_weights_sizes(pinned.repo_id, files, self._limits)
        for name in texts:
            await self._download_text(pinned, name, self._cache.folder(pinned), public)
        return Origin(repo_id=pinned.repo_id, commit=str(pinned.revision), public=public)

    async def _download_without_index(
        self, pinned: Address, info: ModelInfo, public: bool
    ) -> Origin:
        """Download a repo with a branch a step, in nanoGPT's format, or both; write its index.

        Files missing at the commit are taken from the branch of the last step.
        Raises NotAPlaygroundModel for any other repo.
        """
        repo_id, folder = pinned.repo_id, self._cache.folder(pinned)
        steps = await self._step_infos(repo_id, public)
        if CONFIG not in files_by_path(info) and steps:
            info = steps[max(steps)]
        source, files = Address(repo_id, info.sha), files_by_path(info)
        vocabulary = VOCABULARY if VOCABULARY in files or TOKENIZER not in files else TOKENIZER
        check_required_files(repo_id, files, (CONFIG, vocabulary))
        check_text_sizes(repo_id, files, [CONFIG])
        config = await self._download_text(source, CONFIG, folder, public)
        nanogpt = _is_nanogpt(repo_id, config)
        if not nanogpt:
            check_required_files(repo_id, files, [VOCABULARY] if steps else [VOCABULARY, INDEX])
        elif not steps:
            check_required_files(repo_id, files, [WEIGHTS])
            steps = {trained_steps(config): info}
        check_text_sizes(repo_id, files, [vocabulary])
        await self._download_text(source, vocabulary, folder, public)
        weights = step_weights(repo_id, steps)
        check_step_sizes(repo_id, weights, self._limits)
        commits = {step: Address(repo_id, info.sha) for step, info in steps.items()}
        sha256 = await self._download_git_weights(commits, weights, folder, public)
        write_file(folder / INDEX, build_index(weights, sha256))
        return Origin(
            repo_id=repo_id,
            commit=str(pinned.revision),
            public=public,
            branch_commits={
                step_path(step, steps): str(commit.revision) for step, commit in commits.items()
            },
            nanogpt=nanogpt,
        )

    async def _download_git_weights(
        self,
        commits: Mapping[int, Address],
        weights: Mapping[int, RepoSibling],
        folder: Path,
        public: bool,
    ) -> dict[int, str]:
        """Download the weights that are not in LFS but in git; returns their SHA-256 by step.

        The Hub tells the SHA-256 of LFS files alone. Files in git are small: it takes no others.
        """
        sha256 = {}
        in_git = {step: file for step, file in weights.items() if file.lfs is None}
        await asyncio.to_thread(self._cache.evict, sum(file.size or 0 for file in in_git.values()))
        for step, file in in_git.items():
            target = folder / step_path(step, weights)
            await self._client.download_file(
                commits[step],
                WEIGHTS,
                target,
                file.size or 0,
                lambda _: None,
                use_token=not public,
            )
            sha256[step] = await asyncio.to_thread(_checked_sha256, target, file, commits[step])
        return sha256

    async def _step_infos(self, repo_id: str, public: bool) -> dict[int, ModelInfo]:
        """The repo at each of its step branches, by step, ascending."""
        commits = step_branches(await self._client.list_branches(repo_id, use_token=not public))
        infos = await asyncio.gather(
            *(
                self._client.model_info(Address(repo_id, commit), use_token=not public)
                for commit in commits.values()
            )
        )
        if [info.sha for info in infos] != [*commits.values()]:
            raise HubError("hub_errors.senseless_branch", repo=repo_id)
        return dict(zip(commits, infos, strict=True))

    async def _download_text(self, source: Address, name: str, folder: Path, public: bool) -> bytes:
        """Download a small file of a commit into a folder; returns its content."""
        content = await self._client.read_file(source, name, JSON_BYTES, use_token=not public)
        write_file(folder / name, content)
        return content

    @contextmanager
    def _deleted_on_error(self, folder: Path) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._cache.delete(folder)
            raise


def _read(folder: Path, origin: Origin) -> Run:
    """Read a snapshot's folder in the format that its origin names. Raises BadCheckpoint."""
    if origin.nanogpt:
        return read_nanogpt(folder, origin.repo_id.rpartition("/")[2])
    return read_run(folder)


def _checked_sha256(path: Path, file: RepoSibling, source: Address) -> str:
    """The SHA-256 of a file that has the id by which git lists it. Raises HubError."""
    content = path.read_bytes()
    blob_id = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    if file.blob_id != blob_id.hexdigest():
        raise HubError("hub_errors.file_differs", file=WEIGHTS, repo=source.repo_id)
    return hashlib.sha256(content).hexdigest()


def _is_nanogpt(repo_id: str, config: bytes) -> bool:
    """Whether a config.json is nanoGPT's. Raises NotAPlaygroundModel for other GPT-2 variants."""
    try:
        if found := is_nanogpt(config):
            model_config(config)
        return found
    except BadCheckpoint as error:
        raise NotAPlaygroundModel(
            "hub_errors.no_playground_model", repo=repo_id, reason=error.message
        ) from None
