"""One live training as the server sees it: what was asked, and what its process has told."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playground.checkpoints.folder import CheckpointEntry, Run, RunConfig
from playground.i18n.translate import Message, in_default_locale
from playground.lm.model import ModelConfig
from playground.lm.vocabulary import Vocabulary
from playground.training.corpora import Baselines, CorpusName
from playground.training.plans import Plan
from playground.training.worker import Job, is_milestone

State = Literal["queued", "starting", "training", "pausing", "paused", "stopped", "done", "failed"]
NAME_MAX = 100
POINTS_MAX = 1000
ANSWERS_SHOWN = 8
_GIGAFLOPS_A_SECOND = 10.0  # a guess, until the first updates are timed

_UNDER_WAY = ("queued", "starting", "training", "pausing")
_FAILURES = {
    "memory": Message.of("training.out_of_memory"),
    "diverged": Message.of("training.diverged"),
}
_DIED = Message.of("training.killed")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the model could do after so many steps.

    val_loss in nats per character; prompt, and how the model goes on: with the top choice, and
    drawn. accuracy: the fraction of problems solved, None where the text has none; answers: some of
    them, as (question, right answer, what the model says).
    """

    step: int
    val_loss: float
    prompt: str
    greedy: str
    sampled: str
    accuracy: float | None
    answers: tuple[tuple[str, str, str], ...]


