"""Growth: how the time of an answer grows with characters, model size and simultaneous texts.

ms of one answer over HTTP, texts not seen before, median; the ratio beside it is to the first line
of each part, and *for* is what grew, as a ratio too.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

from benchmarks.load import get_json, request_json
from benchmarks.models import LARGE, SMALL, open_model, random_text
from benchmarks.report import table
from benchmarks.servers import Server, serve

LENGTHS = (1, 20, 100, 500)
TOGETHER = (1, 4, 16, 64)
CHUNK = 20


class Caller:
    """Asks for n characters after a text of its own, on a connection of its own."""

    def __init__(self, server: Server, session: str, seed: int) -> None:
        self._connection = server.connect()
        self._known = get_json(server, f"/api/sessions/{session}")
        self._draw = random.Random(seed)

    def ask(self, n: int) -> None:
        text = random_text(self._known["vocabulary"], 64, self._draw)
        body = {"session_id": self._known["session_id"], "context": text, "temperature": 0.8,
                "seed": 1, "n": n}  # fmt: skip
        request_json(self._connection, "POST", "/api/generate", body)

    def close(self) -> None:
        self._connection.close()


def median_ms(work: Callable[[], object], rounds: int) -> float:
    def once() -> float:
        began = time.perf_counter()
        work()
        return (time.perf_counter() - began) * 1e3

    once()
    return statistics.median(once() for _ in range(rounds))


def together_ms(server: Server, n_texts: int, rounds: int) -> float:
    callers = [Caller(server, SMALL, 100 + i) for i in range(n_texts)]
    with ThreadPoolExecutor(n_texts) as pool:
        found = median_ms(lambda: [*pool.map(lambda one: one.ask(CHUNK), callers)], rounds)
    for caller in callers:
        caller.close()
    return found


def run(options: argparse.Namespace) -> str:
    rounds = 5 if options.quick else 15
    rows: list[list[str]] = []

    def add(part: str, points: list[tuple[str, float, float]]) -> None:
        _, first_amount, first_ms = points[0]
        for name, amount, ms in points:
            rows.append(
                [f"{part} {name}", f"{amount / first_amount:.1f}", f"{ms:.1f}",
                 f"{ms / first_ms:.2f}"]
            )  # fmt: skip

    with serve() as server:
        with closing(Caller(server, SMALL, 1)) as small, closing(Caller(server, LARGE, 2)) as large:
            add("characters", [
                (str(n), n, median_ms(partial(small.ask, n), rounds)) for n in LENGTHS
            ])  # fmt: skip
            add("model size", [
                (name, open_model(name)[0].n_params, median_ms(partial(c.ask, CHUNK), rounds))
                for name, c in ((SMALL, small), (LARGE, large))
            ])  # fmt: skip
        add("texts at once", [(str(n), n, together_ms(server, n, rounds)) for n in TOGETHER])
    return table(["", "for", "ms", "ratio"], rows)
