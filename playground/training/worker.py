"""The training worker: trains, reports events, carries out commands (see protocol.py).

An update depends only on what `state.safetensors` holds: a run that is paused, stopped or killed
any number of times continues with the same updates.
"""

from __future__ import annotations

import dataclasses
import gc
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
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from playground.checkpoints.schema import TOKENIZER, weights_path
from playground.checkpoints.weights import write_tensors, write_weights
from playground.files import write_bytes
from playground.lm.learning import Trainer, TrainingParams, Update, make_optimizers, validation_loss
from playground.lm.model import ModelConfig, Transformer
from playground.lm.sampling import SamplingParams
from playground.lm.tokenizer import Tokenizer, characters_per_token
from playground.lm.vocabulary import Vocabulary
from playground.tokenization.byte_pairs import BytePairTokenizer
from playground.training import protocol
from playground.training.corpora import Corpus, compute_baselines, in_word_pieces, open_corpus
from playground.training.milestones import is_evaluated, is_milestone
from playground.training.sampling import answer_problems, generate_batch

SAMPLE_CHARACTERS = 80
SAMPLE_TEMPERATURE = 0.8
VALIDATION_TOKENS = 16_384

_REPORT_SECONDS = 0.1
_CHECKPOINT_SECONDS = 1.0  # maximum age of the weights that are sampled from during training
_SAVE_SECONDS = 5.0  # a killed run repeats the updates of this time
_CHECKPOINTS_KEPT = 3  # an older one than the latest may still be being read
_RECENT_UPDATES = 20  # whose mean is the training loss

SendEvent = Callable[[protocol.Event], None]


class DivergedError(Exception):
    """A loss or a weight is not a finite number."""


class TooFewTokensError(Exception):
    """A text in word pieces fills no window."""


def state_path(folder: Path) -> Path:
    """The file of the training state from which a run is resumed."""
    return folder / ".job" / "state.safetensors"


def preload() -> None:
    """Import all that training needs, in the process from which all workers are forked."""
    torch.set_num_threads(1)
    stub_torch_compiler()
    make_optimizers(Transformer(ModelConfig(2)), TrainingParams())
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy its pages


def stub_torch_compiler() -> None:
    """Replace torch._dynamo by a stub, in this process.

    torch.optim (seen in torch 2.13.0) imports it to exempt itself from compilation, which takes
    0.9 s, half of the time to a first training's first update; nothing here is compiled.
    """
    compiler = types.ModuleType("torch._dynamo")
    compiler.disable = lambda function, *_, **__: function  # type: ignore[attr-defined]
    compiler.graph_break = lambda: None  # type: ignore[attr-defined]
    sys.modules["torch._dynamo"] = torch._dynamo = compiler


def run_worker(connection: socket.socket) -> None:
    """Run the job that comes over a connection; returns when its end is reported."""
    lines = connection.makefile("r", encoding="utf-8", newline="\n")
    commands: queue.SimpleQueue[protocol.Command] = queue.SimpleQueue()

    def receive() -> None:
        for line in lines:
            commands.put(protocol.decode_command(line))
        os._exit(0)  # the server has exited, or closed the connection

    def send(event: protocol.Event) -> None:
        try:
            connection.sendall(protocol.encode(event))
        except ConnectionError:
            os._exit(0)  # the same

    threading.Thread(target=receive, daemon=True).start()
    send(protocol.Started(os.getpid()))
    try:
        job = commands.get()
        assert isinstance(job, protocol.TrainJob)
        resource.setrlimit(resource.RLIMIT_DATA, (job.memory_bytes, job.memory_bytes))
        Worker(job, commands, send).run()
    except DivergedError:
        send(protocol.Ended("diverged"))
    except TooFewTokensError:
        send(protocol.Ended("short"))
    except Exception as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            send(protocol.Ended("memory"))
        else:
            traceback.print_exc()
            send(protocol.Ended("failed", f"{type(error).__name__}: {error}"))


