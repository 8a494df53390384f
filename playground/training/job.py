"""A live training job on the server: plan, state, and its worker's reports."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path

from playground.checkpoints.folder import Run
from playground.checkpoints.schema import (
    JSON_BYTES,
    TOKENIZER,
    CheckpointEntry,
    RunConfig,
)
from playground.i18n.translate import Message, in_default_locale
from playground.lm.model import ModelConfig
from playground.lm.vocabulary import Vocabulary
from playground.tokenization.byte_pairs import Merge
from playground.tokenization.library_tokenizer import LibraryTokenizer
from playground.tokenization.pieces import PieceTokenizer
from playground.training import protocol
from playground.training.corpora import Baselines, CorpusName
from playground.training.milestones import is_milestone
from playground.training.plans import TrainingPlan
from playground.training.presets import TYPICAL_VOCAB_SIZE
from playground.training.state import (
    PAUSABLE,
    Action,
    Event,
    State,
    after_event,
    next_state,
    state_message,
)

POINTS_MAX = 1000
ANSWERS_SHOWN = 8
_GIGAFLOPS_PER_SECOND = 10.0  # an estimate, until the first updates are timed

_FAILURES = {
    "memory": Message.of("training.out_of_memory"),
    "diverged": Message.of("training.diverged"),
    "short": Message.of("training.too_few_tokens"),
}
_KILLED = Message.of("training.killed")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Losses and samples after a step.

    val_loss in nats per character; prompt, and its continuations: greedy and sampled. accuracy:
    the fraction of problems solved, None where the corpus has none; answers: some of them, as
    (question, right answer, the model's).
    """

    step: int
    val_loss: float
    prompt: str
    greedy: str
    sampled: str
    accuracy: float | None
    answers: tuple[tuple[str, str, str], ...]


