"""Training: nanoGPT's CPU recipe and the live preset, time to the same loss, loss at the same time.

nanoGPT trains with its own train.py, unchanged, out of a checkout of
https://github.com/karpathy/nanoGPT, as its README says for a CPU; with one thread or two,
whichever is quicker here. Ours runs on one thread, as a live training does. Both losses are the
mean over the whole validation text (the last 10 %), in windows of 64 characters, every character
predicted once; time is that of the updates alone, for both.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import os
import pickle
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import torch

from benchmarks.report import table
from playground.lm.learning import Trainer, validation_loss
from playground.lm.model import Transformer
from playground.training.corpora import Corpus, corpus_from_text
from playground.training.presets import PRESETS
from playground.training.texts import decode_text

PRESET = "quick-100k"
STEPS = 2000
RECIPE = [
    "--device=cpu", "--compile=False", "--eval_iters=20", "--log_interval=1", "--block_size=64",
    "--batch_size=12", "--n_layer=4", "--n_head=4", "--n_embd=128", "--lr_decay_iters=2000",
    "--dropout=0.0",
]  # fmt: skip
BUDGETS = (100, 125, 150, 165, 175, 200, 250)  # steps that ours may take to get there


class Peer:
    """A copy of the checkout with the text in it."""

    def __init__(self, checkout: Path, folder: Path, corpus: Corpus) -> None:
        self.folder, self.corpus = folder / "nanogpt", corpus
        shutil.copytree(checkout, self.folder, ignore=shutil.ignore_patterns(".git"))
        data = self.folder / "data" / "shakespeare_char"
        for name, ids in (("train", corpus.train), ("val", corpus.validation)):
            ids.astype(np.uint16).tofile(data / f"{name}.bin")
        with (data / "meta.pkl").open("wb") as file:
            pickle.dump({"vocab_size": len(corpus.vocabulary)}, file)

    def train(self, steps: int, threads: int) -> tuple[float, float]:
        """Seconds of so many updates of the recipe, and the loss after them."""
        command = [sys.executable, "train.py", "config/train_shakespeare_char.py", *RECIPE]
        command += [f"--max_iters={steps}", f"--eval_interval={steps}"]
        command += ["--always_save_checkpoint=True"]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        said = subprocess.run(
            command, cwd=self.folder, env=environment, check=True, capture_output=True, text=True
        ).stdout
        times = [float(ms) / 1000 for ms in re.findall(r"time ([\d.]+)ms", said)]
        # The first and the last of them hold an evaluation too; there is one more than was asked.
        updates = times[1:-1]
        return sum(updates) * steps / len(updates), self._loss()

    def _loss(self) -> float:
        path = self.folder / "out-shakespeare-char" / "ckpt.pt"
        saved = torch.load(path, weights_only=True)
        spec = importlib.util.spec_from_file_location("nanogpt_model", self.folder / "model.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        gpt = module.GPT(module.GPTConfig(**saved["model_args"]))
        gpt.load_state_dict(saved["model"])
        scored = cast("Transformer", _Scored(gpt))  # as far as `validation_loss` uses one
        return validation_loss(scored, torch.from_numpy(self.corpus.validation))


class _Scored(torch.nn.Module):
    """nanoGPT's model as `validation_loss` calls one: logits of every position."""

    def __init__(self, gpt: torch.nn.Module) -> None:
        super().__init__()
        self.gpt, self.config = gpt, gpt.config

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.gpt(ids, ids)[0]  # without targets it predicts the last position alone


def ours(corpus: Corpus, steps: int) -> tuple[float, float]:
    """The same of the live preset, its schedule stretched to so many steps."""
    torch.set_num_threads(1)
    preset = PRESETS[PRESET]
    params = dataclasses.replace(preset.params, steps=steps)
    model = Transformer(preset.config(len(corpus.vocabulary)), seed=params.seed)
    trainer = Trainer(model, torch.from_numpy(corpus.train), params)
    seconds = 0.0
    for _ in range(steps):
        began = time.perf_counter()
        trainer.update()
        seconds += time.perf_counter() - began
    return seconds, validation_loss(model, torch.from_numpy(corpus.validation))


def run(options: argparse.Namespace) -> str:
    corpus = corpus_from_text(decode_text(options.text.read_bytes()), prompt="\n")
    with TemporaryDirectory() as name:
        peer = Peer(options.nanogpt, Path(name), corpus)
        trial = {threads: peer.train(40, threads)[0] for threads in (1, 2)}
        threads = min(trial, key=trial.__getitem__)
        ours(corpus, 20)  # what torch does only once
        before = [ours(corpus, steps) for steps in BUDGETS]
        theirs = peer.train(STEPS, threads)
        after = [ours(corpus, steps) for steps in BUDGETS]
        rows = [
            [f"nanoGPT, {threads} thread(s)", STEPS, f"{theirs[0]:.2f}", f"{theirs[1]:.4f}", "1"]
        ]
        reached = None
        for steps, *rounds in zip(BUDGETS, before, after, strict=True):
            seconds, loss = statistics.mean(r[0] for r in rounds), rounds[0][1]
            rows.append(
                [PRESET, steps, f"{seconds:.2f}", f"{loss:.4f}", f"{theirs[0] / seconds:.0f}"]
            )
            if reached is None and loss <= theirs[1]:
                reached = seconds, loss
        if reached is None:
            raise RuntimeError("ours did not get to nanoGPT's loss")
        seconds, loss = reached
        in_time = max(2, round(STEPS * seconds / theirs[0]))
        early = peer.train(in_time, threads)
        rows.append(["nanoGPT in the time that ours takes to that loss", in_time,
                     f"{early[0]:.2f}", f"{early[1]:.4f}", ""])  # fmt: skip
        whole = ours(corpus, PRESETS[PRESET].params.steps)
        rows.append(["the preset as it is", PRESETS[PRESET].params.steps, f"{whole[0]:.2f}",
                     f"{whole[1]:.4f}", f"{theirs[0] / whole[0]:.0f}"])  # fmt: skip
    ratio = f"After {seconds:.2f} s nanoGPT's loss is {early[1] / loss:.2f} times ours."
    columns = ["", "steps", "seconds", "validation loss", "times sooner"]
    return f"{table(columns, rows)}\n{ratio}\n"
