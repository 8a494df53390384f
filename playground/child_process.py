"""Child processes on a socket pair, and request-response with deadlines over it.

Messages are JSON, each preceded by its length. Imports the standard library alone, so that a child
starts soon.
"""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import struct
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LENGTH = struct.Struct("!I")
_ANSWER_BYTES = 2**28


def start_module(
    module: str, *arguments: object, cwd: Path, **options: Any
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Run `python -m module FD arguments…`; returns the process, and our end of a socket pair.

    FD: the number of its end. cwd: a folder from which the package can be imported. options: of
    subprocess.Popen.
    """
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", module, str(theirs.fileno()), *map(str, arguments)]
    with theirs:
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=cwd, **options)
    return process, ours


class Child:
    """The parent's side of a child; the process ends with this object."""

    def __init__(
        self,
        module: str,
        *arguments: object,
        cwd: Path,
        memory_bytes: int,
        idle_seconds: float,
    ) -> None:
        """module: run as `python -m`, from cwd; it calls `serve`. idle_seconds: after which it ends
        where nothing was asked. arguments: more of sys.argv.
        """
        self._process, self._socket = start_module(
            module, memory_bytes, idle_seconds, *arguments,
            cwd=cwd, stderr=subprocess.DEVNULL,  # what went wrong is told on the socket
        )  # fmt: skip
        self._end = weakref.finalize(self, _end, self._process, self._socket)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def request(self, message: object, seconds: float) -> Any:
        """The answer to a message; None where the process has ended. Raises as `receive`."""
        if not self._end.alive:
            return None
        self._socket.settimeout(seconds)
        try:
            _send(self._socket, message)
        except TimeoutError:
            self._end()
            raise
        except OSError:
            self._end()
            return None
        return self.receive(seconds)

    def receive(self, seconds: float) -> Any:
        """The next message; None where the process has ended. Raises TimeoutError after some
        seconds, and ends it.
        """
        deadline = time.monotonic() + seconds
        try:
            (n_bytes,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
            if n_bytes > _ANSWER_BYTES:
                raise EOFError
            return json.loads(self._read(n_bytes, deadline))
        except TimeoutError:
            self._end()
            raise
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


def serve(start: Callable[[list[str]], tuple[object, Callable[[Any], object]]]) -> None:
    """The child's side: send the first message, then the answer to each one received, until the
    socket is closed or idle for too long. An exception's text is sent as "error".

    start: called with the arguments, under the memory limit; returns the first message, and the
    function that answers.
    """
    fd, memory_bytes, idle_seconds, *arguments = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_DATA, (int(memory_bytes), int(memory_bytes)))
    sock = socket.socket(fileno=int(fd))
    sock.settimeout(float(idle_seconds))
    with contextlib.suppress(EOFError, TimeoutError, ConnectionError, KeyboardInterrupt):
        try:
            first, answer = start(arguments)
        except BaseException as error:
            _send(sock, {"error": str(error)})
            return
        _send(sock, first)
        while True:
            (n_bytes,) = _LENGTH.unpack(_receive(sock, _LENGTH.size))
            message = json.loads(_receive(sock, n_bytes))
            try:
                found = answer(message)
            except BaseException as error:  # a panic of a library is no Exception
                found = {"error": str(error)}
            _send(sock, found)


def _send(sock: socket.socket, message: object) -> None:
    content = json.dumps(message).encode()
    sock.sendall(_LENGTH.pack(len(content)) + content)


def _receive(sock: socket.socket, n_bytes: int) -> bytes:
    content = bytearray()
    while len(content) < n_bytes:
        if not (piece := sock.recv(min(2**16, n_bytes - len(content)))):
            raise EOFError
        content += piece
    return bytes(content)


def _end(process: subprocess.Popen[bytes], sock: socket.socket) -> None:
    sock.close()
    process.kill()
    process.wait()