@dataclass(slots=True, eq=False)
class TrainingJob:
    """A live session; `plan` and `corpus` are None for one that was uploaded.

    losses: (step, loss, fraction of the peak rates) of every update.
    state: see state.py. note: why it stopped or failed.
    last_seen: time of its visitor's last request, on the event loop's clock.
    start_paused: its next worker starts paused; start_steps: after this number of updates.
    is_parked: its worker is stopped to make room for another job; it stays paused.
    merges: of its word pieces, in their order, once they are learned.
    """

    session_id: str
    visitor: str
    folder: Path
    title: Message | str
    last_seen: float
    corpus: CorpusName | None = None
    text_path: Path | None = None
    plan: TrainingPlan | None = None
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
    baselines: Baselines | None = None
    vocabulary: Vocabulary | PieceTokenizer | None = None
    vocab_size: int | None = None
    characters_per_token: float | None = None
    merges: tuple[Merge, ...] = ()
    prompt: str = ""
    end_token: str | None = None
    step: int = 0
    losses: list[tuple[int, float, float]] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    entries: dict[int, CheckpointEntry] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        """Whether it has a place in the queue or a worker."""
        return self.state in PAUSABLE or self.pid is not None

    @property
    def state_message(self) -> Message:
        """The name of its state, for use within a message."""
        return state_message(self.state)

    @property
    def localized_fields(self) -> dict[str, Message | str]:
        """The translatable fields of its RunConfig; none for an uploaded run."""
        if self.plan is None:
            return {}
        return {
            "name": self.name or self.title,
            "description": Message.of("training.trained_on", corpus=self.title),
            "corpus": self.title,
        }

    @property
    def seconds_left(self) -> float:
        """Until its last step; an estimate before the first updates."""
        if self.plan is None:
            return 0.0
        steps = self.plan.params.steps
        rate = self.steps_per_second
        if rate is None:
            vocab_size = self.vocab_size or self.plan.vocab_size or TYPICAL_VOCAB_SIZE
            rate = steps * _GIGAFLOPS_PER_SECOND / self.plan.gigaflops(vocab_size)
        return (steps - self.step) / min(rate, self.speed or math.inf)

    def points(self, since: int) -> list[tuple[int, float, float]]:
        """The losses after a step, thinned evenly to at most POINTS_MAX; the last one stays."""
        found = [row for row in self.losses if row[0] > since] if since >= 0 else self.losses
        stride = math.ceil(len(found) / POINTS_MAX) or 1
        return found[::-1][::stride][::-1]

    def train_job(self, memory_bytes: int) -> protocol.TrainJob:
        """The message that makes a worker continue this training."""
        assert self.plan is not None
        assert self.corpus is not None
        return protocol.TrainJob(
            folder=str(self.folder),
            corpus=self.corpus,
            text_path=str(self.text_path) if self.text_path else None,
            model=self.plan.model,
            params=dataclasses.asdict(self.plan.params),
            memory_bytes=memory_bytes,
            vocab_size=self.plan.vocab_size,
            paused=self.start_paused,
            steps=self.start_steps,
            steps_per_second=self.speed,
        )

    def rename(self, name: str) -> None:
        """Set the name that its visitor chose."""
        self.name = name
        if self.run is not None:
            config = self.run.config.model_copy(update={"name": name})
            self.run = dataclasses.replace(self.run, config=config)

    # --- State transitions -----------------------------------------------------------------------

    def check(self, action: Action, *, has_worker: bool) -> None:
        """Raises TrainingConflict where an action is not allowed."""
        next_state(self.state, action, has_worker=has_worker)

    def act(self, action: Action, *, has_worker: bool) -> None:
        """Make the transition of an action. Raises TrainingConflict."""
        self.state = next_state(self.state, action, has_worker=has_worker)

    def enter(self, event: Event, note: Message | None = None) -> None:
        """Make the transition of an event; note: its reason, if any."""
        self.state = after_event(self.state, event)
        self.note = note or self.note

    def fail(self, note: Message = _KILLED) -> None:
        """Fail: the worker exited without reporting an end, or could not be started."""
        self.enter("failed", note)

    def complete(self, run: Run) -> None:
        """Set the fields of a job whose run was uploaded."""
        self.run, self.can_resume = run, False
        self.title, self.name = run.config.corpus or self.title, run.config.name
        self.step, self.vocabulary = run.steps[-1], run.vocabulary
        self.vocab_size = run.model_config.vocab_size
        self.entries = {entry.step: entry for entry in run.checkpoints}
        self.evaluations = [
            Evaluation(entry.step, entry.val_loss, run.config.prompt, "", "", None, ())
            for entry in run.checkpoints
            if entry.val_loss is not None
        ]
        self.enter("done")

    def apply(self, event: protocol.Event) -> None:
        """Update from an event of the worker."""
        match event:
            case protocol.Started():
                self.pid = event.pid
            case protocol.TokenizerLearned():
                self.merges = tuple(Merge(*merge) for merge in event.merges)
            case protocol.Ready():
                self._apply_ready(event)
            case protocol.Updates():
                self.losses += event.rows
                self.step = self.losses[-1][0]
                self.steps_per_second = event.steps_per_second
            case protocol.Evaluated():
                self._apply_evaluated(event)
            case protocol.CheckpointWritten():
                self._apply_checkpoint(event.entry)
            case protocol.Paused():
                self.enter("paused")
            case protocol.Ended():
                self._apply_ended(event)

    def _apply_ready(self, event: protocol.Ready) -> None:
        if event.vocabulary is None:
            self.vocabulary = LibraryTokenizer(self.folder / TOKENIZER, max_bytes=JSON_BYTES)
        else:
            self.vocabulary = Vocabulary(event.vocabulary)
        self.vocab_size = event.vocab_size
        self.characters_per_token = event.characters_per_token
        self.baselines = Baselines(**event.baselines)
        self.prompt, self.end_token = event.prompt, event.end_token
        self._rewind(event.step)
        if not self.start_paused:
            self.enter("ready")

    def _rewind(self, step: int) -> None:
        """Drop what was reported after the last saved state; the worker repeats those steps."""
        self.step = step
        self.losses = [row for row in self.losses if row[0] <= step]
        self.evaluations = [e for e in self.evaluations if e.step <= step]
        self.entries = {s: entry for s, entry in self.entries.items() if s <= step}
        if not self.entries:
            self.run = None

    def _apply_evaluated(self, event: protocol.Evaluated) -> None:
        right = sum(given == answer for _, answer, given in event.answers)
        evaluation = Evaluation(
            step=event.step,
            val_loss=event.val_loss,
            prompt=event.prompt,
            greedy=event.greedy,
            sampled=event.sampled,
            accuracy=right / len(event.answers) if event.answers else None,
            answers=tuple(event.answers[:ANSWERS_SHOWN]),
        )
        self.evaluations = [e for e in self.evaluations if e.step != event.step] + [evaluation]

    def _apply_checkpoint(self, written: CheckpointEntry) -> None:
        self.entries = {
            step: kept
            for step, kept in self.entries.items()
            if is_milestone(step) and step < written.step
        } | {written.step: written}
        if written.step > 0:  # the untrained model is not registered as a session
            self.run = self._make_run()

    def _apply_ended(self, event: protocol.Ended) -> None:
        if event.why == "done":
            self.enter("done")
        elif event.why == "stopped":
            self.enter("parked" if self.is_parked else "stopped")
        else:
            failed = Message.of("training.failed", reason=event.reason)
            self.fail(_FAILURES.get(event.why, failed))
        self.can_resume = event.why not in ("done", "diverged", "short")

    def _make_run(self) -> Run:
        """The run of the checkpoints written so far."""
        assert self.plan is not None
        assert self.vocabulary is not None
        assert self.vocab_size is not None
        model_config = ModelConfig(vocab_size=self.vocab_size, **self.plan.model)
        texts = {name: in_default_locale(text) for name, text in self.localized_fields.items()}
        config = RunConfig.model_validate(
            {
                "format": 1,
                **texts,
                "prompt": self.prompt,
                "end_token": self.end_token,
                "characters_per_token": self.characters_per_token,
                "seed": self.plan.params.seed,
                "model": dataclasses.asdict(model_config),
            }
        )
        entries = tuple(self.entries.values())
        n_params = self.run.n_params if self.run else model_config.n_params
        return Run(self.folder, config, model_config, self.vocabulary, entries, n_params)
