"""A small Ray of this machine alone, with the application of deploy/ray.yaml.

As a script it is that cluster, until it is ended: no test imports Ray into its own process.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

import yaml

from playground.settings import ROOT

_MARK = "PLAYGROUND_TEST_CLUSTER"  # in the environment of all its processes
_STARTS = 3
_SECONDS = 30  # within which all of them end


class Cluster:
    """Such a cluster in processes of its own, which are known by what is in their environment."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._mark = secrets.token_hex(8)
        # Not pytest's folder: the path of a socket has at most 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        with open(self._folder / "log", "w") as log:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(self._folder), str(port)],
                cwd=ROOT, env=self._environment(), stdout=log, stderr=log,
            )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            _MARK: self._mark,
            "PYTHONPATH": str(ROOT),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_TOKEN": self._mark * 4,  # without one it writes one into the home folder
        }

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def pids(self, name: str = "") -> list[int]:
        """Its processes, those alone whose command line has `name`."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environment = (folder / "environ").read_bytes()
                command = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:  # it has ended, or is not ours
                continue
            if f"{_MARK}={self._mark}".encode() in environment and name in command:
                found.append(int(folder.name))
        return found

    def kill(self, name: str = "") -> None:
        """All processes that have `name`, at once, as by a loss of power."""
        pids = self.pids(name)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while set(self.pids(name)) & set(pids):
            time.sleep(0.05)

    def end(self) -> list[int]:
        """As an operator would; returns the processes that it leaves behind, which are killed."""
        self._process.terminate()
        self._process.wait(_SECONDS)
        deadline = time.monotonic() + _SECONDS
        while (left := self.pids()) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        return left


def start(ray: ModuleType, folder: str) -> None:
    ray.init(
        address="local",
        num_cpus=1,
        include_dashboard=False,
        object_store_memory=80 * 2**20,
        namespace="serve",
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
    )


def main(folder: str, port: str) -> None:
    """Run `serve run deploy/ray.yaml` on another port and one processor."""
    import ray
    from ray.serve.scripts import cli

    config = yaml.safe_load((ROOT / "deploy" / "ray.yaml").read_text())
    config["http_options"]["port"] = int(port)
    path = Path(folder) / "ray.yaml"
    path.write_text(yaml.safe_dump(config))
    for attempt in range(_STARTS):
        try:
            start(ray, folder)
            break
        except Exception:  # Ray gives its own processes 30 s, which a busy machine exceeds
            if attempt == _STARTS - 1:
                raise
    cli(["run", str(path)])


if __name__ == "__main__":
    main(*sys.argv[1:])
