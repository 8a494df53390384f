"""Fork server: forks training workers, within milliseconds, from a process that imported torch.

The server starts `python -m playground.training.fork_server`, which imports torch and then forks a
worker for each socket that it receives. All of them exit when the server does, even if it is
killed: their sockets are closed, and on Linux the kernel kills the workers when the fork server
exits. The fork server deletes the files.
(The fork server of multiprocessing makes each child import the server's main script anew.)
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

from playground.child_process import start_module
from playground.errors import TrainingUnavailable
from playground.settings import ROOT

_NICE = 10  # sampling has priority; at 19 a busy machine would never train
_LINE_BYTES = 2**24  # a vocabulary of all of Unicode fits, escaped
_LAST_WRITES_SECONDS = 0.3  # the workers exit by themselves at the same moment
_PR_SET_PDEATHSIG = 1
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ForkServer:
    """Forks workers that write below one folder. For one event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def prepare(self) -> None:
        """Start the process unless it runs; returns before its imports are done."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process, self._control = start_module(
            "playground.training.fork_server", self._folder, cwd=ROOT, env=environment
        )

    async def spawn(self) -> Connection:
        """Fork a worker; returns the connection to it. Raises TrainingUnavailable."""
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
        """Kill the process, and all workers with it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def main() -> None:
    """Fork a worker for each socket received; exit with the server."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the server
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # exited workers are reaped by the kernel
    os.nice(_NICE)
    from playground.training.worker import preload, run_worker

    preload()
    while True:
        message, sockets, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            time.sleep(_LAST_WRITES_SECONDS)
            shutil.rmtree(sys.argv[2], ignore_errors=True)
            return
        if os.fork() == 0:
            exit_with_parent()
            control.close()
            run_worker(socket.socket(fileno=sockets[0]))
            os._exit(0)
        os.close(sockets[0])


def exit_with_parent() -> None:
    """Have the kernel kill this process when its parent exits; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
