"""Training processes within milliseconds: forked from one that has everything imported.

The server starts `python -m playground.runs.spawner`, which imports torch and then forks a worker
for each socket that it is handed. Whatever happens to the server, all of them end: each notices
that its socket closes, Linux kills the workers with their parent, and that one removes the files.
(The forkserver of multiprocessing would do, but each of its children imports the server's main
script anew, page and all.)
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from playground.errors import TrainingUnavailable
from playground.settings import ROOT

_NICE = 10  # enough for those who play not to notice; at 19 a busy machine would never train
_LINE_BYTES = 2**20
_LAST_WRITES_SECONDS = 0.3  # the workers end by themselves, at the same moment
_PR_SET_PDEATHSIG = 1
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Spawner:
    """Starts workers that write below one folder. For one event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def prepare(self) -> None:
        """Start importing, unless that is done or under way; returns at once."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "playground.training.fork_server", str(theirs.fileno())]
        command.append(str(self._folder))
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], cwd=ROOT, env=environment
            )
        self._control = ours

    async def spawn(self) -> Connection:
        """A new worker, at the other end of a connection. Raises TrainingUnavailable."""
        self.prepare()
        assert self._control is not None
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [b"+"], [theirs.fileno()])
            return await asyncio.open_unix_connection(sock=ours, limit=_LINE_BYTES)
        except OSError as error:
            ours.close()
            raise TrainingUnavailable from error

    def close(self) -> None:
        """End the process, and all workers with it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def main() -> None:
    """Fork a worker for each socket that comes in; end with the server."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C means the server, which ends us
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a worker
    os.nice(_NICE)
    from playground.training.worker import import_all, work

    import_all()
    while True:
        message, sockets, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            time.sleep(_LAST_WRITES_SECONDS)
            shutil.rmtree(sys.argv[2], ignore_errors=True)
            return
        if os.fork() == 0:
            end_with_parent()
            control.close()
            work(socket.socket(fileno=sockets[0]))
            os._exit(0)
        os.close(sockets[0])


def end_with_parent() -> None:
    """Be killed when the process ends that forked this one; on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
