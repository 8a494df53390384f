"""The training process: learns, tells what it sees, and does what it is told.

One JSON object a line in either direction. It is told a Job first, then commands: {"do": "pause"},
"resume", "step" (one update), "stop", and {"do": "speed", "steps_per_second": 5}. What it says has
a "kind": started, ready, updates, evaluation, checkpoint, paused, end.

An update depends on nothing but the state that `state.safetensors` holds: however often a run is
paused, stopped or killed, it goes on as if nothing had happened.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import math
import os
import queue
import resource
import shutil
import socket
import sys
import threading
import time
import traceback
import types
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from playground.checkpoints.folder import weights_path, write_weights
from playground.lm.learning import Trainer, TrainingParams, Update, make_optimizers, validation_loss
from playground.lm.model import CharTransformer, ModelConfig
from playground.lm.sampling import SamplingParams, log_softmax, truncate_and_sample
from playground.training.corpora import Corpus, CorpusName, landmarks, open_corpus

SAMPLE_CHARACTERS = 80
SAMPLE_TEMPERATURE = 0.8
VALIDATION_CHARACTERS = 16_384

_TELL_SECONDS = 0.1
_WRITE_SECONDS = 1.0  # what a visitor who plays with the model in training is behind
_SAVE_SECONDS = 5.0  # what a killed run has to repeat
_FILES_KEPT = 3  # a visitor may just be opening the weights before the latest
_RECENT = 20  # updates whose mean is the training loss


@dataclass(frozen=True, slots=True)
class Job:
    """What to learn, from what, and where to write.

    model, params: the fields of ModelConfig but vocab_size, and of TrainingParams.
    paused: wait for commands; steps: make so many updates before that.
    """

    folder: str
    corpus: CorpusName
    text_path: str | None
    model: dict[str, Any]
    params: dict[str, Any]
    memory_bytes: int
    paused: bool = False
    steps: int = 0
    steps_per_second: float | None = None


class NotANumber(Exception):
    """The loss is none any more."""


def state_path(folder: Path) -> Path:
    """Where a run's state lies, from which it goes on."""
    return folder / ".job" / "state.safetensors"


def is_milestone(step: int) -> bool:
    """0, 10, 30, 100, 300, 1000 … whose weights are kept: learning is quickest at first."""
    return step == 0 or (step >= 10 and str(step).rstrip("0") in ("1", "3"))


def is_evaluated(step: int) -> bool:
    """0, 5, 10, 20, 30, 40, 60, 80, 100, 200, 300 … where the model shows what it can do."""
    return step in (0, 5) or (
        step >= 10 and str(step).rstrip("0") in ("1", "2", "3", "4", "6", "8")
    )


def import_all() -> None:
    """Make torch import what it imports late, in the process that all workers are forked from."""
    torch.set_num_threads(1)
    _spare_the_compiler()
    make_optimizers(CharTransformer(ModelConfig(2)), TrainingParams())
    gc.collect()
    gc.freeze()  # nothing of this is garbage: a collection would only copy its pages


def _spare_the_compiler() -> None:
    """Have torch.optim find an empty compiler: it imports the real one to tell it to stay away.

    That takes 0.9 s, half of what the first visitor waits for, and nothing here is ever compiled.
    """
    compiler = types.ModuleType("torch._dynamo")
    compiler.disable = lambda function, *_, **__: function  # type: ignore[attr-defined]
    compiler.graph_break = lambda: None  # type: ignore[attr-defined]
    sys.modules["torch._dynamo"] = torch._dynamo = compiler


def work(connection: socket.socket) -> None:
    """Do a job to its end; returns when that is told."""
    lines = connection.makefile("rw", encoding="utf-8", newline="\n")
    commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def listen() -> None:
        for line in lines:
            commands.put(json.loads(line))
        os._exit(0)  # the server is gone, or has no use for us

    def say(kind: str, **about: object) -> None:
        connection.sendall(json.dumps({"kind": kind, **about}).encode() + b"\n")

    threading.Thread(target=listen, daemon=True).start()
    say("started", pid=os.getpid())
    try:
        job = Job(**commands.get())
        resource.setrlimit(resource.RLIMIT_DATA, (job.memory_bytes, job.memory_bytes))
        Worker(job, commands, say).run()
    except NotANumber:
        say("end", why="diverged")
    except BrokenPipeError:
        return
    except Exception as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            say("end", why="memory")
        else:
            traceback.print_exc()
            say("end", why="failed", reason=f"{type(error).__name__}: {error}")


