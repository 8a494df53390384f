"""The messages between the server and a training worker: one JSON object a line.

The server sends a TrainJob, then commands; the worker sends events. `decode_command` and
`decode_event` reject messages that are not defined here.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from playground.checkpoints.schema import CheckpointEntry
from playground.training.corpora import CorpusName

_STRICT = ConfigDict(extra="forbid")

EndReason = Literal["done", "stopped", "diverged", "memory", "short", "failed"]


# --- Commands: server -> worker ---------------------------------------------------------------


@dataclass(frozen=True, config=_STRICT)
class TrainJob:
    """What to train on, and where to write; the first message.

    model, params: the fields of ModelConfig but vocab_size, and of TrainingParams.
    vocab_size: of the word pieces to learn first; None where tokens are characters.
    paused: wait for a command first; steps: updates to make before that.
    """

    folder: str
    corpus: CorpusName
    text_path: str | None
    model: dict[str, Any]
    params: dict[str, Any]
    memory_bytes: int
    vocab_size: int | None = None
    paused: bool = False
    steps: int = 0
    steps_per_second: float | None = None
    do: Literal["train"] = "train"


@dataclass(frozen=True, config=_STRICT)
class Pause:
    """Wait before the next update."""

    do: Literal["pause"] = "pause"


@dataclass(frozen=True, config=_STRICT)
class Resume:
    """Continue without waiting."""

    do: Literal["resume"] = "resume"


@dataclass(frozen=True, config=_STRICT)
class Step:
    """Make one update, then wait."""

    do: Literal["step"] = "step"


@dataclass(frozen=True, config=_STRICT)
class Stop:
    """Save the state and exit."""

    do: Literal["stop"] = "stop"


@dataclass(frozen=True, config=_STRICT)
class SetSpeed:
    """Limit the updates per second; None is no limit."""

    steps_per_second: float | None
    do: Literal["speed"] = "speed"


Command = TrainJob | Pause | Resume | Step | Stop | SetSpeed

# --- Events: worker -> server -----------------------------------------------------------------


@dataclass(frozen=True, config=_STRICT)
class Started:
    """The worker process runs."""

    pid: int
    kind: Literal["started"] = "started"


@dataclass(frozen=True, config=_STRICT)
class TokenizerLearned:
    """The merges of the word pieces, in their order: (left, right, how often they occurred)."""

    merges: list[tuple[str, str, int]]
    kind: Literal["tokenizer"] = "tokenizer"


@dataclass(frozen=True, config=_STRICT)
class Ready:
    """The corpus is read and the model built; training continues after `step`.

    vocabulary: the characters that are tokens; None where a tokenizer.json lies in the folder.
    characters_per_token: of the validation part, None for characters.
    baselines: the fields of corpora.Baselines, nats per character.
    """

    step: int
    vocab_size: int
    vocabulary: str | None
    characters_per_token: float | None
    prompt: str
    end_token: str | None
    baselines: dict[str, float]
    kind: Literal["ready"] = "ready"


@dataclass(frozen=True, config=_STRICT)
class Updates:
    """Updates since the last such event: (step, batch loss in nats per character, fraction of the
    peak rate).
    """

    rows: list[tuple[int, float, float]]
    steps_per_second: float
    kind: Literal["updates"] = "updates"


@dataclass(frozen=True, config=_STRICT)
class Evaluated:
    """Validation loss in nats per character, and samples, after a step.

    answers: (question, right answer, the model's) of each of the corpus's problems.
    """

    step: int
    val_loss: float
    prompt: str
    greedy: str
    sampled: str
    answers: list[tuple[str, str, str]]
    kind: Literal["evaluation"] = "evaluation"


@dataclass(frozen=True, config=_STRICT)
class CheckpointWritten:
    """Weights are on disk; their line of the index."""

    entry: CheckpointEntry
    kind: Literal["checkpoint"] = "checkpoint"


@dataclass(frozen=True, config=_STRICT)
class Paused:
    """The worker waits for a command; everything is flushed."""

    kind: Literal["paused"] = "paused"


@dataclass(frozen=True, config=_STRICT)
class Ended:
    """The worker is about to exit; reason: of a failure, for the log and the visitor."""

    why: EndReason
    reason: str = ""
    kind: Literal["end"] = "end"


Event = (
    Started | TokenizerLearned | Ready | Updates | Evaluated | CheckpointWritten | Paused | Ended
)

_COMMANDS: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="do")])
_EVENTS: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def encode(message: Command | Event) -> bytes:
    """A message as one line of JSON."""
    return json.dumps(dataclasses.asdict(message), default=_as_dict).encode() + b"\n"


def decode_command(line: bytes | str) -> Command:
    """A command from its line. Raises pydantic.ValidationError."""
    return _COMMANDS.validate_json(line)


def decode_event(line: bytes | str) -> Event:
    """An event from its line. Raises pydantic.ValidationError."""
    return _EVENTS.validate_json(line)


def _as_dict(value: object) -> object:
    if isinstance(value, CheckpointEntry):
        return value.model_dump()
    raise TypeError(f"{type(value).__name__} is not JSON")
