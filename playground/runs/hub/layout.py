"""What a repo must look like, judged by the names and sizes of its files; nothing is read here."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import torch
from huggingface_hub import ModelInfo
from huggingface_hub.hf_api import RepoSibling

from ...errors import BadCheckpoint, HubFileNotFound, HubTooLarge, NotAPlaygroundModel
from ...lm.model import CharTransformer, ModelConfig
from ...settings import Settings
from ..checkpoint import INDEX, JSON_BYTES, WEIGHTS, CheckpointEntry, Run, weights_path

CONFIG, VOCABULARY, TOKENIZER = "config.json", "vocab.json", "tokenizer.json"
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
        listed = ", ".join(sorted(found)[:8]) or "no files"
        raise NotAPlaygroundModel(
            f"{repo_id} is not a playground model: it has no {' and no '.join(missing)}. Expected "
            f"{CONFIG}, {VOCABULARY}, {INDEX} and {WEIGHTS}, or those of a nanoGPT model; "
            f"found {listed}"
        )


def check_texts(repo_id: str, files: Files, names: Iterable[str]) -> None:
    """The sizes of small files, before a byte of them is read. Raises HubTooLarge."""
    for name in names:
        if _size(files[name]) > JSON_BYTES:
            raise HubTooLarge(
                f"{name} of {repo_id} has {_mb(_size(files[name]))}; the limit is {_mb(JSON_BYTES)}"
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
    work = gigaflops(run.model_config)
    if work > limits.gigaflops:
        raise HubTooLarge(
            f"{repo_id} computes {work:.1f} GFLOP for a character; "
            f"the limit here is {limits.gigaflops:g}"
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
            raise HubFileNotFound(f"step {step} of {repo_id} has no {WEIGHTS} with a sha256")
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


def gigaflops(config: ModelConfig) -> float:
    """The work of one forward of a full window: its matrix products, roughly."""
    with torch.device("meta"):
        weights = sum(p.numel() for p in CharTransformer(config).blocks.parameters())
    n_time, width = config.block_size, config.n_embd
    one_pass = 2 * n_time * weights + 4 * n_time * n_time * width * config.n_layer
    return (config.n_loop * one_pass + 2 * n_time * config.vocab_size * width) / 1e9


def _check_entry(repo_id: str, entry: CheckpointEntry, files: Files) -> None:
    if entry.path not in files:
        raise HubFileNotFound(f"{repo_id} has no {entry.path}, which its {INDEX} lists")
    if (found := _size(files[entry.path])) != entry.bytes:
        raise BadCheckpoint(f"{entry.path} has {found} bytes, {INDEX} says {entry.bytes}")


def _check_weights(repo_id: str, sizes: Collection[int], limits: Limits) -> None:
    for found, limit, where in (
        (max(sizes, default=0), limits.file_bytes, "in one file"),
        (sum(sizes), limits.repo_bytes, "in all"),
    ):
        if found > limit:
            raise HubTooLarge(
                f"{repo_id} is too large: {_mb(found)} of weights {where}; "
                f"the limit here is {_mb(limit)}"
            )


def _size(file: RepoSibling) -> int:
    return file.size or 0


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:.3g} MB"
