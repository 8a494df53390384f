"""Scoring: ms for a text, against a floor: one plain forward in windows side by side.

*floor* is `forward` over the text cut into windows of block_size, all of them at once: no
probabilities, and few characters have a whole window before them. *scores*: exact
log-probabilities, ranks and ten candidates of every character. *JSON*: the body of the answer to
POST /api/score, and its compression. They take turns in one run, with as many threads. `full` is a
model of the same shape as the first whose attention does not slide, with random weights: a window
for each character.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch

from benchmarks.report import table
from playground.api.schemas.scoring import score_json
from playground.checkpoints.folder import Run, load_model, read_run
from playground.lm.model import Transformer
from playground.lm.scoring import concatenate, context_min, score_text
from playground.lm.vocabulary import Vocabulary
from playground.service.bundled import model_folders
from playground.service.scoring import TextScore, choose_stride
from playground.service.sessions import Session
from playground.settings import Settings

THREADS = 2


_T = TypeVar("_T")


def milliseconds(work: Callable[[], _T]) -> tuple[float, _T]:
    began = time.perf_counter()
    result = work()
    return 1000 * (time.perf_counter() - began), result


def text_of(run: Run, n: int) -> str:
    """Characters of the vocabulary at random: nothing in the answer is compressed too well."""
    assert isinstance(run.vocabulary, Vocabulary)
    return "".join(random.Random(0).choices(run.vocabulary.characters, k=n))


def measure(name: str, run: Run, model: Transformer, n: int, turns: int) -> list[str]:
    text, block_size = text_of(run, n), model.config.block_size
    ids = torch.tensor(run.vocabulary.encode(text))
    windows = ids[: n // block_size * block_size].view(-1, block_size)
    session, checkpoint = Session(name, "bundled", run), run.checkpoint(None)
    stride = choose_stride(model.config, n, Settings().score_gigaflops)
    seen = context_min(model.config, stride)

    def to_scores() -> TextScore:
        scores = concatenate([*score_text(model, ids, stride)])
        return TextScore(session, checkpoint, ids.tolist(), n, scores, seen)

    times: dict[str, list[float]] = {"floor": [], "scores": [], "JSON": []}
    for turn in range(1 + turns):
        with torch.inference_mode():
            floor, _ = milliseconds(lambda: model(windows))
        scores, scored = milliseconds(to_scores)
        to_json, body = milliseconds(partial(score_json, scored))
        if turn:  # the first one warms up
            for times_of, value in zip(times.values(), (floor, scores, to_json), strict=True):
                times_of.append(value)
    floor, scores, to_json = (statistics.median(values) for values in times.values())
    packed, compressed = milliseconds(lambda: gzip.compress(body, 5))
    return [
        name, f"{floor:.1f}", f"{scores:.1f}", f"{scores / floor:.1f}", f"{seen}", f"{to_json:.1f}",
        f"{len(body) / 1000:.0f}", f"{packed:.0f}", f"{len(compressed) / 1000:.0f}",
    ]  # fmt: skip


def run(options: argparse.Namespace) -> str:
    n, turns = (1000, 3) if options.quick else (2000, 7)
    torch.set_num_threads(THREADS)
    found = [read_run(folder) for folder in model_folders(Settings().models_dir)]
    runs = [run for run in found if run.vocabulary.kind == "characters"]
    rows = []
    for one in runs:
        model = load_model(one, None, max_bytes=Settings().checkpoint_bytes)
        rows.append(measure(one.folder.name, one, model, n, turns))
    config = dataclasses.replace(runs[0].model_config, attention="full")
    rows.append(measure("full", runs[0], Transformer(config).eval(), n, turns))
    columns = [
        f"{n:,} characters", "floor", "scores", "x floor", "context at least", "JSON", "kB",
        "gzip", "kB packed",
    ]  # fmt: skip
    return table(columns, rows)
