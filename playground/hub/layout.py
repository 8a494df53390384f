"""What a repo must look like, judged by the names and sizes of its files; nothing is read here."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

from huggingface_hub import ModelInfo
from huggingface_hub.hf_api import RepoSibling

from playground.checkpoints.folder import (
    CONFIG,
    INDEX,
    JSON_BYTES,
    VOCABULARY,
    WEIGHTS,
    CheckpointEntry,
    Run,
    weights_path,
)
from playground.errors import BadCheckpoint, HubFileNotFound, HubTooLarge, NotAPlaygroundModel
from playground.i18n.translate import LocalizedNumber, Message
from playground.settings import Settings

STEP_BRANCHES_MAX = 50
_WEIGHTS_PATH = re.compile(r"(checkpoints/step-[0-9]+/)?model\.safetensors")
_STEP_BRANCH = re.compile(r"step-?([0-9]{1,9})")

Files = Mapping[str, RepoSibling]


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a model from the Hub may be: bytes of a file and of a repo, work of a forward."""

    file_bytes: int
    repo_bytes: int
    gigaflops: float

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(settings.checkpoint_bytes, settings.hub_repo_bytes, settings.hub_gigaflops)


def files_of(info: ModelInfo) -> dict[str, RepoSibling]:
    """The files of a repo by their paths."""
    return {file.rfilename: file for file in info.siblings or ()}


def check_layout(repo_id: str, found: Collection[str], expected: Iterable[str]) -> None:
    """Raises NotAPlaygroundModel, saying what was expected and what was found."""
    if missing := [name for name in expected if name not in found]:
        raise NotAPlaygroundModel(
            "hub_errors.no_playground_layout",
            repo=repo_id,
            missing=reduce(_and_no, missing),
            config=CONFIG,
            vocabulary=VOCABULARY,
            index=INDEX,
            weights=WEIGHTS,
            found=", ".join(sorted(found)[:8]) or Message.of("hub_errors.no_files"),
        )


def check_texts(repo_id: str, files: Files, names: Iterable[str]) -> None:
    """The sizes of small files, before a byte of them is read. Raises HubTooLarge."""
    for name in names:
        if _size(files[name]) > JSON_BYTES:
            raise HubTooLarge(
                "hub_errors.file_too_large",
                file=name,
                repo=repo_id,
                found=_mb(_size(files[name])),
                most=_mb(JSON_BYTES),
            )


def check_weights(repo_id: str, files: Files, limits: Limits) -> None:
    """The sizes of all weights, before a byte of any file is read. Raises HubTooLarge."""
    weights = [_size(file) for name, file in files.items() if _WEIGHTS_PATH.fullmatch(name)]
    _check_weights(repo_id, weights, limits)


def check_run(repo_id: str, run: Run, files: Files, limits: Limits) -> None:
    """The index against the repo's files, and the model against the limits.

    files: those that the index is about; the entries of an index of branches are not among them.
    Raises HubFileNotFound, BadCheckpoint, HubTooLarge.
    """
    if INDEX in files:
        for entry in run.checkpoints:
            _check_entry(repo_id, entry, files)
    _check_weights(repo_id, {e.path: e.bytes for e in run.checkpoints}.values(), limits)
    work = run.model_config.gigaflops
    if work > limits.gigaflops:
        raise HubTooLarge(
            "hub_errors.too_much_work",
            repo=repo_id,
            work=LocalizedNumber(work, ".1f"),
            most=LocalizedNumber(limits.gigaflops),
        )


def step_branches(branches: Mapping[str, str]) -> dict[int, str]:
    """The commits of branches called `step<number>`, ascending; STEP_BRANCHES_MAX of them at most.

    Of more than that, some are left out evenly; the first and the last stay.
    """
    commits = {
        int(match[1]): commit
        for name, commit in branches.items()
        if (match := _STEP_BRANCH.fullmatch(name))
    }
    steps, n_max = sorted(commits), STEP_BRANCHES_MAX
    if len(steps) > n_max:
        steps = [steps[round(i * (len(steps) - 1) / (n_max - 1))] for i in range(n_max)]
    return {step: commits[step] for step in steps}


def index_of_commits(repo_id: str, commits: Mapping[int, ModelInfo]) -> tuple[bytes, list[str]]:
    """The index of a repo whose ascending steps are commits, and the path of each step in it.

    Raises HubFileNotFound.
    """
    entries = []
    for step, info in commits.items():
        file = files_of(info).get(WEIGHTS)
        if file is None or file.lfs is None:
            raise HubFileNotFound(
                "hub_errors.step_without_weights", step=step, repo=repo_id, file=WEIGHTS
            )
        entries.append(
            {
                "step": step,
                "tokens": 0,
                "path": weights_path(step, final=step == max(commits)),
                "sha256": file.lfs.sha256,
                "bytes": file.lfs.size,
            }
        )
    return json.dumps(entries).encode(), [entry["path"] for entry in entries]


def _check_entry(repo_id: str, entry: CheckpointEntry, files: Files) -> None:
    if entry.path not in files:
        raise HubFileNotFound(
            "hub_errors.listed_file_missing", repo=repo_id, file=entry.path, index=INDEX
        )
    if (found := _size(files[entry.path])) != entry.bytes:
        raise BadCheckpoint(
            "checkpoint.weights_cut", file=entry.path, found=found, index=INDEX, said=entry.bytes
        )


def _check_weights(repo_id: str, sizes: Collection[int], limits: Limits) -> None:
    for key, found, limit in (
        ("hub_errors.weights_too_large", max(sizes, default=0), limits.file_bytes),
        ("hub_errors.repo_too_large", sum(sizes), limits.repo_bytes),
    ):
        if found > limit:
            raise HubTooLarge(key, repo=repo_id, found=_mb(found), most=_mb(limit))


def _size(file: RepoSibling) -> int:
    return file.size or 0


def _mb(n_bytes: int) -> LocalizedNumber:
    return LocalizedNumber(n_bytes / 2**20, ".3g")


def _and_no(names: Message | str, name: str) -> Message:
    return Message.of("hub_errors.and_no", names=names, name=name)
