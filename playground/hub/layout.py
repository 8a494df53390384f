"""Checks of a repo by the names and sizes of its files; no file is read here."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from huggingface_hub import ModelInfo
from huggingface_hub.hf_api import RepoSibling

from playground.checkpoints.folder import BaseRun
from playground.checkpoints.ignored_files import is_ignored_file
from playground.checkpoints.schema import (
    CONFIG,
    INDEX,
    JSON_BYTES,
    SHARD_INDEX,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
    CheckpointEntry,
    weights_path,
)
from playground.checkpoints.transformers_folder import TransformersLimits, check_files
from playground.errors import BadCheckpoint, HubFileNotFound, HubTooLarge, NotAPlaygroundModel
from playground.i18n.translate import LocalizedNumber, Message
from playground.settings import Settings

STEP_BRANCHES_MAX = 50
TOKEN_STEPS_MAX = 12  # of models that transformers runs: their weights are large
_WEIGHTS_PATH = re.compile(r"(checkpoints/step-[0-9]+/)?model\.safetensors")
_STEP_BRANCH = re.compile(r"step-?([0-9]{1,9})")

# What is there instead of a missing file, and what to do then.
_WAYS_OUT = (
    (CONFIG, re.compile(r".+/config\.json"), "hub_errors.in_a_folder"),
    (WEIGHTS, re.compile(r".*\.(bin|pt|pth|ckpt|pkl)"), "hub_errors.pickled_weights"),
    (WEIGHTS, re.compile(r".*\.(onnx|h5|keras|msgpack)"), "hub_errors.other_weights"),
    (WEIGHTS, re.compile(re.escape(SHARD_INDEX)), "hub_errors.weights_in_shards"),
    (WEIGHTS, re.compile(r".*\.safetensors"), "hub_errors.renamed_weights"),
    (VOCABULARY, re.compile(r".*\.pkl"), "hub_errors.pickled_vocabulary"),
)

Files = Mapping[str, RepoSibling]
StepFiles = Mapping[int, Sequence[RepoSibling]]
"""The weights of each step, ascending: WEIGHTS, or SHARD_INDEX and then the shards."""
_T = TypeVar("_T")


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
            found=", ".join(sorted(name for name in found if not is_ignored_file(name))[:8])
            or Message.of("hub_errors.no_files"),
            way_out=_remedy(found, missing),
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


def check_run(repo_id: str, run: BaseRun, files: Files | None, limits: Limits) -> None:
    """Check a repo's index against its files, and its model against the limits.

    files: those of the commit; None where they are not what the index lists.
    Raises HubFileNotFound, BadCheckpoint, HubTooLarge.
    """
    if files is not None:
        for entry in run.checkpoints:
            _check_entry(repo_id, entry, files)
    _check_sizes(repo_id, {e.path: e.bytes for e in run.checkpoints}.values(), limits)
    check_work(repo_id, run, limits)


def check_work(repo_id: str, run: BaseRun, limits: Limits) -> None:
    """Check what a model computes for a character against the limit. Raises HubTooLarge."""
    work = run.model_config.gigaflops
    if work > limits.gigaflops:
        raise HubTooLarge(
            "hub_errors.too_much_work",
            repo=repo_id,
            work=LocalizedNumber(work, ".1f"),
            most=LocalizedNumber(limits.gigaflops),
        )


def check_token_files(repo_id: str, files: Files, limits: TransformersLimits) -> None:
    """Check the files of a model of the transformers library. Raises NotAPlaygroundModel,
    HubTooLarge.
    """
    with as_no_playground_model(repo_id):
        check_files(files.keys())
    if TOKENIZER in files and (size := _size(files[TOKENIZER])) > limits.tokenizer_bytes:
        raise HubTooLarge(
            "hub_errors.file_too_large",
            file=TOKENIZER,
            repo=repo_id,
            found=_mb(size),
            most=_mb(limits.tokenizer_bytes),
        )


def has_token_weights(files: Collection[str]) -> bool:
    """Whether a commit has the weights of such a model, in one file or several."""
    return WEIGHTS in files or SHARD_INDEX in files


def check_token_weights(repo_id: str, weights: StepFiles, limits: TransformersLimits) -> None:
    """Check the weights of each step of such a model: they are fetched one step at a time.

    Raises HubTooLarge.
    """
    for files in weights.values():
        if (found := sum(map(_size, files))) > limits.file_bytes:
            raise HubTooLarge(
                "hub_errors.weights_too_large" if len(files) == 1 else "hub_errors.repo_too_large",
                repo=repo_id,
                found=_mb(found),
                most=_mb(limits.file_bytes),
            )


@contextmanager
def as_no_playground_model(repo_id: str) -> Iterator[None]:
    """Translate BadCheckpoint into NotAPlaygroundModel of a repo."""
    try:
        yield
    except NotAPlaygroundModel:
        raise
    except BadCheckpoint as error:
        raise NotAPlaygroundModel(
            "hub_errors.no_playground_model", repo=repo_id, reason=error.message
        ) from None


def step_branches(branches: Mapping[str, str]) -> dict[int, str]:
    """The branches named `step<number>`: step -> commit, ascending, at most STEP_BRANCHES_MAX.

    branches: name -> commit. More steps are thinned out evenly; the first and the last are kept.
    """
    commits = {
        int(match[1]): commit
        for name, commit in branches.items()
        if (match := _STEP_BRANCH.fullmatch(name))
    }
    return thinned(commits, STEP_BRANCHES_MAX)


def thinned(by_step: Mapping[int, _T], n_max: int) -> dict[int, _T]:
    """At most n_max steps, ascending and spread evenly, with the first and the last."""
    steps = sorted(by_step)
    if len(steps) > n_max:
        steps = [steps[round(i * (len(steps) - 1) / (n_max - 1))] for i in range(n_max)]
    return {step: by_step[step] for step in steps}


def step_weights(repo_id: str, commits: Mapping[int, ModelInfo]) -> StepFiles:
    """The weights of each step, in one file. Raises HubFileNotFound where a step has none,
    NotAPlaygroundModel where they are empty.
    """
    weights = {}
    for step, info in commits.items():
        if (file := files_by_path(info).get(WEIGHTS)) is None:
            raise HubFileNotFound(
                "hub_errors.step_without_weights", step=step, repo=repo_id, file=WEIGHTS
            )
        if file.size == 0:
            with as_no_playground_model(repo_id):
                raise BadCheckpoint("checkpoint.empty", file=WEIGHTS)
        weights[step] = [file]
    return weights


def listed_shards(repo_id: str, files: Files, weight_map: Mapping[str, str]) -> list[RepoSibling]:
    """The shards that an index names. Raises HubFileNotFound where the commit lacks one."""
    names = sorted(set(weight_map.values()))
    if missing := [name for name in names if name not in files]:
        raise HubFileNotFound(
            "hub_errors.listed_file_missing", repo=repo_id, file=missing[0], index=SHARD_INDEX
        )
    return [files[name] for name in names]


def check_step_sizes(repo_id: str, weights: StepFiles, limits: Limits) -> None:
    """Check the sizes of the steps' weights against the limits. Raises HubTooLarge."""
    _check_sizes(repo_id, [_size(file) for files in weights.values() for file in files], limits)


