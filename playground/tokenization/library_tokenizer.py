"""Adapter of the tokenizers library: a tokenizer.json as a `Tokenizer`, run in a child process.

A file of strangers is data, but its patterns may take for ever and its tables all memory: it is
read and run in a process with a deadline and a bound of memory, which ends when it is not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

from cachetools import LRUCache

from playground.errors import BadCheckpoint
from playground.i18n.translate import LocalizedNumber
from playground.lm.tokenizer import Token
from playground.lm.vocabulary import UnknownCharactersError
from playground.settings import ROOT
from playground.tokenization.child import LENGTH, send
from playground.tokenization.pieces import PieceTokenizer, check_surrogates

LOAD_SECONDS = 30.0
ENCODE_SECONDS = 5.0
IDLE_SECONDS = 60
MEMORY_BYTES = 2**30
_ANSWER_BYTES = 2**28
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
        load_seconds: float = LOAD_SECONDS,
        encode_seconds: float = ENCODE_SECONDS,
    ) -> None:
        """max_bytes: of the file. load_seconds, encode_seconds: deadlines."""
        self._path, self._max_bytes = path, max_bytes
        self._load_seconds, self._encode_seconds = load_seconds, encode_seconds
        self._lock = threading.RLock()
        self._child: _Child | None = None
        self._pieces: tuple[bytes | None, ...] | None = None
        self._identity = ""
        self._tokens: LRUCache[str, list[Token]] = LRUCache(
            _TOKENS_KEPT, getsizeof=lambda tokens: len(tokens) + 1
        )

    @property
    def identity(self) -> str:
        """SHA-256 of the file."""
        self._loaded()
        return self._identity

    @property
    def pieces(self) -> tuple[bytes | None, ...]:
        """The bytes of each id; None for one that no token has."""
        return self._loaded()

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
                found = self._ask(text)
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

    def _start(self) -> _Child:
        is_first = self._pieces is None
        self._child = _Child(self._path, is_described=is_first)
        described = self._child.receive(self._load_seconds)
        if described is None:
            raise BadCheckpoint("tokenizer.too_slow")
        if "error" in described:
            raise BadCheckpoint("tokenizer.unreadable", reason=described["error"])
        if is_first:
            self._pieces = tuple(
                None if piece is None else piece.encode("latin-1") for piece in described["pieces"]
            )
        return self._child

    def _ask(self, text: str) -> list[Token]:
        self._loaded()
        child, answer = self._child, None
        if child is not None:
            answer = child.ask(text, self._encode_seconds)
        if answer is None:  # it was idle, and has ended
            answer = self._start().ask(text, self._encode_seconds)
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


class _Child:
    """The child process of one tokenizer; it ends with this object."""

    def __init__(self, path: Path, *, is_described: bool) -> None:
        """is_described: whether it first tells what the tokenizer's ids stand for."""
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-m", "playground.tokenization.child"]
        arguments = theirs.fileno(), path.resolve(), MEMORY_BYTES, IDLE_SECONDS, int(is_described)
        with theirs:
            process = subprocess.Popen(
                [*command, *map(str, arguments)],
                pass_fds=[theirs.fileno()],
                cwd=ROOT,
                stderr=subprocess.DEVNULL,  # what went wrong is told on the socket
            )
        self._process = process
        self._end = weakref.finalize(self, _end, process, self._socket)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def ask(self, text: str, seconds: float) -> dict[str, Any] | None:
        """The answer to a text; None where the process has ended."""
        if not self._end.alive:
            return None
        self._socket.settimeout(seconds)
        try:
            send(self._socket, text)
        except TimeoutError:
            self._end()
            raise BadCheckpoint("tokenizer.too_slow") from None
        except OSError:
            self._end()
            return None
        return self.receive(seconds)

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next message; None where the process has ended. Raises BadCheckpoint after some
        seconds.
        """
        deadline = time.monotonic() + seconds
        try:
            (n_bytes,) = LENGTH.unpack(self._read(LENGTH.size, deadline))
            if n_bytes > _ANSWER_BYTES:
                raise EOFError
            answer: dict[str, Any] = json.loads(self._read(n_bytes, deadline))
            return answer
        except TimeoutError:
            self._end()
            raise BadCheckpoint("tokenizer.too_slow") from None
        except (EOFError, OSError):
            self._end()
            return None

    def _read(self, n_bytes: int, deadline: float) -> bytes:
        content = bytearray()
        while len(content) < n_bytes:
            if (left := deadline - time.monotonic()) <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            if not (piece := self._socket.recv(min(2**16, n_bytes - len(content)))):
                raise EOFError
            content += piece
        return bytes(content)


def _end(process: subprocess.Popen[bytes], sock: socket.socket) -> None:
    sock.close()
    process.kill()
    process.wait()
