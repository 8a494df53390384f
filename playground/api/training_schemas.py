"""What the training API takes and gives. The bounds are those of `runs.plans`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from playground.lm.learning import PRESETS
from playground.training.corpora import CORPORA, TEXT_MAX, Baselines, CorpusName
from playground.training.job import NAME_MAX, Evaluation, State, Training
from playground.training.plans import (
    BATCH_SIZE,
    LIVE_PRESETS,
    MODEL_BOUNDS,
    SEED,
    STEPS,
    LivePreset,
    PresetName,
    learning_rate,
    learning_rate_bounds,
)

SPEED_MAX = 1000.0
_TYPICAL_VOCABULARY = 100
_RESUMABLE = ("pausing", "paused", "stopped", "failed")

Visitor = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{16,64}$",
        description="Made up at random by the caller, and told to nobody else.",
    ),
]
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class ModelSize(BaseModel):
    """What of the model's shape may be set: layers, heads, width, context."""

    model_config = _STRICT

    n_layer: int | None = Field(None, description="Layers.")
    n_head: int | None = Field(None, description="Attention heads in a layer.")
    n_embd: int | None = Field(None, description="Width, a multiple of twice the heads.")
    block_size: int | None = Field(None, description="Characters that the model sees.")


class TrainingRequest(BaseModel):
    """What to learn, and how; all but the visitor has a default."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        json_schema_extra={"examples": [{"visitor": "3f9c0b7a52d14e86", "corpus": "docs"}]},
    )

    visitor: Visitor
    corpus: CorpusName | None = Field(
        None, description='By default "docs", or "text" where there is one.'
    )
    text: str | None = Field(None, description=f"A text of one's own, up to {TEXT_MAX} characters.")
    preset: PresetName = "quick-100k"
    steps: int | None = Field(None, description="Updates; the preset's by default.")
    seed: int | None = Field(None, description="Of the first weights, the batches and the samples.")
    learning_rate: float | None = Field(None, description="Peak rate; the preset's by default.")
    batch_size: int | None = Field(None, description="Windows in an update.")
    model: ModelSize = ModelSize()
    paused: bool = Field(False, description="Wait for the first step.")
    steps_per_second: float | None = Field(None, gt=0, le=SPEED_MAX)


class SpeedRequest(BaseModel):
    model_config = _STRICT

    steps_per_second: float | None = Field(
        gt=0, le=SPEED_MAX, description="Null is as fast as it goes."
    )


class RenameRequest(BaseModel):
    model_config = _STRICT

    name: str = Field(min_length=1, max_length=NAME_MAX, pattern=r"\S")


class LandmarksBody(BaseModel):
    """Validation losses of simple guessers: every character alike; by frequency; by pairs."""

    uniform: float
    letters: float
    pairs: float

    @classmethod
    def of(cls, landmarks: Baselines) -> LandmarksBody:
        return cls(uniform=landmarks.uniform, letters=landmarks.letters, pairs=landmarks.pairs)


class LossBody(BaseModel):
    """The loss of an update's batch, in nats per character, and its learning rate."""

    step: int
    loss: float
    learning_rate: float


class AnswerBody(BaseModel):
    """A problem that is in none of the learned lines: how its line ends, and what was said."""

    question: str
    answer: str
    said: str


class EvaluationBody(BaseModel):
    """What the model could do at a step; accuracy is the fraction of problems solved."""

    step: int
    val_loss: float
    prompt: str
    greedy: str
    sampled: str
    accuracy: float | None
    answers: list[AnswerBody]

    @classmethod
    def of(cls, evaluation: Evaluation) -> EvaluationBody:
        return cls(
            step=evaluation.step,
            val_loss=evaluation.val_loss,
            prompt=evaluation.prompt,
            greedy=evaluation.greedy,
            sampled=evaluation.sampled,
            accuracy=evaluation.accuracy,
            answers=[
                AnswerBody(question=question, answer=answer, said=said)
                for question, answer, said in evaluation.answers
            ],
        )


class TrainingSummary(BaseModel):
    """A training as its visitor's list shows it. note: why it stopped, where that needs words."""

    session_id: str
    name: str
    kept: bool
    state: State
    note: str | None
    corpus: CorpusName | None
    preset: PresetName | None
    step: int
    steps: int
    ready: bool = Field(description="Whether the session can be played with.")
    can_resume: bool
    position: int | None = Field(description="Place in the queue, 1 for the next.")
    estimate_seconds: float | None = Field(description="Until it begins, where it waits.")

    @classmethod
    def of(
        cls, training: Training, position: int | None, estimate_seconds: float | None
    ) -> TrainingSummary:
        return cls(**cls._summary(training, position, estimate_seconds))

    @staticmethod
    def _summary(
        training: Training, position: int | None, estimate_seconds: float | None
    ) -> dict[str, object]:
        plan = training.plan
        return {
            "session_id": training.session_id,
            "name": training.name or str(training.title),
            "kept": training.name is not None,
            "state": training.state,
            "note": str(training.note) if training.note else None,
            "corpus": training.corpus,
            "preset": plan.preset if plan else None,
            "step": training.step,
            "steps": plan.params.steps if plan else training.step,
            "ready": training.run is not None,
            "can_resume": training.can_resume and training.state in _RESUMABLE,
            "position": position,
            "estimate_seconds": estimate_seconds,
        }


