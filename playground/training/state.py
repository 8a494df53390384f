"""The state machine of a live training: the allowed actions of each state, and transitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from playground.errors import TrainingConflict
from playground.i18n.translate import Message

State = Literal["queued", "starting", "training", "pausing", "paused", "stopped", "done", "failed"]
Action = Literal["pause", "resume", "step", "stop"]
"""Actions of a visitor."""
Event = Literal["started", "ready", "paused", "parked", "stopped", "done", "failed"]
"""Events of a job; TrainingJob.apply derives them from the worker's messages."""


@dataclass(frozen=True, slots=True)
class Transition:
    """The state after an action: while the job has a worker process, and without one.

    None where that combination does not occur. An action that the worker carries out later leaves
    the state unchanged until the worker's event.
    """

    with_worker: State | None
    without: State | None


@dataclass(frozen=True, slots=True)
class Refused:
    """An action that is not allowed; conflict: creates the error from the name of the state."""

    conflict: Callable[[Message], TrainingConflict]


_UNDER_WAY = Refused(lambda _: TrainingConflict("training.under_way"))
_AT_END = Refused(lambda _: TrainingConflict("training.at_its_end"))
_NOT_RUNNING = Refused(lambda name: TrainingConflict("training.nothing_to_pause", state=name))
_ENDED = Refused(lambda name: TrainingConflict("training.stopped_already", state=name))

TRANSITIONS: Mapping[State, Mapping[Action, Transition | Refused]] = {
    "queued": {
        "pause": Transition(None, "paused"),
        "resume": _UNDER_WAY,
        "step": _UNDER_WAY,
        "stop": Transition(None, "stopped"),
    },
    "starting": {
        "pause": Transition("pausing", None),
        "resume": _UNDER_WAY,
        "step": _UNDER_WAY,
        "stop": Transition("starting", None),
    },
    "training": {
        "pause": Transition("pausing", None),
        "resume": _UNDER_WAY,
        "step": _UNDER_WAY,
        "stop": Transition("training", None),
    },
    "pausing": {
        "pause": Transition("pausing", None),
        "resume": Transition("training", None),
        "step": Transition("pausing", None),
        "stop": Transition("pausing", None),
    },
    "paused": {
        "pause": _NOT_RUNNING,
        "resume": Transition("training", "queued"),
        "step": Transition("paused", "queued"),
        "stop": Transition("paused", "stopped"),
    },
    "stopped": {
        "pause": _NOT_RUNNING,
        "resume": Transition(None, "queued"),
        "step": Transition(None, "queued"),
        "stop": _ENDED,
    },
    "done": {"pause": _NOT_RUNNING, "resume": _AT_END, "step": _AT_END, "stop": _ENDED},
    "failed": {
        "pause": _NOT_RUNNING,
        "resume": Transition(None, "queued"),
        "step": Transition(None, "queued"),
        "stop": _ENDED,
    },
}

_ALWAYS = get_args(State)
EVENTS: Mapping[Event, Mapping[State, State]] = {
    "started": {"queued": "starting"},
    "ready": {"starting": "training"},
    # Not from "training": the job was resumed before the worker had paused.
    "paused": {"starting": "paused", "pausing": "paused"},
    "parked": dict.fromkeys(_ALWAYS, "paused"),
    "stopped": dict.fromkeys(_ALWAYS, "stopped"),
    "done": dict.fromkeys(_ALWAYS, "done"),
    "failed": dict.fromkeys(_ALWAYS, "failed"),
}
"""Transitions of each event; in other states it has no effect."""

ENDED = tuple(state for state in get_args(State) if TRANSITIONS[state]["stop"] is _ENDED)
RESUMABLE = tuple(s for s in get_args(State) if isinstance(TRANSITIONS[s]["resume"], Transition))
PAUSABLE = tuple(s for s in get_args(State) if isinstance(TRANSITIONS[s]["pause"], Transition))

PARKABLE = ("paused",)  # the worker is idle: it may be stopped in favour of another job


def next_state(state: State, action: Action, *, has_worker: bool) -> State:
    """The state after an action. Raises TrainingConflict where it is not allowed."""
    transition = TRANSITIONS[state][action]
    if isinstance(transition, Refused):
        raise transition.conflict(state_message(state))
    after = transition.with_worker if has_worker else transition.without
    # A worker that has reported its end may not have exited yet.
    return after or transition.without or transition.with_worker or state


def after_event(state: State, event: Event) -> State:
    """The state after an event."""
    return EVENTS[event].get(state, state)


def state_message(state: State) -> Message:
    """The name of a state, for use within a message."""
    return Message.of(f"training.state_{state}")
