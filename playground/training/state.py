"""The state machine of a live training: which command is allowed in which state, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from playground.errors import TrainingConflict
from playground.i18n.translate import Message

State = Literal["queued", "starting", "training", "pausing", "paused", "stopped", "done", "failed"]
Command = Literal["pause", "resume", "step", "stop"]


@dataclass(frozen=True, slots=True)
class To:
    """The state after a command: while the job has a worker process, and without one.

    None where that combination does not occur. Commands that a worker carries out later leave the
    state as it is; the worker's events change it (see TrainingJob.apply).
    """

    with_worker: State | None
    without: State | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The message key of the conflict that a command raises."""

    key: str


_UNDER_WAY = Refused("training.under_way")
_AT_END = Refused("training.at_its_end")
_NOT_RUNNING = Refused("training.nothing_to_pause")
_ENDED = Refused("training.stopped_already")

TRANSITIONS: Mapping[State, Mapping[Command, To | Refused]] = {
    "queued": {
        "pause": To(None, "paused"),
        "resume": _UNDER_WAY,
        "step": _UNDER_WAY,
        "stop": To(None, "stopped"),
    },
    "starting": {
        "pause": To("pausing", None),
        "resume": _UNDER_WAY,
        "step": _UNDER_WAY,
        "stop": To("starting", None),
    },
    "training": {
        "pause": To("pausing", None),
        "resume": _UNDER_WAY,
        "step": _UNDER_WAY,
        "stop": To("training", None),
    },
    "pausing": {
        "pause": To("pausing", None),
        "resume": To("training", None),
        "step": To("pausing", None),
        "stop": To("pausing", None),
    },
    "paused": {
        "pause": _NOT_RUNNING,
        "resume": To("training", "queued"),
        "step": To("paused", "queued"),
        "stop": To("paused", "stopped"),
    },
    "stopped": {
        "pause": _NOT_RUNNING,
        "resume": To(None, "queued"),
        "step": To(None, "queued"),
        "stop": _ENDED,
    },
    "done": {"pause": _NOT_RUNNING, "resume": _AT_END, "step": _AT_END, "stop": _ENDED},
    "failed": {
        "pause": _NOT_RUNNING,
        "resume": To(None, "queued"),
        "step": To(None, "queued"),
        "stop": _ENDED,
    },
}

ENDED = tuple(state for state in get_args(State) if TRANSITIONS[state]["stop"] is _ENDED)
RESUMABLE = tuple(s for s in get_args(State) if isinstance(TRANSITIONS[s]["resume"], To))
PAUSABLE = tuple(s for s in get_args(State) if isinstance(TRANSITIONS[s]["pause"], To))


def next_state(state: State, command: Command, *, has_worker: bool) -> State:
    """The state after a command. Raises TrainingConflict where it is not allowed."""
    transition = TRANSITIONS[state][command]
    if isinstance(transition, Refused):
        raise TrainingConflict(transition.key, state=state_message(state))
    after = transition.with_worker if has_worker else transition.without
    # A worker that has reported its end may not have exited yet.
    return after or transition.without or transition.with_worker or state


def state_message(state: State) -> Message:
    """The name of a state in a sentence."""
    return Message.of(f"training.state_{state}")