def step_path(step: int, steps: Collection[int], file: str) -> str:
    """The path in a snapshot of a weights file of one of these steps."""
    return weights_path(step, final=step == max(steps), file=file)


def build_index(weights: StepFiles, sha256: Mapping[str, str]) -> bytes:
    """The index, as JSON, of a repo whose steps are commits.

    sha256: of the files that are not in LFS, by their path in the snapshot.
    """

    def line(step: int, file: RepoSibling) -> dict[str, Any]:
        path = step_path(step, weights, file.rfilename)
        found = file.lfs.sha256 if file.lfs else sha256[path]
        return {"path": path, "sha256": found, "bytes": _size(file)}

    entries = []
    for step, (first, *shards) in weights.items():
        entry = {"step": step, "tokens": 0} | line(step, first)
        if shards:
            entry["shards"] = [line(step, shard) for shard in shards]
        entries.append(entry)
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


def _remedy(found: Collection[str], missing: Collection[str]) -> Message | str:
    """The remedy where other files are there instead of a missing one."""
    for name, instead, key in _WAYS_OUT:
        if name in missing and any(instead.fullmatch(path) for path in found):
            return Message.of(key, file=name)
    return ""


def _join_missing(names: list[str]) -> Message | str:
    """Several names as one parameter of a message: "a and no b and no c"."""
    joined: Message | str = names[0]
    for name in names[1:]:
        joined = Message.of("hub_errors.and_no", names=joined, name=name)
    return joined
