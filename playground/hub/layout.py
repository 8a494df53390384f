"""Checks of a repo by the names and sizes of its files; no file is read here."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from huggingface_hub import ModelInfo
from huggingface_hub.hf_api import RepoSibling

from playground.checkpoints.ballast import is_ballast
from playground.checkpoints.folder import Run
from playground.checkpoints.schema import (
    CONFIG,
    INDEX,
    JSON_BYTES,
    VOCABULARY,
    WEIGHTS,
    CheckpointEntry,
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
    """Limits for models of the Hub.

    file_bytes: of a weights file. repo_bytes: of all weights. gigaflops: of a forward pass.
    """

    file_bytes: int
    repo_bytes: int
    gigaflops: float

    @classmethod
    def from_settings(cls, settings: Settings) -> Limits:
        """The limits that the operator has set."""
        return cls(settings.checkpoint_bytes, settings.hub_repo_bytes, settings.hub_gigaflops)


def files_by_path(info: ModelInfo) -> dict[str, RepoSibling]:
    """The files of a repo: path -> size and, for LFS files, SHA-256."""
    return {file.rfilename: file for file in info.siblings or ()}


def check_required_files(repo_id: str, found: Collection[str], expected: Iterable[str]) -> None:
    """Check that a repo has the expected files. Raises NotAPlaygroundModel."""
    if missing := [name for name in expected if name not in found]:
        raise NotAPlaygroundModel(
            "hub_errors.no_playground_layout",
            repo=repo_id,
            missing=_join_missing(missing),
            config=CONFIG,
            vocabulary=VOCABULARY,
            index=INDEX,
            weights=WEIGHTS,
            found=", ".join(sorted(name for name in found if not is_ballast(name))[:8])
            or Message.of("hub_errors.no_files"),
        )


def check_text_sizes(repo_id: str, files: Files, names: Iterable[str]) -> None:
    """Check the sizes of JSON files against JSON_BYTES. Raises HubTooLarge."""
    for name in names:
        if _size(files[name]) > JSON_BYTES:
            raise HubTooLarge(
                "hub_errors.file_too_large",
                file=name,
                repo=repo_id,
                found=_mb(_size(files[name])),
                most=_mb(JSON_BYTES),
            )


def check_weights_sizes(repo_id: str, files: Files, limits: Limits) -> None:
    """Check the sizes of all weights files against the limits. Raises HubTooLarge."""
    weights = [_size(file) for name, file in files.items() if _WEIGHTS_PATH.fullmatch(name)]
    _check_sizes(repo_id, weights, limits)


def check_run(repo_id: str, run: Run, files: Files, limits: Limits) -> None:
    """Check a repo's index against its files, and its model against the limits.

    files: the files of the commit. An index that was built from step branches is not checked
    against them: its weights are in other commits.
    Raises HubFileNotFound, BadCheckpoint, HubTooLarge.
    """
    if INDEX in files:
        for entry in run.checkpoints:
            _check_entry(repo_id, entry, files)
    _check_sizes(repo_id, {e.path: e.bytes for e in run.checkpoints}.values(), limits)
    work = run.model_config.gigaflops
    if work > limits.gigaflops:
        raise HubTooLarge(
            "hub_errors.too_much_work",
            repo=repo_id,
            work=LocalizedNumber(work, ".1f"),
            most=LocalizedNumber(limits.gigaflops),
        )


def step_branches(branches: Mapping[str, str]) -> dict[int, str]:
    """The branches named `step<number>`: step -> commit, ascending, at most STEP_BRANCHES_MAX.

    branches: name -> commit. More steps are thinned out evenly; the first and the last are kept.
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


def step_weights(repo_id: str, commits: Mapping[int, ModelInfo]) -> dict[int, RepoSibling]:
    """The weights file of each step. Raises HubFileNotFound where a step has none."""
    weights = {}
    for step, info in commits.items():
        if (file := files_by_path(info).get(WEIGHTS)) is None:
            raise HubFileNotFound(
                "hub_errors.step_without_weights", step=step, repo=repo_id, file=WEIGHTS
            )
        weights[step] = file
    return weights


def check_step_sizes(repo_id: str, weights: Mapping[int, RepoSibling], limits: Limits) -> None:
    """Check the sizes of the steps' weights against the limits. Raises HubTooLarge."""
    _check_sizes(repo_id, [_size(file) for file in weights.values()], limits)


def step_path(step: int, steps: Collection[int]) -> str:
    """The path in a snapshot of the weights of one of these steps."""
    return weights_path(step, final=step == max(steps))


def build_index(weights: Mapping[int, RepoSibling], sha256: Mapping[int, str]) -> bytes:
    """The index, as JSON, of a repo whose steps are commits.

    weights: files by step, ascending. sha256: of those that are not in LFS.
    """
    entries = [
        {
            "step": step,
            "tokens": 0,
            "path": step_path(step, weights),
            "sha256": file.lfs.sha256 if file.lfs else sha256[step],
            "bytes": _size(file),
        }
        for step, file in weights.items()
    ]
    return json.dumps(entries).encode()


def _check_entry(repo_id: str, entry: CheckpointEntry, files: Files) -> None:
    if entry.path not in files:
        raise HubFileNotFound(
            "hub_errors.listed_file_missing", repo=repo_id, file=entry.path, index=INDEX
        )
    if (found := _size(files[entry.path])) != entry.bytes:
        raise BadCheckpoint(
            "checkpoint.weights_cut", file=entry.path, found=found, index=INDEX, said=entry.bytes
        )


def _check_sizes(repo_id: str, sizes: Collection[int], limits: Limits) -> None:
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


def _join_missing(names: list[str]) -> Message | str:
    """Several names as one parameter of a message: "a and no b and no c"."""
    joined: Message | str = names[0]
    for name in names[1:]:
        joined = Message.of("hub_errors.and_no", names=joined, name=name)
    return joined
