"""Playing while training: what trainings cost those who play.

A visitor asks the smallest bundled model for one character of an ever new text, twenty times a
second, over HTTP. Rounds without a training and those with as many as the server runs at a time
take turns, so that whatever else the machine does meets both.
"""

from __future__ import annotations

import argparse
import http.client
import random
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial

from benchmarks.load import request_json
from benchmarks.models import random_text
from benchmarks.report import percentile, percentiles, table
from benchmarks.servers import serve
from playground.settings import Settings

TOKENS_A_ROUND = 200
PAUSE_SECONDS = 0.05

Ask = Callable[..., dict]


def latencies(ask: Ask, session: dict, draw: random.Random) -> list[float]:
    """Milliseconds until each of a round's characters."""
    vocabulary = ask("GET", f"/api/sessions/{session['session_id']}")["vocabulary"]
    found = []
    for _ in range(TOKENS_A_ROUND):
        context = random_text(vocabulary, session["block_size"], draw)
        body = {"session_id": session["session_id"], "context": context, "temperature": 0}
        began = time.perf_counter()
        ask("POST", "/api/generate-next-token", body)
        found.append((time.perf_counter() - began) * 1e3)
        time.sleep(PAUSE_SECONDS)
    return found


def start_training(ask: Ask, visitor: int) -> str:
    body = {"visitor": f"benchmark-{visitor:016}", "corpus": "docs", "steps": 20_000}
    session_id = ask("POST", "/api/trainings", body)["session_id"]
    while not ask("GET", f"/api/trainings/{session_id}")["losses"]:
        time.sleep(0.05)
    return session_id


def measure(connection: http.client.HTTPConnection, rounds: int, trainings: int) -> str:
    ask, draw = partial(request_json, connection), random.Random(1)
    session = ask("GET", "/api/sessions")["sessions"][0]
    ask("GET", "/api/corpora")
    latencies(ask, session, draw)  # warm
    alone: list[float] = []
    beside: list[float] = []
    speeds: list[float] = []
    for _ in range(rounds):
        alone += latencies(ask, session, draw)
        ids = [start_training(ask, visitor) for visitor in range(trainings)]
        beside += latencies(ask, session, draw)
        speeds += [ask("GET", f"/api/trainings/{one}")["steps_per_second"] for one in ids]
        for one in ids:
            connection.request("DELETE", f"/api/trainings/{one}")
            connection.getresponse().read()
    rows = [
        [
            name, percentiles(values),
            f"{percentile(values, 50) / percentile(alone, 50):.2f}",
            f"{percentile(values, 95) / percentile(alone, 95):.2f}", steps,
        ]
        for name, values, steps in (
            ("alone", alone, ""),
            (f"beside {trainings} trainings", beside, f"{statistics.median(speeds):.0f}"),
        )
    ]  # fmt: skip
    return table(["", "p50 / p95 / p99, ms", "p50 ratio", "p95 ratio", "steps/s of each"], rows)


def run(options: argparse.Namespace) -> str:
    with serve() as server, closing(server.connect()) as connection:
        return measure(connection, 1 if options.quick else 4, Settings().trainings_max)
