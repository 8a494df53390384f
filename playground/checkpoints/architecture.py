"""Sizes of a transformers architecture by its config.json, found in a child process.

The library builds whatever a config says, layer after layer: the child has a deadline and a memory
limit. It builds on the meta device: no weights are allocated.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cachetools import LRUCache

from playground.child_process import Child
from playground.errors import BadCheckpoint
from playground.settings import ROOT

START_SECONDS = 120.0  # the library is imported
BUILD_SECONDS = 20.0
IDLE_SECONDS = 60
MEMORY_BYTES = 3 * 2**29  # a fourth of them for the library itself
_KEPT = 256


@dataclass(frozen=True, slots=True)
class Architecture:
    """Sizes of a model by its config. n_params: tied ones once.

    window: None without one; of longrope positions the original one, past which all of them change.
    """

    n_params: int
    window: int | None


class ArchitectureInspector:
    """Builds models on the meta device in a child process, and returns their sizes; LRU cache.

    Thread-safe, one at a time; blocks the thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._known: LRUCache[str, Architecture] = LRUCache(_KEPT)

    def inspect(self, values: Mapping[str, Any]) -> Architecture:
        """The sizes of the model of a config.json. Raises BadCheckpoint."""
        key = json.dumps(values)
        with self._lock:
            if (found := self._known.get(key)) is None:
                found = self._known[key] = self._request(values)
        return found

    def _request(self, values: Mapping[str, Any]) -> Architecture:
        answer = None
        try:
            if self._child is not None:
                answer = self._child.request(values, BUILD_SECONDS)
            if answer is None:  # it was idle, and has ended
                answer = self._start().request(values, BUILD_SECONDS)
        except TimeoutError:
            answer = None
        if answer is None or "error" in answer:
            self._child = None  # with whatever it has allocated
            raise BadCheckpoint("transformers.too_complex")
        if "refused" in answer:
            raise BadCheckpoint(answer["refused"], **answer["params"])
        return Architecture(**answer)

    def _start(self) -> Child:
        self._child = Child(
            "playground.checkpoints.architecture_child",
            cwd=ROOT, memory_bytes=MEMORY_BYTES, idle_seconds=IDLE_SECONDS,
        )  # fmt: skip
        self._child.receive(START_SECONDS)
        return self._child


@cache
def _inspector() -> ArchitectureInspector:
    return ArchitectureInspector()  # one for all: its child imports the library, for seconds


def inspect_architecture(values: Mapping[str, Any]) -> Architecture:
    """As `ArchitectureInspector.inspect`; all callers share one child process."""
    return _inspector().inspect(values)
