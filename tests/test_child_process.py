"""A child answers in time, or is ended."""

import sys
import time

import pytest

from playground.child_process import Child

MODULE = """
import time
from playground.child_process import serve

def answer(message):
    if message == "wait":
        time.sleep(60)
    if message == "fill":
        return "x" * 2**30
    if message == "break":
        raise ValueError("broken")
    return message

serve(lambda arguments: (arguments, answer))
"""


@pytest.fixture
def child(tmp_path, monkeypatch):
    (tmp_path / "echo_child.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path), *sys.path]))
    made = Child("echo_child", "one", 2, cwd=tmp_path, memory_bytes=2**28, idle_seconds=30)
    assert made.receive(30) == ["one", "2"]
    return made


def test_it_answers_each_message(child):
    assert child.request({"a": [1, None, "é"]}, 10) == {"a": [1, None, "é"]}
    assert child.request("x" * 300_000, 10) == "x" * 300_000


def test_what_goes_wrong_is_told_and_the_next_is_answered(child):
    assert child.request("break", 10) == {"error": "broken"}
    assert "error" in child.request("fill", 30)
    assert child.request("again", 10) == "again"


def test_it_is_ended_at_its_deadline(child):
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        child.request("wait", 0.3)
    assert time.monotonic() - start < 10
    assert child.has_ended
    assert child.request("again", 1) is None
