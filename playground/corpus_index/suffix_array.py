"""Suffix array of a text: where a string occurs in it, and which characters follow.

Built by prefix doubling (Manber and Myers 1993) up to a depth: suffixes are ordered by their first
LOOKUP_MAX + 1 characters, and no longer strings are looked up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LOOKUP_MAX = 32  # characters that can be looked up
PLACES_MAX = 3
EXCERPT = 40  # characters before and after a place

_KEY_BITS = 62

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Place:
    """An occurrence of a string in the text, at `position`, with what is around it."""

    position: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Occurrences of a string that another character follows.

    followers: each of those characters with its count; the most frequent first, ties by code point.
    places: up to PLACES_MAX of them, spread over what follows.
    """

    count: int
    followers: tuple[tuple[str, int], ...]
    places: tuple[Place, ...]


class SuffixArray:
    """Index of a text. Immutable: look-ups may run in any thread."""

    def __init__(self, text: str) -> None:
        """text: one character or more. Takes time O(N log N), memory about 60 bytes a character."""
        code_points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        present, ids = np.unique(code_points, return_inverse=True)
        self._text = text
        self._characters = tuple(map(chr, present.tolist()))
        self._ids = ids.astype(np.min_scalar_type(len(present)))
        self._order = _sorted_suffixes(ids, len(present)).astype(np.int32)
        self._totals = np.bincount(ids, minlength=len(present))

    def __len__(self) -> int:
        return len(self._text)

    @property
    def nbytes(self) -> int:
        text_bytes = len(self._text) * (1 if self._text.isascii() else 4)
        return text_bytes + int(self._ids.nbytes + self._order.nbytes + self._totals.nbytes)

    def count(self, context: str) -> int:
        """Number of occurrences that another character follows; of "" that is the text's length.

        Raises ValueError for a context longer than LOOKUP_MAX.
        """
        first, last = self._range(context)
        return last - first

    def look_up(self, context: str) -> Occurrences:
        """Occurrences of a context of at most LOOKUP_MAX characters. Raises ValueError."""
        first, last = self._range(context)
        if not context:
            counts = self._totals
        else:
            after = self._ids[self._order[first:last] + len(context)]
            counts = np.bincount(after, minlength=len(self._characters))
        ids = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].tolist()
        followers = tuple((self._characters[id], int(counts[id])) for id in ids)
        n_places = min(PLACES_MAX, last - first)
        at = np.linspace(first, last - 1, n_places).round().astype(np.int64)
        places = sorted(self._order[at].tolist()) if context else []
        found = tuple(self._place(position, len(context)) for position in places)
        return Occurrences(last - first, followers, found)

    def _range(self, context: str) -> tuple[int, int]:
        """Bounds of the suffixes that begin with a context and go on after it."""
        n = len(context)
        if n > LOOKUP_MAX:
            raise ValueError(f"at most {LOOKUP_MAX} characters can be looked up")
        text, order = self._text, self._order

        def prefix(position: int) -> str:
            return text[position : position + n]

        first = bisect_left(order, context, key=prefix)
        last = bisect_right(order, context, lo=first, key=prefix)
        if first < last and order[first] + n == len(text):
            first += 1  # the end of the text comes before what goes on
        return first, last

    def _place(self, position: int, n: int) -> Place:
        end = position + n
        before = self._text[max(0, position - EXCERPT) : position]
        return Place(position, before, self._text[end : end + EXCERPT])


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
