"""What the API takes and gives. The bounds are those of `lm.sampling` and `runs.service`."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from playground.errors import PlaygroundError
from playground.hub.address import ADDRESS_MAX
from playground.hub.listing import PublishedModel
from playground.lm.generation import Step
from playground.lm.sampling import SEED_MAX, TEMPERATURE_MAX, TOP_K_MAX, SamplingParams
from playground.service.loads import Load, LoadState
from playground.service.playground import CONTEXT_MAX, TOKENS_MAX, Generation
from playground.service.sessions import Session

SessionId = Annotated[
    str,
    Field(min_length=1, max_length=300, description="A session's name, as /api/sessions lists."),
]
Text = Annotated[str, Field(min_length=1, max_length=CONTEXT_MAX)]


class NextTokenRequest(BaseModel):
    """A text, and how its next token is to be picked."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        json_schema_extra={
            "examples": [{"session_id": "shakespeare", "context": "Hello wor", "temperature": 1.0}]
        },
    )

    session_id: SessionId
    context: Text = Field(
        description="The text so far; the model sees its last block_size characters."
    )
    temperature: float = Field(
        ge=0,
        le=TEMPERATURE_MAX,
        description="0 is the top choice; the probabilities are then those of temperature 1.",
    )
    step: int | None = Field(
        None, ge=0, le=SEED_MAX, description="Training step of the checkpoint; the last by default."
    )
    top_k: int = Field(0, ge=0, le=TOP_K_MAX, description="Keep the k most probable; 0 is off.")
    top_p: float = Field(1.0, gt=0, le=1, description="Keep a nucleus of probability p; 1 is off.")
    seed: int | None = Field(
        None, ge=0, le=SEED_MAX, description="Each draw depends on (seed, position) alone."
    )
    position: int | None = Field(
        None,
        ge=0,
        le=SEED_MAX,
        description="Absolute index of the character to come; len(context) by default.",
    )

    def sampling(self) -> SamplingParams:
        """The sampling parameters; a request without a seed gets a new one."""
        seed = secrets.randbelow(SEED_MAX + 1) if self.seed is None else self.seed
        return SamplingParams(self.temperature, self.top_k, self.top_p, seed)


class GenerateRequest(NextTokenRequest):
    """A text, and how many characters are to be appended to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"session_id": "shakespeare", "context": "Hello wor", "temperature": 0.8, "n": 20}
            ]
        }
    )

    n: int = Field(ge=1, le=TOKENS_MAX, description="Number of characters to append.")


class SubstituteRequest(BaseModel):
    """A text that may hold characters which a session's model does not know."""

    model_config = ConfigDict(extra="forbid", strict=True)

    session_id: SessionId
    text: str = Field(max_length=CONTEXT_MAX)