class Worker:
    """One job: a trainer, and what is told and written about it."""

    def __init__(self, job: Job, commands: queue.SimpleQueue[dict[str, Any]], say: Any) -> None:
        self._commands, self._say = commands, say
        self._folder = Path(job.folder)
        self._params = TrainingParams(**job.params)
        text_path = Path(job.text_path) if job.text_path else None
        self._corpus = open_corpus(job.corpus, seed=self._params.seed, path=text_path)
        config = ModelConfig(vocab_size=len(self._corpus.vocabulary), **job.model)
        self._trainer = _trainer(config, self._corpus, self._params)
        self._validation = torch.from_numpy(self._corpus.validation[:VALIDATION_CHARACTERS])
        if state_path(self._folder).exists():
            self._trainer.load_state_dict(load_file(state_path(self._folder)))
        self._paused, self._allowed, self._stopped = job.paused, job.steps, False
        self._pause_told = False
        self._seconds_a_step = 1 / job.steps_per_second if job.steps_per_second else 0.0
        self._next_at = 0.0
        self._recent: deque[Update] = deque(maxlen=_RECENT)
        self._untold: list[Update] = []
        self._durations: deque[float] = deque(maxlen=_RECENT)
        self._told_at = self._written_at = self._saved_at = 0.0
        self._latest = _latest_steps(self._folder)
        written = self._folder / weights_path(self._trainer.step, final=False)
        self._written = self._trainer.step if written.exists() else None
        self._val_loss: float | None = None

    def run(self) -> None:
        """To the last step, or until stopped."""
        trainer, corpus = self._trainer, self._corpus
        self._say(
            "ready",
            step=trainer.step,
            n_params=trainer.model.config.n_params,
            vocabulary="".join(corpus.vocabulary.characters),
            prompt=corpus.prompt,
            end_token=corpus.end_token,
            landmarks=dataclasses.asdict(landmarks(corpus)),
        )
        if trainer.step == 0:
            self._evaluate()
            self._write()
        while trainer.step < self._params.steps and self._obey():
            began = time.perf_counter()
            self._take(trainer.update(), began)
        if not self._stopped and self._written != trainer.step:
            self._evaluate()
        self._settle()
        self._say("end", why="stopped" if self._stopped else "done")

    def _obey(self) -> bool:
        """Do what was said meanwhile, waiting where it says so; False to stop."""
        while not self._stopped:
            if self._paused and not self._allowed:
                if not self._pause_told:
                    self._settle()
                    self._say("paused")
                    self._pause_told = True
                self._do(self._commands.get())
                continue
            # A single step comes at once, whatever the speed.
            wait = 0.0 if self._allowed else self._next_at - time.perf_counter()
            try:
                self._do(self._commands.get(wait > 0, wait if wait > 0 else None))
            except queue.Empty:
                self._next_at = max(self._next_at, time.perf_counter()) + self._seconds_a_step
                self._allowed = max(0, self._allowed - 1)
                return True
        return False

    def _do(self, command: dict[str, Any]) -> None:
        what = command["do"]
        if what == "stop":
            self._stopped = True
        elif what == "speed":
            rate = command["steps_per_second"]
            self._seconds_a_step = 1 / rate if rate else 0.0
            self._next_at = 0.0
        else:
            self._paused = what != "resume"
            self._allowed = self._allowed + 1 if what == "step" else 0
            self._pause_told = False

    def _take(self, update: Update, began: float) -> None:
        """Tell about an update, and write what is due after it."""
        self._durations.append(time.perf_counter() - began)
        self._recent.append(update)
        if not math.isfinite(update.loss):
            raise NotANumber
        self._untold.append(update)
        now = time.perf_counter()
        if update.step == 1 or now - self._told_at > _TELL_SECONDS:
            self._tell()
        if is_evaluated(update.step):
            self._evaluate()
        if update.step == 1 or is_milestone(update.step) or now - self._written_at > _WRITE_SECONDS:
            self._write()
        if now - self._saved_at > _SAVE_SECONDS:
            self._save()

    def _settle(self) -> None:
        """Leave everything as it is now in view and on disk."""
        self._tell()
        self._write()
        self._save()

    def _tell(self) -> None:
        self._told_at = time.perf_counter()
        if self._untold:
            rows = [(update.step, update.loss, update.lr) for update in self._untold]
            speed = len(self._durations) / sum(self._durations)
            self._say("updates", rows=rows, steps_per_second=speed)
            self._untold.clear()

    def _evaluate(self) -> None:
        """Losses on text that was not learned, and what the model writes by now."""
        self._tell()
        model, corpus = self._trainer.model, self._corpus
        self._val_loss = validation_loss(model, self._validation, model.config.block_size)
        if not math.isfinite(self._val_loss):
            raise NotANumber
        ways = [SamplingParams(0), SamplingParams(SAMPLE_TEMPERATURE, seed=self._params.seed)]
        greedy, drawn = generate_batch(model, corpus, [corpus.prompt] * 2, ways, SAMPLE_CHARACTERS)
        self._say(
            "evaluation",
            step=self._trainer.step,
            val_loss=self._val_loss,
            prompt=corpus.prompt,
            greedy=greedy,
            sampled=drawn,
            answers=answers(model, corpus),
        )

    def _write(self) -> None:
        """The weights as they are: kept at a milestone, else until newer ones are written."""
        step, model = self._trainer.step, self._trainer.model
        if step == self._written:
            return
        if not all(torch.isfinite(p).all() for p in model.parameters()):
            raise NotANumber
        entry = write_weights(
            self._folder,
            weights_path(step, final=False),
            model,
            step=step,
            tokens=step * self._params.batch_size * model.config.block_size,
            train_loss=float(np.mean([u.loss for u in self._recent])) if self._recent else None,
            val_loss=self._val_loss if is_evaluated(step) or step == self._params.steps else None,
        )
        self._written, self._written_at = step, time.perf_counter()
        self._say("checkpoint", entry=entry.model_dump())
        if not is_milestone(step):
            self._latest.append(step)
        while len(self._latest) > _FILES_KEPT:
            outdated = weights_path(self._latest.pop(0), final=False)
            shutil.rmtree((self._folder / outdated).parent, ignore_errors=True)

    def _save(self) -> None:
        path = state_path(self._folder)
        partial = path.with_suffix(".partial")
        save_file(self._trainer.state_dict(), partial)
        os.replace(partial, path)
        self._saved_at = time.perf_counter()


