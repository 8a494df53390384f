"""Schemas of the sessions and of loads from the Hub."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from playground.api.schemas.base import RequestBody
from playground.checkpoints.schema import SamplingDefaults
from playground.errors import PlaygroundError
from playground.hub.address import ADDRESS_MAX
from playground.hub.listing import PublishedModel
from playground.lm.tokenizer import Kind
from playground.lm.vocabulary import Vocabulary
from playground.service.loads import Load, LoadState
from playground.service.sessions import Session, Source
from playground.settings import TokenDtype

REVISION_MAX = 200  # characters


class LoadRequest(RequestBody):
    """A model repo on the Hub: `owner/name`, `owner/name@revision`, or the address of its page."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"repo_id": "owner/name"}]})

    repo_id: str = Field(min_length=1, max_length=ADDRESS_MAX)
    revision: str | None = Field(
        None,
        max_length=REVISION_MAX,
        description="Branch, tag or commit; the main branch by default.",
    )

    @property
    def address(self) -> str:
        """Repo and revision as one text, as they were typed."""
        return f"{self.repo_id.strip()}@{self.revision or ''}"


class CheckpointBody(BaseModel):
    """A training step that can be played with. Losses in nats per character, whatever tokens are.

    val_loss: in windows of block_size side by side. sliding_val_loss: on the same text, each
    token given the last block_size before it, as /api/score measures; null where it was not.
    """

    model_config = ConfigDict(from_attributes=True)

    step: int
    tokens: int
    train_loss: float | None
    val_loss: float | None
    sliding_val_loss: float | None


_NO_MODEL: dict[str, Any] = {
    "description": "",
    "corpus": "",
    "prompt": "",
    "sampling": None,
    "end_token": None,
    "end_tokens": [],
    "start_token": None,
    "tokenizer": "characters",
    "characters_per_token": None,
    "params": None,
    "dtype": None,
    "block_size": None,
    "vocab_size": None,
    "step": None,
    "steps": [],
    "val_loss": None,
    "sliding_val_loss": None,
    "checkpoints": [],
}


class SessionBody(BaseModel):
    """A session; the numbers are null while it has no model yet.

    tokenizer: what its tokens are: characters, or pieces of text that a tokenizer makes, whose
    number is vocab_size; block_size is counted in them.
    characters_per_token: of its validation text, by which losses per character are those per token;
    null for characters, and where it is not known.
    dtype: of its weights in memory; int8 and bfloat16 are rounded, and its odds with them.
    sampling: how its tokens are best sampled; null for the top choice.
    end_tokens: each of them ends a text; end_token is the first, null without one.
    start_token: an empty context, after which a text's first token is scored; null without one.
    repo_id, commit: where a session from the Hub came from, null for others. revision: names these
    very weights, null while they change: the commit, or a digest of a bundled model. cached: it is
    the copy that was here already, and the Hub was not asked, or did not answer.
    """

    session_id: str
    name: str
    source: Source
    description: str
    corpus: str
    prompt: str
    sampling: SamplingDefaults | None
    end_token: str | None
    end_tokens: list[str]
    start_token: str | None
    tokenizer: Kind
    characters_per_token: float | None
    params: int | None
    dtype: TokenDtype | None
    block_size: int | None
    vocab_size: int | None
    step: int | None
    steps: list[int]
    val_loss: float | None
    sliding_val_loss: float | None
    checkpoints: list[CheckpointBody]
    repo_id: str | None
    commit: str | None
    revision: str | None
    cached: bool

    @classmethod
    def from_session(cls, session: Session) -> Self:
        """The session with its texts in the current locale."""
        return cls(**cls._values(session))

    @classmethod
    def _values(cls, session: Session) -> dict[str, Any]:
        origin = session.origin
        values: dict[str, Any] = {
            "session_id": session.session_id,
            "source": session.source,
            "repo_id": origin.repo_id if origin else None,
            "commit": origin.commit if origin else None,
            "revision": session.revision,
            "cached": session.cached,
        }
        if (run := session.run) is None:
            return _NO_MODEL | {"name": session.session_id} | values
        config, last = run.config, run.checkpoints[-1]
        localized = {name: str(text) for name, text in session.localized_fields.items()}
        return values | {
            "name": config.name,
            "description": config.description,
            "corpus": config.corpus,
            "prompt": config.prompt,
            "sampling": config.sampling,
            "end_token": config.end_token,
            "end_tokens": run.end_tokens,
            "start_token": run.start_token,
            "tokenizer": run.vocabulary.kind,
            "characters_per_token": config.characters_per_token,
            "params": run.n_params,
            "dtype": run.dtype,
            "block_size": run.model_config.block_size,
            "vocab_size": run.model_config.vocab_size,
            "step": last.step,
            "steps": run.steps,
            "val_loss": last.val_loss,
            "sliding_val_loss": last.sliding_val_loss,
            "checkpoints": [CheckpointBody.model_validate(entry) for entry in run.checkpoints],
            **localized,
        }


class SessionDetailBody(SessionBody):
    """A session with its vocabulary: the characters it knows, in the order of their ids.

    Empty where tokens are no characters; there are too many to be sent.
    """

    vocabulary: list[str]

    @classmethod
    def _values(cls, session: Session) -> dict[str, Any]:
        vocabulary = session.run.vocabulary if session.run else None
        characters = vocabulary.characters if isinstance(vocabulary, Vocabulary) else ()
        return super()._values(session) | {"vocabulary": list(characters)}


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
    def from_load(cls, load: Load[Session]) -> Self:
        """The load with its session or its error, in the current locale, once it has ended."""
        error = session = None
        if load.state != "loading":
            try:
                session = SessionDetailBody.from_session(load.result())
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


class ModelsResponse(BaseModel):
    models: list[PublishedModel]