class Worker:
    """Runs one job: a trainer, its pace, its reports and files."""

    def __init__(
        self,
        job: protocol.TrainJob,
        commands: queue.SimpleQueue[protocol.Command],
        send: SendEvent,
    ) -> None:
        self._commands, self._send = commands, send
        self._folder = Path(job.folder)
        self._params = TrainingParams(**job.params)
        text_path = Path(job.text_path) if job.text_path else None
        text = open_corpus(job.corpus, seed=self._params.seed, path=text_path)
        self._baselines = compute_baselines(text)
        self._corpus = self._in_tokens(text, job.vocab_size)
        tokenizer = self._corpus.vocabulary
        config = ModelConfig(vocab_size=len(tokenizer), **job.model)
        if len(self._corpus.train) <= config.block_size or len(self._corpus.validation) < 2:
            raise TooFewTokensError
        self._trainer = _make_trainer(config, self._corpus, self._params)
        self._validation = torch.from_numpy(self._corpus.validation[:VALIDATION_TOKENS])
        # Losses are reported per character.
        self._characters_per_token = characters_per_token(tokenizer, self._corpus.train.tolist())
        held_out = self._validation[1:].tolist()
        self._characters_held_out = characters_per_token(tokenizer, held_out)
        if state_path(self._folder).exists():
            self._trainer.load_state_dict(load_file(state_path(self._folder)))
        # Pace: whether it is paused, and the updates to make before that takes effect.
        self._paused, self._steps_allowed, self._stopped = job.paused, job.steps, False
        self._pause_reported = False
        self._seconds_per_step = 1 / job.steps_per_second if job.steps_per_second else 0.0
        self._next_update_at = 0.0
        # Reports and files.
        self._recent: deque[Update] = deque(maxlen=_RECENT_UPDATES)
        self._unreported: list[Update] = []
        self._durations: deque[float] = deque(maxlen=_RECENT_UPDATES)
        self._reported_at = self._checkpoint_at = self._saved_at = 0.0
        self._replaceable = _replaceable_checkpoints(self._folder)
        written = self._folder / weights_path(self._trainer.step, final=False)
        self._last_checkpoint = self._trainer.step if written.exists() else None
        self._evaluated_step: int | None = None
        self._val_loss: float | None = None

    def _in_tokens(
        self, text: Corpus[Vocabulary], vocab_size: int | None
    ) -> Corpus[Vocabulary] | Corpus[BytePairTokenizer]:
        """The corpus in the tokens of the job; word pieces are learned, written and reported."""
        if vocab_size is None:
            return text
        corpus = in_word_pieces(text, vocab_size)
        write_bytes(self._folder / TOKENIZER, corpus.vocabulary.content)
        merges = corpus.vocabulary.merges(text.vocabulary.decode(text.train.tolist()))
        self._send(
            protocol.TokenizerLearned([(merge.left, merge.right, merge.count) for merge in merges])
        )
        return corpus

    def run(self) -> None:
        """Train to the last step, or until stopped."""
        trainer, corpus = self._trainer, self._corpus
        tokenizer, characters = corpus.vocabulary, None
        if isinstance(tokenizer, Vocabulary):
            characters = "".join(tokenizer.characters)
        self._send(
            protocol.Ready(
                step=trainer.step,
                vocab_size=len(tokenizer),
                vocabulary=characters,
                characters_per_token=self._characters_held_out if characters is None else None,
                prompt=corpus.prompt,
                end_token=corpus.end_token,
                baselines=dataclasses.asdict(self._baselines),
            )
        )
        if trainer.step == 0:
            self._evaluate()
            self._write_checkpoint()
        while trainer.step < self._params.steps and self._wait_for_permission():
            began = time.perf_counter()
            self._record_update(trainer.update(), began)
        if not self._stopped and self._evaluated_step != trainer.step:
            self._evaluate()
        self._flush()
        self._send(protocol.Ended("stopped" if self._stopped else "done"))

    # --- Commands --------------------------------------------------------------------------------

    def _wait_for_permission(self) -> bool:
        """Execute pending commands; block while paused or throttled. Returns False once stopped."""
        while not self._stopped:
            if self._paused and not self._steps_allowed:
                if not self._pause_reported:
                    self._flush()
                    self._send(protocol.Paused())
                    self._pause_reported = True
                self._execute(self._commands.get())
                continue
            # A single step is not throttled.
            wait = 0.0 if self._steps_allowed else self._next_update_at - time.perf_counter()
            try:
                self._execute(self._commands.get(wait > 0, wait if wait > 0 else None))
            except queue.Empty:
                due = max(self._next_update_at, time.perf_counter())
                self._next_update_at = due + self._seconds_per_step
                self._steps_allowed = max(0, self._steps_allowed - 1)
                return True
        return False

    def _execute(self, command: protocol.Command) -> None:
        match command:
            case protocol.Stop():
                self._stopped = True
            case protocol.SetSpeed(rate):
                self._seconds_per_step = 1 / rate if rate else 0.0
                self._next_update_at = 0.0
            case protocol.Step():
                self._paused, self._pause_reported = True, False
                self._steps_allowed += 1
            case protocol.Pause() | protocol.Resume():
                self._paused, self._pause_reported = isinstance(command, protocol.Pause), False
                self._steps_allowed = 0

    # --- Reports ---------------------------------------------------------------------------------

    def _record_update(self, update: Update, began: float) -> None:
        """Report and write what is due after an update."""
        self._durations.append(time.perf_counter() - began)
        self._recent.append(update)
        if not math.isfinite(update.loss):
            raise DivergedError
        self._unreported.append(update)
        step, now = update.step, time.perf_counter()
        if step == 1 or now - self._reported_at > _REPORT_SECONDS:
            self._report_updates()
        if is_evaluated(step) or step == self._params.steps:
            self._evaluate()
        if step == 1 or is_milestone(step) or now - self._checkpoint_at > _CHECKPOINT_SECONDS:
            self._write_checkpoint()
        if now - self._saved_at > _SAVE_SECONDS:
            self._save_state()

    def _flush(self) -> None:
        """Report pending updates and write checkpoint and state."""
        self._report_updates()
        self._write_checkpoint()
        self._save_state()

    def _report_updates(self) -> None:
        self._reported_at = time.perf_counter()
        if self._unreported:
            rows = [(u.step, u.loss / self._characters_per_token, u.lr) for u in self._unreported]
            rate = len(self._durations) / sum(self._durations)
            self._send(protocol.Updates(rows, steps_per_second=rate))
            self._unreported.clear()

    def _evaluate(self) -> None:
        """Report the validation loss and samples."""
        self._report_updates()
        model, corpus = self._trainer.model, self._corpus
        loss = validation_loss(model, self._validation, model.config.block_size)
        self._val_loss, self._evaluated_step = loss / self._characters_held_out, self._trainer.step
        if not math.isfinite(self._val_loss):
            raise DivergedError
        params = [SamplingParams(0), SamplingParams(SAMPLE_TEMPERATURE, seed=self._params.seed)]
        prompts = [corpus.prompt] * len(params)
        n_tokens = round(SAMPLE_CHARACTERS / self._characters_held_out)
        greedy, sampled = generate_batch(model, corpus, prompts, params, n_tokens)
        self._send(
            protocol.Evaluated(
                step=self._trainer.step,
                val_loss=self._val_loss,
                prompt=corpus.prompt,
                greedy=greedy,
                sampled=sampled,
                answers=answer_problems(model, corpus),
            )
        )

    # --- Files -----------------------------------------------------------------------------------

    def _write_checkpoint(self) -> None:
        """Write the weights; those of milestones are kept, others replaced by newer ones."""
        step, model = self._trainer.step, self._trainer.model
        if step == self._last_checkpoint:
            return
        if not all(torch.isfinite(p).all() for p in model.parameters()):
            raise DivergedError
        entry = write_weights(
            self._folder,
            weights_path(step, final=False),
            model,
            step=step,
            tokens=step * self._params.batch_size * model.config.block_size,
            train_loss=self._mean_recent_loss(),
            val_loss=self._val_loss if step == self._evaluated_step else None,
        )
        self._last_checkpoint, self._checkpoint_at = step, time.perf_counter()
        self._send(protocol.CheckpointWritten(entry))
        if not is_milestone(step):
            self._replaceable.append(step)
        while len(self._replaceable) > _CHECKPOINTS_KEPT:
            outdated = weights_path(self._replaceable.pop(0), final=False)
            shutil.rmtree((self._folder / outdated).parent, ignore_errors=True)

    def _mean_recent_loss(self) -> float | None:
        if not self._recent:
            return None
        return float(np.mean([u.loss for u in self._recent])) / self._characters_per_token

    def _save_state(self) -> None:
        write_tensors(state_path(self._folder), self._trainer.state_dict())
        self._saved_at = time.perf_counter()


def _make_trainer(
    config: ModelConfig, corpus: Corpus[Tokenizer], params: TrainingParams
) -> Trainer:
    starts = corpus.item_starts()
    return Trainer(
        Transformer(config, seed=params.seed),
        torch.from_numpy(corpus.train),
        params,
        None if starts is None else torch.from_numpy(starts),
    )


def _replaceable_checkpoints(folder: Path) -> list[int]:
    """Steps, other than milestones, whose weights a previous worker has written."""
    found = sorted(int(path.name[5:]) for path in folder.glob("checkpoints/step-*"))
    return [step for step in found if not is_milestone(step)]
