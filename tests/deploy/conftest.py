"""Two replicas of the app behind nginx, as deploy/compose.yaml starts them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from playground.settings import ROOT
from tests.browser.conftest import browser, contexts, models, unavailable, visit  # noqa: F401

DEPLOY = ROOT / "deploy"
REPLICAS = ("a", "b")
LOADS_PER_HOUR = 5


def compose() -> dict:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def need_nginx() -> None:
    if not shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        unavailable("no nginx on this machine: replicas are not run")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Cluster:
    """The services of the Compose file as processes of this machine, in folders of their own."""

    def __init__(self, folder: Path, models_dir: Path) -> None:
        self.folder = folder
        self.services = compose()["services"]
        self.models_dir = models_dir
        self.ports = {name: free_port() for name in (*REPLICAS, "proxy")}
        self.processes: dict[str, subprocess.Popen] = {}
        self.address = self.address_of("proxy")
        self.environ = environment_of_commands()

    def address_of(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def environment(self, name: str) -> dict[str, str]:
        """That of the Compose file, with this machine's addresses and folders."""
        return self.environ | self.services[name]["environment"] | {
            "GRADIO_SERVER_NAME": "127.0.0.1",
            "GRADIO_SERVER_PORT": str(self.ports[name]),
            "PLAYGROUND_MODELS_DIR": str(self.models_dir),
            "PLAYGROUND_HUB_CACHE_DIR": str(self.folder / "hub"),
            "PLAYGROUND_TRUSTED_PROXIES": "127.0.0.1",
            "PLAYGROUND_TRAININGS_PER_HOUR": "0",
            "PLAYGROUND_HUB_LOADS_PER_HOUR": str(LOADS_PER_HOUR),
            "HF_ENDPOINT": "http://127.0.0.1:9",  # no test asks the real Hub
        }  # fmt: skip

    def start_replica(self, name: str) -> None:
        place = self.folder / name
        if not place.exists():
            place.mkdir()
            for part in ("app.py", "playground"):  # as the image has them
                (place / part).symlink_to(ROOT / part)
        with open(place / "log", "a") as log:
            self.processes[name] = subprocess.Popen(
                self.services[name]["command"],
                cwd=place, env=self.environment(name), stdout=log, stderr=log,
            )  # fmt: skip

    def start_proxy(self) -> None:
        replicas = {name: self.ports[name] for name in REPLICAS}
        self.processes["proxy"] = start_proxy(
            self.folder / "proxy", self.ports["proxy"], replicas, self.environ
        )

    def is_healthy(self, name: str) -> bool:
        """What the Compose file's health check says."""
        _, *command = self.services[name]["healthcheck"]["test"]
        done = subprocess.run(command, env=self.environment(name), capture_output=True)
        return done.returncode == 0

    def wait_for(self, *names: str) -> None:
        deadline = time.monotonic() + 120
        for name in names:
            while not self.is_healthy(name):
                assert self.processes[name].poll() is None, (self.folder / name / "log").read_text()
                assert time.monotonic() < deadline, f"{name} did not answer within 120 s"
                time.sleep(0.2)

    def end(self, name: str, how: signal.Signals) -> int:
        process = self.processes[name]
        process.send_signal(how)
        return process.wait(60)

    def heal(self) -> None:
        """Start again what a test has ended."""
        ended = [name for name in REPLICAS if self.processes[name].poll() is not None]
        for name in ended:
            self.start_replica(name)
        self.wait_for(*ended)

    def log(self, name: str) -> str:
        return (self.folder / name / "log").read_text()


def start_proxy(
    place: Path, port: int, replicas: dict[str, int], environ: dict[str, str]
) -> subprocess.Popen:
    """The Compose file's proxy with its nginx.conf, and with ports of this machine in the rest."""
    (place / "conf").mkdir(parents=True)
    (place / "run").mkdir()
    (place / "conf" / "nginx.conf").symlink_to(DEPLOY / "nginx" / "nginx.conf")
    pools = (DEPLOY / "nginx" / "replicas.conf").read_text()
    for name, replica_port in replicas.items():
        pools = pools.replace(f"server {name}:7860", f"server 127.0.0.1:{replica_port}")
    (place / "conf" / "replicas.conf").write_text(pools)
    listen = (DEPLOY / "nginx" / "server.conf").read_text()
    listen = listen.replace("listen 8080", f"listen 127.0.0.1:{port}")
    (place / "conf" / "server.conf").write_text(listen)
    command = compose()["services"]["proxy"]["command"]
    with open(place / "log", "a") as log:
        return subprocess.Popen(command, cwd=place, env=environ, stderr=log)


def environment_of_commands() -> dict[str, str]:
    """The environment with `python` and `nginx` on the path."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin",
        "GRADIO_ANALYTICS_ENABLED": "False",
    }


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Cluster]:  # noqa: F811
    need_nginx()
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), models)
    try:
        for name in REPLICAS:
            cluster.start_replica(name)
        cluster.start_proxy()
        cluster.wait_for(*REPLICAS)
        yield cluster
    finally:
        for process in cluster.processes.values():
            process.terminate()
        for process in cluster.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    assert not re.search(r"\[(crit|alert|emerg)\]", cluster.log("proxy")), cluster.log("proxy")


@pytest.fixture
def cluster(running: Cluster) -> Cluster:
    """Both replicas and the proxy, healthy."""
    running.heal()
    return running


@pytest.fixture
def server(cluster: Cluster) -> str:
    """The proxy's address, for `visit`."""
    return cluster.address


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cluster.address, timeout=30) as client:
        yield client


@pytest.fixture
def direct(cluster: Cluster) -> Iterator[dict[str, httpx.Client]]:
    """A client of each replica, past the proxy."""
    clients = {n: httpx.Client(base_url=cluster.address_of(n), timeout=30) for n in REPLICAS}
    yield clients
    for client in clients.values():
        client.close()
