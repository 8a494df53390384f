"""The error hierarchy: each class defines its HTTP status, each error is a translatable message.

PlaygroundError                 500
├── InvalidInput                400
│   ├── UnknownCharacters       400
│   └── TooLarge                413
├── ModelNotInitialized         400
├── SessionNotFound             404
├── StepNotFound                404
├── BadCheckpoint               422
│   ├── LogitsNotFinite         422
│   └── NotAPlaygroundModel     422
├── HubError                    502
│   ├── HubRepoNotFound         404
│   ├── HubRevisionNotFound     404
│   ├── HubFileNotFound         404
│   ├── HubForbidden            403
│   ├── HubCommitMoved          409
│   ├── HubTooLarge             413
│   ├── HubRateLimited          429
│   ├── HubUnavailable          503
│   ├── HubTimeout              504
│   └── DiskFull                507
├── Overloaded                  503
├── EngineUnavailable           503
├── TooManyLoads                503
├── LoadNotFound                404
├── LoadCancelled               409
├── TrainingConflict            409
├── TooManyTrainings            429
├── RateLimited                 429
├── Misdirected                 421
├── TrainingUnavailable         503
└── GenerationFailed            500

The first line of a class's docstring is its description in the API's documentation. The messages
are in `i18n/locales` and are translated when an error is formatted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from playground.i18n.translate import Message


class PlaygroundError(Exception):
    """Base class of the errors that a visitor or a caller of the API can receive.

    `str(error)` is the message in the current locale. retry_after_seconds: when to try again, where
    that is known. field: dotted path of the request field at fault, None if unknown.
    """

    status: ClassVar[int] = 500
    retry_after_seconds: int | None = None
    field: str | None = None

    def __init__(self, key: str, /, **params: Any) -> None:
        """key, params: message key and parameters, as for `translate`."""
        super().__init__(key)
        self.message = Message(key, params)

    def __str__(self) -> str:
        return str(self.message)

    def at(self, field: str) -> Self:
        """Set the field and return self: `raise InvalidInput("key").at("model.n_layer")`."""
        self.field = field
        return self


class CommandError(Exception):
    """A command line cannot be executed; the text is printed to stderr."""


class InvalidInput(PlaygroundError):
    """A value is invalid."""

    status = 400


class UnknownCharacters(InvalidInput):
    """The text has characters outside the vocabulary.

    characters: each once, in order of appearance.
    """

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = list(characters)
        super().__init__("errors.unknown_characters", characters=self.characters)


class TooLarge(InvalidInput):
    """The body, the text or the model is too large."""

    status = 413


class UnreadEncoding(InvalidInput):
    """The body has an encoding that is not read."""

    status = 415


class ModelNotInitialized(PlaygroundError):
    """The session has no model yet."""

    status = 400

    def __init__(self) -> None:
        super().__init__("errors.model_not_initialized")


class SessionNotFound(PlaygroundError):
    """The session does not exist."""

    status = 404

    def __init__(self) -> None:
        super().__init__("errors.session_not_found")


class StepNotFound(PlaygroundError):
    """The session has no checkpoint of this step."""

    status = 404

    def __init__(self, step: int, steps: Iterable[int]) -> None:
        """steps: those that the session has."""
        listed = ", ".join(map(str, steps))
        super().__init__("errors.step_not_found", step=step, steps=listed)


class BadCheckpoint(PlaygroundError):
    """The checkpoint is invalid."""

    status = 422


class LogitsNotFinite(BadCheckpoint):
    """The model's logits after some texts are no finite numbers. rows: those of the batch."""

    def __init__(self, rows: Iterable[int]) -> None:
        super().__init__("transformers.answers_not_finite")
        self.rows = tuple(rows)


class NotAPlaygroundModel(BadCheckpoint):
    """The repo lacks files of the checkpoint format."""


class HubError(PlaygroundError):
    """The Hub's response is truncated or malformed."""

    status = 502


class HubRepoNotFound(HubError):
    """The Hub has no such repo."""

    status = 404


class HubRevisionNotFound(HubError):
    """The repo has no such revision."""

    status = 404


class HubFileNotFound(HubError):
    """The repo has no such file."""

    status = 404


class HubForbidden(HubError):
    """The repo is gated, private or disabled."""

    status = 403


class HubCommitMoved(HubError):
    """The repo changed while it was read."""

    status = 409


class HubTooLarge(HubError):
    """The model exceeds the server's limits."""

    status = 413


class HubRateLimited(HubError):
    """The Hub's rate limit for this server is exceeded.

    retry_after_seconds: as in the Hub's response, None if it has no such header.
    """

    status = 429

    def __init__(self, retry_after_seconds: int | None) -> None:
        self.retry_after_seconds = retry_after_seconds
        if retry_after_seconds is None:
            super().__init__("hub_errors.rate_limited")
        else:
            super().__init__("hub_errors.rate_limited_seconds", seconds=retry_after_seconds)


class HubUnavailable(HubError):
    """The Hub cannot be reached."""

    status = 503


class HubTimeout(HubError):
    """The Hub did not respond in time."""

    status = 504


class DiskFull(HubError):
    """The server's disk is full."""

    status = 507


class Overloaded(PlaygroundError):
    """More is being generated than can be done in time."""

    status = 503

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("errors.overloaded")
        self.retry_after_seconds = retry_after_seconds


class ModelLoading(PlaygroundError):
    """The model is still being loaded, for longer than the request waits."""

    status = 503
    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("errors.model_loading")


class EngineUnavailable(PlaygroundError):
    """The engine, which runs elsewhere, does not answer."""

    status = 503
    retry_after_seconds = 2

    def __init__(self) -> None:
        super().__init__("errors.engine_unavailable")


class TooManyLoads(PlaygroundError):
    """The number of concurrent loads is at its limit."""

    status = 503

    def __init__(self) -> None:
        super().__init__("errors.too_many_loads")


class LoadNotFound(PlaygroundError):
    """The load does not exist."""

    status = 404

    def __init__(self) -> None:
        super().__init__("errors.load_not_found")


class LoadCancelled(PlaygroundError):
    """The load was cancelled."""

    status = 409

    def __init__(self) -> None:
        super().__init__("errors.load_cancelled")


class TrainingConflict(PlaygroundError):
    """The operation is not allowed in the training's state."""

    status = 409


class TooManyTrainings(PlaygroundError):
    """The training queue is full."""

    status = 429

    def __init__(self) -> None:
        super().__init__("training.queue_full")


class RateLimited(PlaygroundError):
    """The client address has started as many as it may for now."""

    status = 429

    def __init__(self, key: str, retry_after_seconds: int) -> None:
        """key: of a message that has `seconds`."""
        super().__init__(key, seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class Misdirected(PlaygroundError):
    """Another replica has it.

    replica: its name. otherwise: the error where that replica cannot be reached.
    """

    status = 421

    def __init__(self, replica: str, otherwise: PlaygroundError) -> None:
        super().__init__(otherwise.message.key, **otherwise.message.params)
        self.replica = replica
        self.otherwise = otherwise


class TrainingUnavailable(PlaygroundError):
    """No worker process can be started."""

    status = 503

    def __init__(self) -> None:
        super().__init__("training.unavailable")


class GenerationFailed(PlaygroundError):
    """An unexpected error occurred."""

    status = 500

    def __init__(self, reason: str) -> None:
        super().__init__("errors.generation_failed", reason=reason)

    @classmethod
    def because(cls, error: Exception) -> Self:
        """Wrap an unexpected exception; its text, or the name of its class, is the reason."""
        return cls(str(error) or type(error).__name__)
