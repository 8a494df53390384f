"""Messages between server and worker: the same after a trip over the wire, or refused."""

import pydantic
import pytest

from playground.checkpoints.schema import CheckpointEntry
from playground.training import protocol

JOB = protocol.TrainJob("/folder", "text", None, {"n_layer": 1}, {"steps": 2}, 2**30, steps=3)
ENTRY = CheckpointEntry(step=1, tokens=2, path="model.safetensors", sha256="0" * 64, bytes=1)
COMMANDS = [
    JOB,
    protocol.Pause(),
    protocol.Resume(),
    protocol.Step(),
    protocol.Stop(),
    protocol.SetSpeed(None),
    protocol.SetSpeed(2.5),
]
EVENTS = [
    protocol.Started(1),
    protocol.TokenizerLearned([("\u2028", "⟨E2⟩", 3)]),
    protocol.Ready(0, 4, "ab\n\u2028", None, "a", None, {"uniform": 1.0}),
    protocol.Ready(0, 300, None, 2.25, "a", None, {"uniform": 1.0}),
    protocol.Updates([(1, 4.2, 1.0), (2, 4.1, 0.5)], 10.0),
    protocol.Evaluated(5, 2.0, "a", "b", "c", [("1+1=", "2\n", "3\n")]),
    protocol.CheckpointWritten(ENTRY),
    protocol.Paused(),
    protocol.Ended("failed", "OSError: no"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: type(c).__name__)
def test_a_command_survives_the_wire(command):
    line = protocol.encode(command)
    assert line.count(b"\n") == 1
    assert protocol.decode_command(line) == command


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_an_event_survives_the_wire(event):
    line = protocol.encode(event)
    assert line.count(b"\n") == 1
    assert protocol.decode_event(line) == event


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"not JSON",
        b'{"do": "dance"}',
        b'{"do": "speed"}',
        b'{"do": "pause", "more": 1}',
        protocol.encode(protocol.Paused()),
    ],
)
def test_what_is_no_command_is_refused(line):
    with pytest.raises(pydantic.ValidationError):
        protocol.decode_command(line)


@pytest.mark.parametrize(
    "line", [b"{}", b'{"kind": "end", "why": "bored"}', protocol.encode(protocol.Pause())]
)
def test_what_is_no_event_is_refused(line):
    with pytest.raises(pydantic.ValidationError):
        protocol.decode_event(line)
