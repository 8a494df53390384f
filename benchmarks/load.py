"""The load generator: visitors.mjs with a scenario, and what came of it."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.servers import Server
from playground.page.config import page_config

INTERVAL_MS = 100  # the page's quickest


@dataclass(frozen=True, slots=True)
class Load:
    """What visitors saw. Times in milliseconds, processor time in seconds a second.

    due, there: characters that were due and those that were there by then, all visitors together.
    latencies: of answers; refusals: of 503s. samples: some requests, with the steps they got.
    """

    due: int
    there: int
    latencies: list[float]
    refusals: list[float]
    errors: dict[str, int]
    samples: list[dict[str, Any]]
    cpu: float
    seconds: float
    server_cpu: float

    @property
    def share(self) -> float:
        return self.there / max(1, self.due)


def get_json(server: Server, path: str) -> Any:
    with closing(server.connect()) as connection:
        return request_json(connection, "GET", path)


def request_json(
    connection: http.client.HTTPConnection, method: str, path: str, body: object = None
) -> Any:
    """The JSON of an answer with status 2xx. Raises AssertionError for another one."""
    encoded = None if body is None else json.dumps(body)
    connection.request(method, path, encoded, {"Content-Type": "application/json"})
    response = connection.getresponse()
    raw = response.read()
    assert 200 <= response.status < 300, (response.status, raw)
    return json.loads(raw)


class Visitors:
    """Visitors of a server, from when it is made until `result`."""

    def __init__(
        self,
        server: Server,
        sessions: Sequence[str],
        n_visitors: int,
        seconds: float,
        *,
        ramp_seconds: float = 4,
        slows_down: bool = True,
        samples: int = 0,
        seed: int = 1,
    ) -> None:
        self._server = server
        self._process = subprocess.Popen(
            ["node", str(Path(__file__).with_name("visitors.mjs"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        config = page_config()
        chunk = config["generation"]["chunk"]
        n = min(chunk["high"], max(chunk["low"], round(chunk["duration_ms"] / INTERVAL_MS)))
        self._scenario = {
            "url": server.url,
            "sessions": [_session(get_json(server, f"/api/sessions/{name}")) for name in sessions],
            "visitors": n_visitors,
            "rampMs": ramp_seconds * 1000,
            "measuredMs": seconds * 1000,
            "intervalMs": INTERVAL_MS,
            "chunk": n,
            "reserve": chunk["reserve"],
            "tokensMax": config["generation"]["tokens_max"],
            "timeoutMs": config["requests"]["timeout_ms"],
            "retryMs": config["requests"]["retry_ms"],
            "slowsDown": slows_down,
            "samples": samples,
            "seed": seed,
        }
        self._cpu = server.cpu_seconds()

    def result(self) -> Load:
        """Wait for the end. Raises RuntimeError where the generator failed."""
        try:
            out, _ = self._process.communicate(json.dumps(self._scenario))
        except BaseException:
            self._process.kill()
            raise
        if self._process.returncode:
            raise RuntimeError("the load generator failed")
        seen = json.loads(out)
        cpu = (self._server.cpu_seconds() - self._cpu) / seen["seconds"]
        return Load(**seen, server_cpu=cpu)


def _session(known: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": known["session_id"],
        "step": known["checkpoints"][-1]["step"],
        "vocabulary": known["vocabulary"],
        "blockSize": known["block_size"],
    }
