"""Schemas of the training routes.

Bounds marked `_documented` are shown in OpenAPI and enforced by training/plans.py, whose messages
say more than pydantic's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from playground.api.schemas.base import RequestBody
from playground.checkpoints.schema import NAME_MAX
from playground.tokenization.byte_pairs import VOCAB_SIZE
from playground.training.corpora import CorpusName, TokenizerName
from playground.training.job import TrainingJob
from playground.training.presets import (
    BATCH_SIZE,
    DEFAULT_PRESET,
    LIVE_PRESETS,
    MODEL_BOUNDS,
    SEED,
    STEPS,
    PresetName,
    learning_rate_bounds,
)
from playground.training.state import RESUMABLE, State
from playground.training.texts import TEXT_MAX

SPEED_MAX = 1000.0  # updates per second


def _documented(json_type: str, low: float, high: float) -> WithJsonSchema:
    """Bounds shown in OpenAPI and enforced by training/plans.py."""
    return WithJsonSchema({"type": json_type, "minimum": low, "maximum": high})


def _learning_rate_range() -> tuple[float, float]:
    """The range over all presets; each has its own within."""
    bounds = [learning_rate_bounds(preset.name) for preset in LIVE_PRESETS]
    return min(low for low, _ in bounds), max(high for _, high in bounds)


Steps = Annotated[int, _documented("integer", *STEPS)]
Seed = Annotated[int, _documented("integer", *SEED)]
BatchSize = Annotated[int, _documented("integer", *BATCH_SIZE)]
LearningRate = Annotated[float, _documented("number", *_learning_rate_range())]
Layers = Annotated[int, _documented("integer", *MODEL_BOUNDS["n_layer"])]
Heads = Annotated[int, _documented("integer", *MODEL_BOUNDS["n_head"])]
Width = Annotated[int, _documented("integer", *MODEL_BOUNDS["n_embd"])]
BlockSize = Annotated[int, _documented("integer", *MODEL_BOUNDS["block_size"])]
_VISITOR = re.compile(r"^[A-Za-z0-9_-]{16,64}$")


def _check_visitor(visitor: str) -> str:
    if not _VISITOR.fullmatch(visitor):
        raise PydanticCustomError("visitor", "no identifier of a visitor")
    return visitor


def _check_name(name: str) -> str:
    if name.isspace():
        raise PydanticCustomError("blank", "nothing but spaces")
    return name


Visitor = Annotated[
    str,
    AfterValidator(_check_visitor),  # in words, where pydantic's error is the pattern
    Field(
        json_schema_extra={"pattern": _VISITOR.pattern},
        description="Random identifier, chosen by the caller and kept secret.",
    ),
]


class ModelSize(RequestBody):
    """What of the model's shape may be set: layers, heads, width, context."""

    n_layer: Layers | None = Field(default=None, description="Layers.")
    n_head: Heads | None = Field(default=None, description="Attention heads in a layer.")
    n_embd: Width | None = Field(default=None, description="Width, a multiple of twice the heads.")
    block_size: BlockSize | None = Field(
        default=None, description="Characters that the model sees."
    )


class TrainingRequest(RequestBody):
    """What to learn, and how; all but the visitor has a default."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"visitor": "3f9c0b7a52d14e86", "corpus": "tales"}]}
    )

    visitor: Visitor
    corpus: CorpusName | None = Field(
        None, description='By default "tales", or "text" where there is one.'
    )
    text: str | None = Field(
        None,
        description=f"A text of one's own, up to {TEXT_MAX} characters. Every line end is learned "
        "as a line feed, and a byte order mark is left out.",
    )
    preset: PresetName = DEFAULT_PRESET
    tokenizer: TokenizerName = Field(
        "characters",
        description=f"What a token is: a character, or one of {VOCAB_SIZE} word pieces that are "
        "learned from the text first (byte-level BPE).",
    )
    steps: Steps | None = Field(None, description="Updates; the preset's by default.")
    seed: Seed | None = Field(
        None, description="Of the first weights, the batches and the samples."
    )
    learning_rate: LearningRate | None = Field(
        None, description="Peak rate; the preset's by default."
    )
    batch_size: BatchSize | None = Field(None, description="Windows in an update.")
    model: ModelSize = ModelSize()
    paused: bool = Field(False, description="Wait for the first step.")
    steps_per_second: float | None = Field(None, gt=0, le=SPEED_MAX)


class SpeedRequest(RequestBody):
    steps_per_second: float | None = Field(
        gt=0, le=SPEED_MAX, description="Null is as fast as it goes."
    )


class RenameRequest(RequestBody):
    name: Annotated[str, AfterValidator(_check_name)] = Field(
        min_length=1, max_length=NAME_MAX, json_schema_extra={"pattern": r"\S"}
    )


def _named_answers(answers: Iterable[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [{"question": q, "answer": answer, "said": said} for q, answer, said in answers]


class BaselinesBody(BaseModel):
    """Validation losses of count-based models: uniform, unigram, bigram."""

    model_config = ConfigDict(from_attributes=True)

    uniform: float
    letters: float = Field(validation_alias="unigram")
    pairs: float = Field(validation_alias="bigram")


class LossBody(BaseModel):
    """The loss of an update's batch, in nats per character, and its learning rate."""

    step: int
    loss: float
    learning_rate: float


