"""Adapter of the tokenizers library: a tokenizer.json as a `Tokenizer`, run in a child process.

A file of strangers is data, but its patterns may take for ever and its tables all memory: it is
read and run in a process with a deadline and a bound of memory, which ends when it is not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

from cachetools import LRUCache

from playground.child_process import Child
from playground.errors import BadCheckpoint
from playground.i18n.translate import LocalizedNumber
from playground.lm.tokenizer import Token
from playground.lm.vocabulary import UnknownCharactersError
from playground.settings import ROOT
from playground.tokenization.pieces import PieceTokenizer, check_surrogates

LOAD_SECONDS = 30.0
ENCODE_SECONDS = 5.0
IDLE_SECONDS = 60
MEMORY_BYTES = 2**30
_TOKENS_KEPT = 200_000  # of texts that were asked for lately
_FILE = "tokenizer.json"


class LibraryTokenizer(PieceTokenizer):
    """A tokenizer.json. Read when it is first used; thread-safe, and blocks the thread.

    Methods raise BadCheckpoint where the file cannot be read, or takes too long.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        n_ids: int | None = None,
        load_seconds: float = LOAD_SECONDS,
        encode_seconds: float = ENCODE_SECONDS,
    ) -> None:
        """max_bytes: of the file. n_ids: of the model; tokens that were added beyond are left out.
        load_seconds, encode_seconds: deadlines.
        """
        self._path, self._max_bytes, self._n_ids = path, max_bytes, n_ids
        self._load_seconds, self._encode_seconds = load_seconds, encode_seconds
        self._lock = threading.RLock()
        self._child: Child | None = None
        self._pieces: tuple[bytes | None, ...] | None = None
        self._added: frozenset[int] = frozenset()
        self._identity, self._n_left_out = "", 0
        self._tokens: LRUCache[str, list[Token]] = LRUCache(
            _TOKENS_KEPT, getsizeof=lambda tokens: len(tokens) + 1
        )

    @property
    def identity(self) -> str:
        """SHA-256 of the file, and how many of its tokens were left out, where some were."""
        self._loaded()
        return f"{self._identity}-{self._n_left_out}" if self._n_left_out else self._identity

    @property
    def pieces(self) -> tuple[bytes | None, ...]:
        """The bytes of each id; None for one that no token has."""
        return self._loaded()

    @property
    def added(self) -> frozenset[int]:
        """The ids of tokens that were added to those of its model."""
        self._loaded()
        return self._added

    @property
    def content(self) -> bytes:
        """The file."""
        self._check_file()
        return self._path.read_bytes()

    def tokenize(self, text: str) -> list[Token]:
        """The tokens of a text, with their places as the library has them. Raises as `encode`."""
        check_surrogates(text)
        with self._lock:
            if (found := self._tokens.get(text)) is None:
                found = self._request(text)
                with contextlib.suppress(ValueError):  # too long to be kept
                    self._tokens[text] = found
        return found

    def _loaded(self) -> tuple[bytes | None, ...]:
        if self._pieces is None:  # else no waiting for the lock: a text may be under way
            with self._lock:
                if self._pieces is None:
                    self._check_file()
                    self._start()
        assert self._pieces is not None
        return self._pieces

    def _check_file(self) -> None:
        try:
            size = self._path.stat().st_size
            if size > self._max_bytes:
                raise BadCheckpoint(
                    "tokenizer.too_large",
                    size=LocalizedNumber(size / 2**20, ".1f"),
                    most=LocalizedNumber(self._max_bytes / 2**20),
                )
            self._identity = hashlib.sha256(self._path.read_bytes()).hexdigest()
        except OSError:
            raise BadCheckpoint("checkpoint.missing", file=_FILE) from None

    def _start(self) -> Child:
        is_first = self._pieces is None
        self._child = Child(
            "playground.tokenization.child", self._path.resolve(), int(is_first), self._n_ids or 0,
            cwd=ROOT, memory_bytes=MEMORY_BYTES, idle_seconds=IDLE_SECONDS,
        )  # fmt: skip
        with _in_time():
            described = self._child.receive(self._load_seconds)
        if described is None:
            raise BadCheckpoint("tokenizer.too_slow")
        if "error" in described:
            raise BadCheckpoint("tokenizer.unreadable", reason=described["error"])
        if is_first:
            if described["marks_ends"]:
                raise BadCheckpoint("tokenizer.marks_ends")
            self._n_left_out = described["n_left_out"]
            self._added = frozenset(described["added"])
            self._pieces = tuple(
                None if piece is None else piece.encode("latin-1") for piece in described["pieces"]
            )
        return self._child

    def _request(self, text: str) -> list[Token]:
        self._loaded()
        child, answer = self._child, None
        with _in_time():
            if child is not None:
                answer = child.request(text, self._encode_seconds)
            if answer is None:  # it was idle, and has ended
                answer = self._start().request(text, self._encode_seconds)
        if answer is None:  # it exited: nothing else ends a process that has just been started
            raise BadCheckpoint("tokenizer.too_slow")
        if "error" in answer:
            raise BadCheckpoint("tokenizer.unreadable", reason=answer["error"])
        if answer["unknown"]:
            raise UnknownCharactersError(answer["unknown"])
        return [
            Token(id, self.token_text(id), start, end)
            for id, (start, end) in zip(answer["ids"], answer["offsets"], strict=True)
        ]


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise BadCheckpoint("tokenizer.too_slow") from None