def _trainer(config: ModelConfig, corpus: Corpus, params: TrainingParams) -> Trainer:
    starts = corpus.line_starts()
    return Trainer(
        CharTransformer(config, seed=params.seed),
        torch.from_numpy(corpus.train),
        params,
        None if starts is None else torch.from_numpy(starts),
    )


def _latest_steps(folder: Path) -> list[int]:
    """Steps whose weights a previous process left to be replaced."""
    found = sorted(int(path.name[5:]) for path in folder.glob("checkpoints/step-*"))
    return [step for step in found if not is_milestone(step)]


def answers(model: CharTransformer, corpus: Corpus) -> list[tuple[str, str, str]]:
    """(question, right answer, what the model says) for each problem of the corpus."""
    if not corpus.problems:
        return []
    questions = [problem.question for problem in corpus.problems]
    n_most = max(len(problem.answer) for problem in corpus.problems)
    said = generate_batch(model, corpus, questions, [SamplingParams(0)] * len(questions), n_most)
    return [
        (problem.question, problem.answer, text[: len(problem.answer)])
        for problem, text in zip(corpus.problems, said, strict=True)
    ]


@torch.inference_mode()
def generate_batch(
    model: CharTransformer,
    corpus: Corpus,
    prompts: list[str],
    params: list[SamplingParams],
    n: int,
) -> list[str]:
    """Each prompt continued by n characters, or up to the end token where there is one."""
    vocabulary, size = corpus.vocabulary, model.config.block_size
    end = vocabulary.encode(corpus.end_token)[0] if corpus.end_token else None
    rows = [vocabulary.encode(prompt) for prompt in prompts]
    first = [len(row) for row in rows]
    for _ in range(n):
        windows = [row[-size:] for row in rows]
        lengths = torch.tensor([len(window) for window in windows])
        ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
        for row, window in zip(ids, windows, strict=True):
            row[: len(window)] = torch.tensor(window)
        logprobs = log_softmax(model.forward_last(ids, lengths).numpy())
        for row, about, setting in zip(rows, logprobs, params, strict=True):
            row.append(_pick(about, setting, len(row)))
    return [vocabulary.decode(_until(row[k:], end)) for row, k in zip(rows, first, strict=True)]


def _pick(logprobs: Any, params: SamplingParams, position: int) -> int:
    if params.temperature:
        logprobs = log_softmax(logprobs / params.temperature)
    return truncate_and_sample(logprobs, params, position)


def _until(ids: list[int], end: int | None) -> list[int]:
    return ids[: ids.index(end) + 1] if end is not None and end in ids else ids
