"""Overload: twice the visitors that the server carries, who do not slow down.

It carries as many as have 97 % of their characters when due. Then twice as many play, and come
back after a 503 as soon as Retry-After allows. *quick* are the 503s that took less than the median
answer beside them. Before and after are ten visitors; after begins with the end of the overload
and lasts five seconds.
"""

from __future__ import annotations

import argparse
import time

from benchmarks.load import Load, Visitors
from benchmarks.models import SMALL
from benchmarks.report import percentile, percentiles, table
from benchmarks.servers import Server, serve

CARRIED = 0.97
FEW = 10


def play(server: Server, n_visitors: int, seconds: float, **options) -> Load:
    """Each time with new texts: an answer that is remembered costs nothing."""
    seed = time.monotonic_ns() % 2**20
    return Visitors(server, [SMALL], n_visitors, seconds, seed=seed, **options).result()


def carried(server: Server, seconds: float) -> int:
    """The largest number of visitors, within an eighth, that are served in time."""
    low, high = 0, 200
    while play(server, high, seconds).share >= CARRIED and high < 6400:
        low, high = high, 2 * high
    while high - low > max(25, high // 8):
        middle = (low + high) // 2
        if play(server, middle, seconds).share >= CARRIED:
            low = middle
        else:
            high = middle
    return max(low, FEW)


def run(options: argparse.Namespace) -> str:
    search, seconds = (4, 20) if options.quick else (6, 60)
    with serve() as server:
        most = carried(server, search)
        time.sleep(2)
        memory = [server.rss_bytes()]
        loads = {"before": play(server, FEW, 5, ramp_seconds=0.5)}
        loads["overload"] = play(server, 2 * most, seconds, slows_down=False)
        loads["after"] = play(server, FEW, 4.5, ramp_seconds=0.5)
        memory += [0, server.rss_bytes()]
    rows = []
    before = percentile(loads["before"].latencies, 95)
    for (name, load), rss in zip(loads.items(), memory, strict=True):
        refused = len(load.refusals)
        others = [f"{n} x {kind}" for kind, n in load.errors.items() if kind != "503"]
        asked = max(1, refused + len(load.latencies) + sum(load.errors.values()) - refused)
        median = percentile(load.latencies, 50)
        quick = sum(ms < median for ms in load.refusals)
        rows.append([
            name, 2 * most if name == "overload" else FEW, f"{load.share:.1%}",
            percentiles(load.latencies), f"{percentile(load.latencies, 95) / before:.1f}",
            f"{refused / asked:.0%}", f"{quick / refused:.0%}" if refused else "–",
            percentiles(load.refusals),
            ", ".join(others) or "none", f"{rss / 2**20:.0f}" if rss else "–",
        ])  # fmt: skip
    columns = [
        "", "visitors", "there", "answers, ms", "p95 x before", "503s", "of them quick",
        "503s, ms", "other errors", "RSS, MiB",
    ]  # fmt: skip
    return f"It carries {most} visitors.\n\n{table(columns, rows)}"
