"""Suffix array of a text in token ids: where a context occurs in it, and which tokens follow.

Built by prefix doubling (Manber and Myers 1993) up to a depth: suffixes are ordered by their first
LOOKUP_MAX + 1 ids, and no longer contexts are looked up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LOOKUP_MAX = 32  # tokens that can be looked up
PLACES_MAX = 3

_KEY_BITS = 62

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Occurrences of a context that another token follows.

    followers: the id of each of those tokens with its count; the most frequent first, then by id.
    positions: indices of the first token of up to PLACES_MAX of them, spread over what follows.
    """

    count: int
    followers: tuple[tuple[int, int], ...]
    positions: tuple[int, ...]


class SuffixArray:
    """Index of a text. Immutable: look-ups may run in any thread."""

    def __init__(self, ids: Ints, n_ids: int) -> None:
        """ids: (N,), N >= 1, from 0 to n_ids - 1. Takes O(N log N), about 60 bytes a token."""
        # The bytes of big-endian integers compare as the integers do.
        dtype = np.min_scalar_type(n_ids).newbyteorder(">")
        self._text = ids.astype(dtype).tobytes()
        self._ids = np.frombuffer(self._text, dtype)
        self._order = _sorted_suffixes(ids, n_ids).astype(np.int32)
        self._totals = np.bincount(ids, minlength=n_ids)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def nbytes(self) -> int:
        return self._ids.nbytes + self._order.nbytes + self._totals.nbytes

    def ids(self, start: int, end: int) -> list[int]:
        """The part of the text from a position to another; clipped to the text."""
        ids: list[int] = self._ids[max(0, start) : end].tolist()
        return ids

    def count(self, context: Sequence[int]) -> int:
        """Number of occurrences that another token follows; of no context the text's length.

        Raises ValueError for a context longer than LOOKUP_MAX.
        """
        first, last = self._range(context)
        return last - first

    def look_up(self, context: Sequence[int]) -> Occurrences:
        """Occurrences of a context of at most LOOKUP_MAX tokens. Raises ValueError."""
        first, last = self._range(context)
        n = len(context)
        counts = self._totals
        if n:
            after = self._ids[self._order[first:last] + n]
            counts = np.bincount(after, minlength=len(self._totals))
        ids = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        followers = tuple(zip(ids.tolist(), counts[ids].tolist(), strict=True))
        n_places = min(PLACES_MAX, last - first)
        at = np.linspace(first, last - 1, n_places).round().astype(np.int64)
        positions = sorted(self._order[at].tolist()) if n else []
        return Occurrences(last - first, followers, tuple(positions))

    def _range(self, context: Sequence[int]) -> tuple[int, int]:
        """Bounds of the suffixes that begin with a context and go on after it."""
        n = len(context)
        if n > LOOKUP_MAX:
            raise ValueError(f"at most {LOOKUP_MAX} tokens can be looked up")
        text, order, size = self._text, self._order, self._ids.itemsize

        def prefix(position: int) -> bytes:
            return text[position * size : (position + n) * size]

        wanted = np.asarray(context, self._ids.dtype).tobytes()
        first = bisect_left(order, wanted, key=prefix)
        last = bisect_right(order, wanted, lo=first, key=prefix)
        if first < last and order[first] + n == len(self):
            first += 1  # the end of the text comes before what goes on
        return first, last


def _sorted_suffixes(ids: Ints, n_ids: int) -> Ints:
    """Positions (N,) in the order of the suffixes' first LOOKUP_MAX + 1 ids; 0 to n_ids - 1."""
    n, base = len(ids), n_ids + 1
    known = max(1, int(_KEY_BITS / np.log2(base)))  # ids that fit into one integer
    padded = np.concatenate([ids + 1, np.zeros(known, np.int64)])  # 0 is the end of the text
    keys = np.zeros(n, np.int64)
    for offset in range(known):
        keys *= base
        keys += padded[offset : offset + n]
    while True:
        order: Ints = np.argsort(keys, kind="stable")
        ordered = keys[order]
        is_new = np.concatenate([[False], ordered[1:] != ordered[:-1]])
        ranks = np.empty(n, np.int64)
        ranks[order] = np.cumsum(is_new)
        if known > LOOKUP_MAX or int(ranks[order[-1]]) == n - 1:
            return order
        keys = ranks * (n + 1)
        keys[:-known] += ranks[known:] + 1
        known *= 2