class TrainingBody(TrainingSummary):
    """A training in full; `losses` are those after the step that was asked for, `evaluations` too,
    and the one at that step.

    whole: they are all that there are, from the start: forget what was told before.
    """

    whole: bool
    losses: list[LossBody]
    evaluations: list[EvaluationBody]
    checkpoints: list[int]
    landmarks: LandmarksBody | None
    params: int | None
    vocab_size: int | None
    block_size: int | None
    batch_size: int | None
    seed: int | None
    tokens: int
    learning_rate: float | None = Field(description="Of the last update.")
    peak_learning_rate: float | None
    speed: float | None = Field(description="Steps per second that were asked for.")
    steps_per_second: float | None
    seconds_left: float | None

    @classmethod
    def of_all(
        cls,
        training: Training,
        position: int | None,
        estimate_seconds: float | None,
        since: int,
    ) -> TrainingBody:
        plan, run = training.plan, training.run
        if since > training.step:  # it has gone back to what was saved
            since = -1
        peak = plan.learning_rate if plan else 0.0
        block_size = run.model_config.block_size if run else None
        vocabulary = training.vocabulary
        return cls(
            **cls._summary(training, position, estimate_seconds),
            whole=since < 0,
            losses=[
                LossBody(step=step, loss=loss, learning_rate=fraction * peak)
                for step, loss, fraction in training.points(since)
            ],
            # At `since` too: a step's evaluation is told a little later than its loss.
            evaluations=[EvaluationBody.of(e) for e in training.evaluations if e.step >= since],
            checkpoints=run.steps if run else [],
            landmarks=LandmarksBody.of(training.landmarks) if training.landmarks else None,
            params=run.n_params if run else None,
            vocab_size=len(vocabulary) if vocabulary else None,
            block_size=plan.model["block_size"] if plan else block_size,
            batch_size=plan.params.batch_size if plan else None,
            seed=plan.params.seed if plan else None,
            tokens=_tokens(training),
            learning_rate=training.losses[-1][2] * peak if training.losses else None,
            peak_learning_rate=peak if plan else None,
            speed=training.speed,
            steps_per_second=training.steps_per_second,
            seconds_left=training.seconds_left if training.is_active else None,
        )


def _tokens(training: Training) -> int:
    if training.plan is None:
        return training.run.checkpoints[-1].tokens if training.run else 0
    return training.step * training.plan.params.batch_size * training.plan.model["block_size"]


class TrainingsResponse(BaseModel):
    trainings: list[TrainingSummary]


class CorpusBody(BaseModel):
    name: CorpusName
    title: str
    description: str


class Bounds(BaseModel):
    """Both ends included."""

    low: float
    high: float


class PresetBody(BaseModel):
    """A recipe: its values, which are what a request without them means."""

    name: PresetName
    title: str
    description: str
    params: int
    optimizer: Literal["muon", "adamw"]
    steps: int
    batch_size: int
    learning_rate: float
    learning_rate_bounds: Bounds
    seed: int
    n_layer: int
    n_head: int
    n_embd: int
    block_size: int

    @classmethod
    def of(cls, preset: LivePreset) -> PresetBody:
        recipe = PRESETS[preset.name]
        config = recipe.config(_TYPICAL_VOCABULARY)
        low, high = learning_rate_bounds(preset.name)
        return cls(
            name=preset.name,
            title=str(preset.title),
            description=str(preset.description),
            params=config.n_params,
            optimizer=recipe.params.optimizer,  # type: ignore[arg-type]
            steps=recipe.params.steps,
            batch_size=recipe.params.batch_size,
            learning_rate=learning_rate(recipe.params),
            learning_rate_bounds=Bounds(low=low, high=high),
            seed=recipe.params.seed,
            n_layer=config.n_layer,
            n_head=config.n_head,
            n_embd=config.n_embd,
            block_size=config.block_size,
        )


class CorporaResponse(BaseModel):
    """What the form offers: texts, presets, and the bounds of what may be changed."""

    corpora: list[CorpusBody]
    presets: list[PresetBody]
    bounds: dict[str, Bounds]

    @classmethod
    def make(cls) -> CorporaResponse:
        bounds = {"steps": STEPS, "batch_size": BATCH_SIZE, "seed": SEED, **MODEL_BOUNDS}
        return cls(
            corpora=[
                CorpusBody(name=c.name, title=str(c.title), description=str(c.description))
                for c in CORPORA
            ],
            presets=[PresetBody.of(preset) for preset in LIVE_PRESETS],
            bounds={name: Bounds(low=low, high=high) for name, (low, high) in bounds.items()},
        )


class TextResponse(BaseModel):
    """An uploaded text, as it would be learned."""

    text: str
    characters: int
    different_characters: int
