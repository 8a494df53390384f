"""Every error that a visitor or a caller can meet; each class carries its HTTP status.

PlaygroundError                 500
├── InvalidInput                400   a value that a person can correct
│   ├── UnknownCharacters       400
│   └── TooLarge                413   a text or an upload beyond the limits
├── ModelNotInitialized         400   the session is there, its model is not yet
├── SessionNotFound             404
├── StepNotFound                404
├── BadCheckpoint               422   a model folder that is refused, and why
│   └── NotAPlaygroundModel     422   a repo that is something else
├── HubError                    502   the Hub's answer is cut, or makes no sense
│   ├── HubRepoNotFound         404
│   ├── HubRevisionNotFound     404
│   ├── HubFileNotFound         404
│   ├── HubForbidden            403   gated, private or disabled
│   ├── HubCommitMoved          409   the repo changed while it was read
│   ├── HubTooLarge             413   beyond the operator's limits
│   ├── HubRateLimited          429
│   ├── HubUnavailable          503   refused, offline, overloaded
│   ├── HubTimeout              504
│   └── DiskFull                507
├── TooManyLoads                503   a bound that protects the others
├── LoadNotFound                404
├── LoadCancelled               409
├── TrainingConflict            409   what a training cannot do in its state
├── TooManyTrainings            429   the queue is full
├── TrainingUnavailable         503   no process can be started
└── GenerationFailed            500   anything that breaks inside

What each says stands in `messages/`; it is put into words when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from playground.i18n.translate import Message


class PlaygroundError(Exception):
    """Base of all; `str(error)` is a sentence for a person, in the language of the visitor who is
    being answered by then."""

    status = 500

    def __init__(self, key: str, /, **params: Any) -> None:
        """key, params: of the message that says it."""
        super().__init__(key)
        self.message = Message(key, params)

    def __str__(self) -> str:
        return str(self.message)


class CommandError(Exception):
    """What a command line cannot do, in a sentence; no visitor ever reads it."""


class InvalidInput(PlaygroundError):
    """A value is invalid. field: dotted path of the request field it came from, None if unknown."""

    status = 400
    field: str | None = None

    def at(self, field: str) -> Self:
        """Set the field and return self: `raise InvalidInput("key").at("model.n_layer")`."""
        self.field = field
        return self


class UnknownCharacters(InvalidInput):
    """Characters outside the vocabulary, each once, in order of appearance."""

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = list(characters)
        super().__init__("errors.unknown_characters", characters=self.characters)


class TooLarge(InvalidInput):
    status = 413


class ModelNotInitialized(PlaygroundError):
    status = 400

    def __init__(self) -> None:
        super().__init__("errors.model_not_initialized")


class SessionNotFound(PlaygroundError):
    status = 404

    def __init__(self) -> None:
        super().__init__("errors.session_not_found")


class StepNotFound(PlaygroundError):
    status = 404

    def __init__(self, step: int, steps: Iterable[int]) -> None:
        listed = ", ".join(map(str, steps))
        super().__init__("errors.step_not_found", step=step, steps=listed)


class BadCheckpoint(PlaygroundError):
    status = 422


class NotAPlaygroundModel(BadCheckpoint):
    """A repo without the files of the layout; the sentence says what was expected and found."""


class HubError(PlaygroundError):
    status = 502


class HubRepoNotFound(HubError):
    status = 404


class HubRevisionNotFound(HubError):
    status = 404


class HubFileNotFound(HubError):
    status = 404


class HubForbidden(HubError):
    status = 403


class HubCommitMoved(HubError):
    status = 409


class HubTooLarge(HubError):
    status = 413


class HubRateLimited(HubError):
    """The Hub answers no more for a while: `retry_after_seconds`, None where it does not say."""

    status = 429

    def __init__(self, retry_after_seconds: int | None) -> None:
        self.retry_after_seconds = retry_after_seconds
        if retry_after_seconds is None:
            super().__init__("hub_errors.rate_limited")
        else:
            super().__init__("hub_errors.rate_limited_seconds", seconds=retry_after_seconds)


class HubUnavailable(HubError):
    status = 503


class HubTimeout(HubError):
    status = 504


class DiskFull(HubError):
    status = 507


class TooManyLoads(PlaygroundError):
    status = 503

    def __init__(self) -> None:
        super().__init__("errors.too_many_loads")


class LoadNotFound(PlaygroundError):
    status = 404

    def __init__(self) -> None:
        super().__init__("errors.load_not_found")


class LoadCancelled(PlaygroundError):
    status = 409

    def __init__(self) -> None:
        super().__init__("errors.load_cancelled")


class TrainingConflict(PlaygroundError):
    status = 409


class TooManyTrainings(PlaygroundError):
    status = 429

    def __init__(self) -> None:
        super().__init__("training.queue_full")


class TrainingUnavailable(PlaygroundError):
    status = 503

    def __init__(self) -> None:
        super().__init__("training.unavailable")


class GenerationFailed(PlaygroundError):
    def __init__(self, reason: str) -> None:
        super().__init__("errors.generation_failed", reason=reason)

    @classmethod
    def because(cls, error: Exception) -> GenerationFailed:
        return cls(str(error) or type(error).__name__)