@dataclass(slots=True, eq=False)
class Training:
    """A live session; `plan` and `corpus` are None for one that was uploaded.

    losses: (step, loss, fraction of the peak rates) of every update.
    state: "pausing" until the process says that it waits; the update under way is still made.
    note: why it stopped or failed, in a sentence. last_look: on the event loop's clock.
    start_paused, start_steps: whether its next process waits at once, or after so many updates.
    is_parked: its process ends because another training waits for one; it stays paused.
    """

    session_id: str
    visitor: str
    folder: Path
    title: Message | str
    last_look: float
    corpus: CorpusName | None = None
    text_path: Path | None = None
    plan: Plan | None = None
    name: str | None = None
    state: State = "queued"
    note: Message | None = None
    can_resume: bool = True
    start_paused: bool = False
    start_steps: int = 0
    is_parked: bool = False
    speed: float | None = None
    steps_per_second: float | None = None
    pid: int | None = None
    run: Run | None = None
    landmarks: Baselines | None = None
    vocabulary: Vocabulary | None = None
    prompt: str = ""
    end_token: str | None = None
    step: int = 0
    losses: list[tuple[int, float, float]] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    entries: dict[int, CheckpointEntry] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        """Whether it has a place in the queue or a process."""
        return self.state in _UNDER_WAY or self.pid is not None

    @property
    def state_word(self) -> Message:
        """How a sentence about it calls its state."""
        return Message.of(f"training.state_{self.state}")

    @property
    def words(self) -> dict[str, Message | str]:
        """What its config says of it, for the visitor's language; an uploaded one speaks itself."""
        if self.plan is None:
            return {}
        return {
            "name": self.name or self.title,
            "description": Message.of("training.trained_on", corpus=self.title),
            "corpus": self.title,
        }

    @property
    def seconds_left(self) -> float:
        """Until its last step; a guess before the first updates."""
        if self.plan is None:
            return 0.0
        steps = self.plan.params.steps
        rate = self.steps_per_second
        if rate is None:
            vocab_size = len(self.vocabulary) if self.vocabulary else 100
            rate = steps * _GIGAFLOPS_A_SECOND / self.plan.gigaflops(vocab_size)
        return (steps - self.step) / min(rate, self.speed or math.inf)

    def job(self, memory_bytes: int) -> Job:
        """What a process is told to go on from where this training is."""
        assert self.plan is not None
        assert self.corpus is not None
        return Job(
            folder=str(self.folder),
            corpus=self.corpus,
            text_path=str(self.text_path) if self.text_path else None,
            model=self.plan.model,
            params=dataclasses.asdict(self.plan.params),
            memory_bytes=memory_bytes,
            paused=self.start_paused,
            steps=self.start_steps,
            steps_per_second=self.speed,
        )

    def hear(self, message: dict[str, Any]) -> None:
        """Take in what the process says."""
        about = dict(message)
        _HEARD[about.pop("kind")](self, **about)

    def died(self) -> None:
        """The process has gone without a word."""
        self.state, self.note = "failed", _DIED

    def points(self, since: int) -> list[tuple[int, float, float]]:
        """The losses after a step, thinned to at most POINTS_MAX, the last one among them."""
        found = [row for row in self.losses if row[0] > since] if since >= 0 else self.losses
        stride = math.ceil(len(found) / POINTS_MAX) or 1
        return found[::-1][::stride][::-1]

    def _started(self, pid: int) -> None:
        self.pid = pid

    def _ready(
        self,
        step: int,
        n_params: int,
        vocabulary: str,
        prompt: str,
        end_token: str | None,
        landmarks: dict[str, float],
    ) -> None:
        self.vocabulary = Vocabulary(vocabulary)
        self.landmarks = Baselines(**landmarks)
        self.prompt, self.end_token = prompt, end_token
        self._rewind(step)
        if not self.start_paused:
            self.state = "training"

    def _rewind(self, step: int) -> None:
        """Forget what a process told after it last saved its state: it all happens again."""
        self.step = step
        self.losses = [row for row in self.losses if row[0] <= step]
        self.evaluations = [e for e in self.evaluations if e.step <= step]
        self.entries = {s: entry for s, entry in self.entries.items() if s <= step}
        if not self.entries:
            self.run = None

    def _updates(self, rows: list[tuple[int, float, float]], steps_per_second: float) -> None:
        self.losses += [(step, loss, lr) for step, loss, lr in rows]
        self.step = self.losses[-1][0]
        self.steps_per_second = steps_per_second

    def _evaluation(self, answers: list[tuple[str, str, str]], **about: Any) -> None:
        right = sum(said == answer for _, answer, said in answers)
        accuracy = right / len(answers) if answers else None
        shown = tuple((q, a, s) for q, a, s in answers[:ANSWERS_SHOWN])
        self.evaluations = [e for e in self.evaluations if e.step != about["step"]]
        self.evaluations.append(Evaluation(accuracy=accuracy, answers=shown, **about))

    def _checkpoint(self, entry: dict[str, Any]) -> None:
        written = CheckpointEntry(**entry)
        self.entries = {
            step: kept
            for step, kept in self.entries.items()
            if is_milestone(step) and step < written.step
        } | {written.step: written}
        if written.step > 0:  # before its first update a model has nothing to say
            self.run = self.make_run()

    def _paused(self) -> None:
        if self.start_paused:  # else it has been told to go on meanwhile
            self.state = "paused"

    def _end(self, why: str, reason: str = "") -> None:
        if why == "done":
            self.state = "done"
        elif why == "stopped":
            self.state = "paused" if self.is_parked else "stopped"
        else:
            self.state = "failed"
            self.note = _FAILURES.get(why, Message.of("training.failed", reason=reason))
        self.can_resume = why not in ("done", "diverged")

    def rename(self, name: str) -> None:
        """Keep it under a name."""
        self.name = name
        if self.run is not None:
            config = self.run.config.model_copy(update={"name": name})
            self.run = dataclasses.replace(self.run, config=config)

    def make_run(self) -> Run:
        """The run of the checkpoints that are there by now."""
        assert self.plan is not None
        assert self.vocabulary is not None
        model_config = ModelConfig(vocab_size=len(self.vocabulary), **self.plan.model)
        config = RunConfig(
            format=1,
            **{field: in_default_locale(text) for field, text in self.words.items()},
            prompt=self.prompt,
            end_token=self.end_token,
            seed=self.plan.params.seed,
            model=dataclasses.asdict(model_config),
        )
        entries = tuple(self.entries.values())
        n_params = self.run.n_params if self.run else model_config.n_params
        return Run(self.folder, config, model_config, self.vocabulary, entries, n_params)


_HEARD: dict[str, Callable[..., None]] = {
    "started": Training._started,
    "ready": Training._ready,
    "updates": Training._updates,
    "evaluation": Training._evaluation,
    "checkpoint": Training._checkpoint,
    "paused": Training._paused,
    "end": Training._end,
}
