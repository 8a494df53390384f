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
"""

from __future__ import annotations

from collections.abc import Iterable


class PlaygroundError(Exception):
    """Base of all; `str(error)` is a sentence for a person."""

    status = 500


class InvalidInput(PlaygroundError):
    status = 400


class UnknownCharacters(InvalidInput):
    """Characters outside the vocabulary, each once, in order of appearance."""

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = list(characters)
        super().__init__(f"Unknown characters: {self.characters}")


class TooLarge(InvalidInput):
    status = 413


class ModelNotInitialized(PlaygroundError):
    status = 400

    def __init__(self) -> None:
        super().__init__("Model not initialized")


class SessionNotFound(PlaygroundError):
    status = 404

    def __init__(self) -> None:
        super().__init__("Session not found")


class StepNotFound(PlaygroundError):
    status = 404

    def __init__(self, step: int, steps: Iterable[int]) -> None:
        listed = ", ".join(map(str, steps))
        super().__init__(f"Step {step} not found; this session has the steps {listed}")


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
        when = "in a few minutes" if retry_after_seconds is None else f"in {retry_after_seconds} s"
        super().__init__(f"The Hub gets too many requests from here; try again {when}")


class HubUnavailable(HubError):
    status = 503


class HubTimeout(HubError):
    status = 504


class DiskFull(HubError):
    status = 507


class TooManyLoads(PlaygroundError):
    status = 503

    def __init__(self) -> None:
        super().__init__("Too many models are being loaded right now; try again in a moment")


class LoadNotFound(PlaygroundError):
    status = 404

    def __init__(self) -> None:
        super().__init__("Load not found; it may have been given up")


class LoadCancelled(PlaygroundError):
    status = 409

    def __init__(self) -> None:
        super().__init__("Loading was cancelled")


class TrainingConflict(PlaygroundError):
    status = 409


class TooManyTrainings(PlaygroundError):
    status = 429

    def __init__(self) -> None:
        super().__init__("All places in the queue are taken; try again in a few minutes")


class TrainingUnavailable(PlaygroundError):
    status = 503

    def __init__(self) -> None:
        super().__init__("Training is not available right now; try again in a moment")


class GenerationFailed(PlaygroundError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"Generation failed: {reason}")

    @classmethod
    def because(cls, error: Exception) -> GenerationFailed:
        return cls(str(error) or type(error).__name__)
