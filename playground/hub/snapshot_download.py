"""Downloads of the files of a commit by the layout of its repo, except weights in LFS.

Three layouts are accepted: a checkpoint folder with an index of its steps; a repo whose steps are
branches `step<number>`; a nanoGPT model, with or without such branches. Sizes are checked before
any file is read; the content is validated by `playground.checkpoints`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import ModelInfo
from huggingface_hub.hf_api import RepoSibling

from playground.checkpoints.folder import vocabulary_file
from playground.checkpoints.gpt2_config import is_nanogpt, model_config, trained_steps
from playground.checkpoints.json_files import parse_json
from playground.checkpoints.nanogpt import lists_steps
from playground.checkpoints.schema import (
    CONFIG,
    INDEX,
    JSON_BYTES,
    SHARD_INDEX,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
)
from playground.checkpoints.shards import parse_weight_map
from playground.checkpoints.transformers_folder import (
    OPTIONAL_FILES,
    TransformersLimits,
    check_config,
    has_characters,
    is_transformers,
)
from playground.errors import HubError
from playground.hub.address import Address
from playground.hub.client import HubClient
from playground.hub.disk_cache import DiskCache, Origin, write_file
from playground.hub.layout import (
    TOKEN_STEPS_MAX,
    Files,
    Limits,
    StepFiles,
    as_no_playground_model,
    build_index,
    check_required_files,
    check_step_sizes,
    check_text_sizes,
    check_token_files,
    check_token_weights,
    check_weights_sizes,
    files_by_path,
    has_token_weights,
    listed_shards,
    step_branches,
    step_path,
    step_weights,
    thinned,
)


class SnapshotDownloader:
    """Downloads the files of commits into the disk cache. Bound to one event loop."""

    def __init__(
        self,
        client: HubClient,
        cache: DiskCache,
        limits: Limits,
        token_limits: TransformersLimits,
    ) -> None:
        self._client = client
        self._cache = cache
        self._limits, self._token_limits = limits, token_limits

    async def download(self, pinned: Address, info: ModelInfo, public: bool) -> Origin:
        """Download all files of a commit except weights in LFS, and write its index if it has none.

        Raises HubError, BadCheckpoint.
        """
        has_index = INDEX in files_by_path(info)
        origin = await self._download_indexed(pinned, info, public) if has_index else None
        return origin or await self._download_without_index(pinned, info, public)

    async def _download_indexed(
        self, pinned: Address, info: ModelInfo, public: bool
    ) -> Origin | None:
        """Download a repo in the layout of a checkpoint folder, or a nanoGPT with its index.

        None where the index is not of this model: it is one of the transformers library, or a
        nanoGPT of which no steps are listed.
        """
        repo_id, folder, files = pinned.repo_id, self._cache.folder(pinned), files_by_path(info)
        texts = [CONFIG, INDEX, vocabulary_file(files)]
        check_required_files(repo_id, files, texts)
        if TOKENIZER not in files:  # else it may be a model of tokens, whose limits are others
            self._check_sizes(repo_id, files, texts)
        check_text_sizes(repo_id, files, [CONFIG, INDEX])
        config = await self._download_text(pinned, CONFIG, folder, public)
        if is_transformers(parse_json(config, CONFIG)):
            return None
        await self._download_text(pinned, INDEX, folder, public)
        if (nanogpt := _is_nanogpt(repo_id, config)) and not lists_steps(folder):
            return None
        self._check_sizes(repo_id, files, texts)
        await self._download_text(pinned, texts[-1], folder, public)
        return Origin(repo_id=repo_id, commit=str(pinned.revision), public=public, nanogpt=nanogpt)

    def _check_sizes(self, repo_id: str, files: Files, texts: list[str]) -> None:
        check_text_sizes(repo_id, files, texts)
        check_weights_sizes(repo_id, files, self._limits)

    async def _download_without_index(
        self, pinned: Address, info: ModelInfo, public: bool
    ) -> Origin:
        """Download a repo with a branch a step, in nanoGPT's format, or both; or a model of the
        transformers library. Writes its index.

        Files missing at the commit are taken from the branch of the last step.
        Raises NotAPlaygroundModel for any other repo.
        """
        repo_id, folder = pinned.repo_id, self._cache.folder(pinned)
        steps = await self._step_infos(repo_id, public)
        if CONFIG not in files_by_path(info) and steps:
            info = steps[max(steps)]
        source, files = Address(repo_id, info.sha), files_by_path(info)
        config, values = await self._read_config(source, files, folder, public)
        if values is not None:
            return await self._download_transformers(pinned, info, values, steps, public)
        vocabulary = vocabulary_file(files)
        check_required_files(repo_id, files, (CONFIG, vocabulary))
        nanogpt = _is_nanogpt(repo_id, config)
        if not nanogpt:
            check_required_files(repo_id, files, [vocabulary] if steps else [vocabulary, INDEX])
        elif not steps:
            check_required_files(repo_id, files, [WEIGHTS])
            steps = {trained_steps(config): info}
        check_text_sizes(repo_id, files, [vocabulary])
        await self._download_text(source, vocabulary, folder, public)
        weights = step_weights(repo_id, steps)
        check_step_sizes(repo_id, weights, self._limits)
        branch_commits = await self._download_steps(steps, weights, pinned, public)
        return Origin(
            repo_id=repo_id,
            commit=str(pinned.revision),
            public=public,
            branch_commits=branch_commits,
            nanogpt=nanogpt,
        )

    async def _read_config(
        self, source: Address, files: Files, folder: Path, public: bool
    ) -> tuple[bytes, dict[str, Any] | None]:
        """config.json, and its values where it is that of a model of the transformers library;
        not where its tokens are characters: those are models of ours.
        """
        if CONFIG not in files:
            if not has_token_weights(files):
                check_token_files(source.repo_id, files, self._token_limits)
            return b"", None
        check_text_sizes(source.repo_id, files, [CONFIG])
        content = await self._download_text(source, CONFIG, folder, public)
        with as_no_playground_model(source.repo_id):
            values = parse_json(content, CONFIG)
        if not is_transformers(values):
            return content, None
        listed = next((name for name in (VOCABULARY, TOKENIZER) if name in files), None)
        if listed and is_nanogpt(content) and (files[listed].size or 0) <= JSON_BYTES:
            await self._download_text(source, listed, folder, public)
            if has_characters(folder):
                return content, None
        return content, dict(values)

    async def _download_transformers(
        self,
        pinned: Address,
        info: ModelInfo,
        values: dict[str, Any],
        steps: Mapping[int, ModelInfo],
        public: bool,
    ) -> Origin:
        """Download a model of the transformers library, of which branches may be steps."""
        repo_id, folder, files = pinned.repo_id, self._cache.folder(pinned), files_by_path(info)
        source, limits = Address(repo_id, info.sha), self._token_limits
        steps = {step: at for step, at in steps.items() if has_token_weights(files_by_path(at))}
        steps = thinned(steps, TOKEN_STEPS_MAX) or {0: info}
        check_token_files(repo_id, files, limits)
        listed = SHARD_INDEX if SHARD_INDEX in files else WEIGHTS
        check_required_files(repo_id, files, [listed, TOKENIZER])
        with as_no_playground_model(repo_id):
            check_config(values, limits)
        weights = await self._token_weights(repo_id, steps, folder, public)
        check_token_weights(repo_id, weights, limits)
        optional = [
            name
            for name in OPTIONAL_FILES
            if name in files and (files[name].size or 0) <= JSON_BYTES
        ]
        for name in (CONFIG, TOKENIZER, *optional):
            most = limits.tokenizer_bytes if name == TOKENIZER else JSON_BYTES
            await self._download_text(source, name, folder, public, most)
        branch_commits = await self._download_steps(steps, weights, pinned, public)
        return Origin(
            repo_id=repo_id,
            commit=str(pinned.revision),
            public=public,
            branch_commits=branch_commits,
            transformers=True,
        )

    async def _token_weights(
        self, repo_id: str, steps: Mapping[int, ModelInfo], folder: Path, public: bool
    ) -> StepFiles:
        """The weights of each step of such a model. Downloads the index of those in shards."""
        weights = {}
        for step, info in steps.items():
            files = files_by_path(info)
            if WEIGHTS in files:
                weights[step] = [files[WEIGHTS]]
                continue
            check_text_sizes(repo_id, files, [SHARD_INDEX])
            target = (folder / step_path(step, steps, SHARD_INDEX)).parent
            commit = Address(repo_id, info.sha)
            content = await self._download_text(commit, SHARD_INDEX, target, public)
            with as_no_playground_model(repo_id):
                weight_map = parse_weight_map(content)
            weights[step] = [files[SHARD_INDEX], *listed_shards(repo_id, files, weight_map)]
        return weights

    async def _download_steps(
        self,
        steps: Mapping[int, ModelInfo],
        weights: StepFiles,
        pinned: Address,
        public: bool,
    ) -> dict[str, str]:
        """Download the weights that have to be there at once, and write the index of all.

        Returns the commit of each weights file by its path.
        """
        folder = self._cache.folder(pinned)
        files = {
            step_path(step, steps, file.rfilename): (Address(pinned.repo_id, info.sha), file)
            for step, info in steps.items()
            for file in weights[step]
        }
        sha256 = await self._download_git_weights(files, folder, public)
        write_file(folder / INDEX, build_index(weights, sha256))
        return {path: str(commit.revision) for path, (commit, _) in files.items()}

    async def _download_git_weights(
        self,
        files: Mapping[str, tuple[Address, RepoSibling]],
        folder: Path,
        public: bool,
    ) -> dict[str, str]:
        """Download the weights files that are not in LFS but in git, unless they are on disk.

        files: of which commit, by path in the folder. Returns their SHA-256 by path: the Hub tells
        that of LFS files alone. Files in git are small: it takes no others.
        """
        sha256 = {}
        in_git = {path: source for path, source in files.items() if source[1].lfs is None}
        await asyncio.to_thread(
            self._cache.evict, sum(file.size or 0 for _, file in in_git.values())
        )
        for path, (commit, file) in in_git.items():
            target = folder / path
            if not target.is_file():
                await self._client.download_file(
                    commit,
                    file.rfilename,
                    target,
                    file.size or 0,
                    lambda _: None,
                    use_token=not public,
                )
            sha256[path] = await asyncio.to_thread(_checked_sha256, target, file, commit)
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

    async def _download_text(
        self, source: Address, name: str, folder: Path, public: bool, max_bytes: int = JSON_BYTES
    ) -> bytes:
        """Download a small file of a commit into a folder; returns its content."""
        content = await self._client.read_file(source, name, max_bytes, use_token=not public)
        write_file(folder / name, content)
        return content


def _checked_sha256(path: Path, file: RepoSibling, source: Address) -> str:
    """The SHA-256 of a file that has the id by which git lists it. Raises HubError."""
    content = path.read_bytes()
    blob_id = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    if file.blob_id != blob_id.hexdigest():
        raise HubError("hub_errors.file_differs", file=file.rfilename, repo=source.repo_id)
    return hashlib.sha256(content).hexdigest()


def _is_nanogpt(repo_id: str, config: bytes) -> bool:
    """Whether a config.json is nanoGPT's. Raises NotAPlaygroundModel for other GPT-2 variants."""
    with as_no_playground_model(repo_id):
        if found := is_nanogpt(config):
            model_config(config)
        return found