class ProblemAnswer(BaseModel):
    """A problem outside the training text: how its line ends, and what the model wrote."""

    question: str
    answer: str
    said: str


class EvaluationBody(BaseModel):
    """What the model could do at a step; accuracy is the fraction of problems solved."""

    model_config = ConfigDict(from_attributes=True)

    step: int
    val_loss: float
    prompt: str
    greedy: str
    sampled: str
    accuracy: float | None
    answers: Annotated[list[ProblemAnswer], BeforeValidator(_named_answers)]


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
    def from_job(
        cls, job: TrainingJob, position: int | None, estimate_seconds: float | None
    ) -> Self:
        """A summary with its texts in the current locale."""
        return cls(**_summary(job, position, estimate_seconds))


class TrainingBody(TrainingSummary):
    """A training in full; `losses` are those after the step that was asked for, `evaluations` too,
    and the one at that step.

    whole: they are the whole history, and replace any earlier response.
    """

    tokenizer: TokenizerName | None
    merges: int = Field(description="Number of merges of its word pieces, once they are learned.")
    whole: bool
    losses: list[LossBody]
    evaluations: list[EvaluationBody]
    checkpoints: list[int]
    landmarks: BaselinesBody | None
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
    def from_job_since(
        cls, job: TrainingJob, position: int | None, estimate_seconds: float | None, since: int
    ) -> Self:
        """The job with its history after the step `since`, -1 for all of it."""
        plan, run = job.plan, job.run
        if since > job.step:  # the job was rewound to a checkpoint
            since = -1
        peak = plan.learning_rate if plan else 0.0
        return cls(
            **_summary(job, position, estimate_seconds),
            **_settings(job),
            merges=len(job.merges),
            whole=since < 0,
            losses=[
                LossBody(step=step, loss=loss, learning_rate=fraction * peak)
                for step, loss, fraction in job.points(since)
            ],
            # At `since` too: a step's evaluation arrives after its loss.
            evaluations=[
                EvaluationBody.model_validate(e) for e in job.evaluations if e.step >= since
            ],
            checkpoints=run.steps if run else [],
            landmarks=BaselinesBody.model_validate(job.baselines) if job.baselines else None,
            params=run.n_params if run else None,
            vocab_size=job.vocab_size,
            tokens=_tokens(job),
            learning_rate=job.losses[-1][2] * peak if job.losses else None,
            speed=job.speed,
            steps_per_second=job.steps_per_second,
            seconds_left=job.seconds_left if job.is_active else None,
        )


def _summary(
    job: TrainingJob, position: int | None, estimate_seconds: float | None
) -> dict[str, Any]:
    plan = job.plan
    return {
        "session_id": job.session_id,
        "name": job.name or str(job.title),
        "kept": job.name is not None,
        "state": job.state,
        "note": str(job.note) if job.note else None,
        "corpus": job.corpus,
        "preset": plan.preset if plan else None,
        "step": job.step,
        "steps": plan.params.steps if plan else job.step,
        "ready": job.run is not None,
        "can_resume": job.can_resume and job.state in RESUMABLE,
        "position": position,
        "estimate_seconds": estimate_seconds,
    }


def _settings(job: TrainingJob) -> dict[str, Any]:
    """What was planned; of an uploaded model only its block size is known."""
    if (plan := job.plan) is None:
        block_size = job.run.model_config.block_size if job.run else None
        unknown = dict.fromkeys(("batch_size", "seed", "peak_learning_rate", "tokenizer"))
        return {"block_size": block_size, **unknown}
    return {
        "block_size": plan.model["block_size"],
        "batch_size": plan.params.batch_size,
        "seed": plan.params.seed,
        "peak_learning_rate": plan.learning_rate,
        "tokenizer": "characters" if plan.vocab_size is None else "bpe",
    }


def _tokens(job: TrainingJob) -> int:
    """Tokens seen in training so far."""
    if job.plan is None:
        return job.run.checkpoints[-1].tokens if job.run else 0
    return int(job.step * job.plan.params.batch_size * job.plan.model["block_size"])


class MergeBody(BaseModel):
    """Two tokens that became one, and how often they stood side by side in the text then."""

    model_config = ConfigDict(from_attributes=True)

    left: str
    right: str
    count: int


class MergesResponse(BaseModel):
    """The merges in the order in which they were learned."""

    merges: list[MergeBody]


class TrainingsResponse(BaseModel):
    trainings: list[TrainingSummary]
