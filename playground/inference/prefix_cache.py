"""Prefix cache: LRU cache of row states by the token ids that they have read."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence

from cachetools import LRUCache

from playground.lm.language_model import LanguageModel, State

_ENTRY_OVERHEAD_BYTES = 2048  # the ids, the tensors' and the dictionary's own share, roughly


class PrefixCache:
    """LRU cache of the states of single rows, `max_bytes` in all. Thread-safe.

    A text's state is found by the model's key and the ids it has read, so that whoever continues it
    needs no prefill (as SGLang's RadixAttention, Zheng et al. 2024, for whole texts).
    """

    def __init__(self, max_bytes: int) -> None:
        self._states: LRUCache[Hashable, State] = LRUCache(
            max_bytes, getsizeof=lambda state: state.nbytes + _ENTRY_OVERHEAD_BYTES
        )
        self._lock = threading.Lock()

    def get(self, key: Hashable, model: LanguageModel, ids: Sequence[int]) -> State | None:
        """The state of a row that has read ids, or None."""
        entry = _entry(key, model, ids)
        with self._lock:
            return self._states.get(entry) if entry is not None else None

    def put(self, key: Hashable, model: LanguageModel, ids: Sequence[int], state: State) -> None:
        """Keep the state of a row that has read ids, if it can be continued and is not too big."""
        entry = _entry(key, model, ids)
        if entry is None or state.nbytes + _ENTRY_OVERHEAD_BYTES > self._states.maxsize:
            return
        with self._lock:
            self._states[entry] = state

    @property
    def used_bytes(self) -> int:
        return int(self._states.currsize)

    def __len__(self) -> int:
        return len(self._states)


def _entry(key: Hashable, model: LanguageModel, ids: Sequence[int]) -> Hashable | None:
    """With sliding attention, what lies before the window's last ids can't reach a new token; with
    full attention a window that is full has to be computed anew."""
    size = model.config.block_size
    if model.config.is_sliding:
        return key, tuple(ids[-(size - 1) :]) if size > 1 else ()
    return (key, tuple(ids)) if len(ids) < size else None