class LoadRequest(BaseModel):
    """A model repo on the Hub: `owner/name`, `owner/name@revision`, or the address of its page."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"repo_id": "owner/name"}]}
    )

    repo_id: str = Field(min_length=1, max_length=ADDRESS_MAX)
    revision: str | None = Field(
        None, max_length=200, description="Branch, tag or commit; the main branch by default."
    )


class Probability(BaseModel):
    token: str
    prob: float


class Rest(BaseModel):
    """The tokens below the listed ones: how many, and their probability together."""

    count: int
    prob: float


class NextTokenResponse(BaseModel):
    """The token that was picked, and the distribution it was picked from.

    probabilities: the 10 most probable, descending; after temperature, before top_k and top_p.
    """

    next_token: str
    probabilities: list[Probability]
    context_used: str
    other: Rest
    position: int
    seed: int
    session_id: str
    step: int


class StepBody(BaseModel):
    """One character: where it stands, what it is, and what it was chosen from."""

    position: int
    token: str
    prob: float
    candidates: list[Probability]
    other: Rest
    kept: int = Field(description="So many of the most probable are left by top_k and top_p.")

    @classmethod
    def of(cls, step: Step) -> StepBody:
        return cls(
            position=step.position,
            token=step.token,
            prob=step.prob,
            candidates=[Probability(token=c.token, prob=c.prob) for c in step.candidates],
            other=Rest(count=step.other.count, prob=step.other.prob),
            kept=step.kept,
        )


class GenerateResponse(BaseModel):
    steps: list[StepBody]
    context_used: str
    seed: int
    session_id: str
    step: int

    @classmethod
    def of(cls, generation: Generation, steps: list[Step], seed: int) -> GenerateResponse:
        return cls(
            steps=[StepBody.of(step) for step in steps],
            context_used=generation.context_used,
            seed=seed,
            session_id=generation.session.session_id,
            step=generation.step,
        )

    def next_token(self) -> NextTokenResponse:
        """The first step in the form of a next token."""
        first = self.steps[0]
        return NextTokenResponse(
            next_token=first.token,
            probabilities=first.candidates,
            context_used=self.context_used,
            other=first.other,
            position=first.position,
            seed=self.seed,
            session_id=self.session_id,
            step=self.step,
        )


class CheckpointBody(BaseModel):
    """A training step that can be played with. Losses in nats per character."""

    step: int
    tokens: int
    train_loss: float | None
    val_loss: float | None


class SessionBody(BaseModel):
    """A session; the numbers are null while it has no model yet.

    repo_id, commit: where a session from the Hub came from, null for others. revision: names these
    very weights, null while they change: the commit, or a digest of a bundled model. cached: it is
    the copy that was here already, and the Hub was not asked, or did not answer.
    """

    session_id: str
    name: str
    source: Literal["bundled", "hub", "live"]
    description: str
    corpus: str
    prompt: str
    end_token: str | None
    params: int | None
    block_size: int | None
    vocab_size: int | None
    step: int | None
    steps: list[int]
    val_loss: float | None
    checkpoints: list[CheckpointBody]
    repo_id: str | None
    commit: str | None
    revision: str | None
    cached: bool

    @classmethod
    def of(cls, session: Session) -> SessionBody:
        return cls(**cls._values(session))

    @staticmethod
    def _values(session: Session) -> dict[str, object]:
        run = session.run
        config = run.config if run else None
        words = {name: str(text) for name, text in session.localized_fields.items()}
        last = run.checkpoints[-1] if run else None
        return {
            "session_id": session.session_id,
            "source": session.source,
            "name": config.name if config else session.session_id,
            "description": config.description if config else "",
            "corpus": config.corpus if config else "",
            **(words if config else {}),
            "prompt": config.prompt if config else "",
            "end_token": config.end_token if config else None,
            "params": run.n_params if run else None,
            "block_size": run.model_config.block_size if run else None,
            "vocab_size": run.model_config.vocab_size if run else None,
            "step": last.step if last else None,
            "steps": run.steps if run else [],
            "val_loss": last.val_loss if last else None,
            "checkpoints": [
                CheckpointBody(**entry.model_dump(include=set(CheckpointBody.model_fields)))
                for entry in (run.checkpoints if run else ())
            ],
            "repo_id": session.origin.repo_id if session.origin else None,
            "commit": session.origin.commit if session.origin else None,
            "revision": session.revision,
            "cached": session.cached,
        }


class SessionDetailBody(SessionBody):
    """A session with its vocabulary: the characters it knows, in the order of their ids."""

    vocabulary: list[str]

    @classmethod
    def of(cls, session: Session) -> SessionDetailBody:
        characters = session.run.vocabulary.characters if session.run else ()
        return cls(**cls._values(session), vocabulary=list(characters))


class SessionsResponse(BaseModel):
    sessions: list[SessionBody]


class LoadBody(BaseModel):
    """A load from the Hub under way, or ended.

    bytes, total_bytes: of the weights; null until it is known how many there are. error: a sentence
    for a person, once it has failed or was cancelled. session: once it is done.
    """

    load_id: str
    state: LoadState
    bytes: int
    total_bytes: int | None
    error: str | None
    session: SessionDetailBody | None

    @classmethod
    def of(cls, load: Load[Session]) -> LoadBody:
        error = session = None
        if load.state != "loading":
            try:
                session = SessionDetailBody.of(load.result())
            except PlaygroundError as failed:
                error = str(failed)
        return cls(
            load_id=load.load_id,
            state=load.state,
            bytes=load.done_bytes,
            total_bytes=load.total_bytes,
            error=error,
            session=session,
        )


class PublishedModelBody(BaseModel):
    """A playground model on the Hub. params: null where the Hub does not say."""

    repo_id: str
    likes: int
    downloads: int
    params: int | None
    last_modified: datetime | None

    @classmethod
    def of(cls, model: PublishedModel) -> PublishedModelBody:
        return cls(**{name: getattr(model, name) for name in cls.model_fields})


class ModelsResponse(BaseModel):
    models: list[PublishedModelBody]


class SubstituteResponse(BaseModel):
    """text: with each unknown character replaced by a near known one, or dropped.

    replaced: what became of each unknown character; "" where it was dropped.
    """

    text: str
    replaced: dict[str, str]


class HealthResponse(BaseModel):
    """refused: folders in models/ and featured repos that are not offered, and why."""

    status: Literal["ok"]
    sessions: int
    refused: dict[str, str]


class ErrorBody(BaseModel):
    error: str
