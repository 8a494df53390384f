"""The table of states: each command in each state, and what the page and the API derive from it."""

from typing import get_args

import pytest

from playground.errors import TrainingConflict
from playground.training.state import (
    ENDED,
    EVENTS,
    PARKABLE,
    PAUSABLE,
    RESUMABLE,
    TRANSITIONS,
    Action,
    Event,
    State,
    after_event,
    next_state,
)

# A row a state: where pause, resume, step and stop lead, with and without a worker; ! is a refusal.
EXPECTED = """
queued    paused/paused    !                 !                stopped/stopped
starting  pausing/pausing  !                 !                starting/starting
training  pausing/pausing  !                 !                training/training
pausing   pausing/pausing  training/training pausing/pausing  pausing/pausing
paused    !                training/queued   paused/queued    paused/stopped
stopped   !                queued/queued     queued/queued    !
done      !                !                 !                !
failed    !                queued/queued     queued/queued    !
"""
ROWS = [line.split() for line in EXPECTED.strip().splitlines()]
CASES = [
    (state, command, cell)
    for state, *cells in ROWS
    for command, cell in zip(("pause", "resume", "step", "stop"), cells, strict=True)
]


@pytest.mark.parametrize(("state", "command", "cell"), CASES)
def test_every_command_in_every_state(state, command, cell):
    if cell == "!":
        for has_worker in (True, False):
            with pytest.raises(TrainingConflict):
                next_state(state, command, has_worker=has_worker)
        return
    with_worker, without = cell.split("/")
    assert next_state(state, command, has_worker=True) == with_worker
    assert next_state(state, command, has_worker=False) == without


def test_the_table_is_complete():
    assert set(TRANSITIONS) == set(get_args(State)) == {state for state, *_ in ROWS}
    assert all(set(row) == set(get_args(Action)) for row in TRANSITIONS.values())


@pytest.mark.parametrize(
    ("event", "before", "after"),
    [
        ("started", "queued", "starting"),
        ("ready", "starting", "training"),
        ("ready", "pausing", "pausing"),
        ("paused", "starting", "paused"),
        ("paused", "pausing", "paused"),
        ("paused", "training", "training"),
        ("parked", "paused", "paused"),
        ("stopped", "training", "stopped"),
        ("done", "training", "done"),
        ("failed", "starting", "failed"),
    ],
)
def test_every_event(event, before, after):
    assert after_event(before, event) == after


def test_every_event_has_its_row():
    assert set(EVENTS) == set(get_args(Event))


def test_what_is_derived_from_it():
    assert set(PARKABLE) < set(RESUMABLE)
    assert PAUSABLE == ("queued", "starting", "training", "pausing")
    assert RESUMABLE == ("pausing", "paused", "stopped", "failed")
    assert ENDED == ("stopped", "done", "failed")
