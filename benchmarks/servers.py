"""Servers in processes of their own, for as long as a benchmark needs them, and what they use."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playground.settings import ROOT

APP = ("app.py",)
_START_SECONDS = 120
_STOP_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    pid: int

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def connect(self, timeout: float = 60) -> http.client.HTTPConnection:
        """A connection that stays open from request to request."""
        return http.client.HTTPConnection(*self.address, timeout=timeout)

    def cpu_seconds(self) -> float:
        """Processor time so far, with that of the processes that it has started."""
        ticks = sum(int(fields[11]) + int(fields[12]) for fields in self._stats())
        return ticks / os.sysconf("SC_CLK_TCK")

    def rss_bytes(self) -> int:
        """Resident memory, with that of the processes that it has started."""
        return sum(int(fields[21]) for fields in self._stats()) * os.sysconf("SC_PAGE_SIZE")

    def n_threads(self) -> int:
        return len(list((self._proc / "task").iterdir()))

    def _stats(self) -> Iterator[list[str]]:
        """The fields of proc(5)'s stat, from the third, of the process group that it leads."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[2]) == self.pid:
                    yield fields

    def open_files(self) -> tuple[int, int]:
        """Number of file descriptors that are sockets, and of all others."""
        targets = []
        for link in (self._proc / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                targets.append(os.readlink(link))
        sockets = sum(target.startswith("socket:") for target in targets)
        return sockets, len(targets) - sockets

    @property
    def _proc(self) -> Path:
        return Path(f"/proc/{self.pid}")


@contextmanager
def start(arguments: Sequence[str], **environ: str) -> Iterator[tuple[Server, subprocess.Popen]]:
    """Run `python ARGUMENTS`, which has to listen on GRADIO_SERVER_PORT, until the block ends.

    With its children: they are one process group, of which nothing is left behind.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    defaults = {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_SERVER_PORT": str(port),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | defaults | environ,
        start_new_session=True,
    )
    try:
        yield Server(f"http://127.0.0.1:{port}", process.pid), process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def serve(
    arguments: Sequence[str] = APP, *, path: str = "/openapi.json", **environ: str
) -> Iterator[Server]:
    """The same, from when it answers GET `path`."""
    with start(arguments, **environ) as (server, process):
        wait_for(server, process, path)
        yield server


def wait_for(
    server: Server, process: subprocess.Popen, path: str, every_seconds: float = 0.1
) -> None:
    """Wait until GET `path` is answered with 200. Raises SystemExit if it ends or hangs."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        connection = server.connect()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(every_seconds)
    raise SystemExit("the server did not start")
