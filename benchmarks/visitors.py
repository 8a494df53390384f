"""Visitors: playing at 100 ms a character over real HTTP, a real Chromium among them.

Each has a text and a seed of their own, one kept-alive connection, and asks as the page does
(`visitors.mjs`). *there* is the share of all visitors' characters that were there 50 ms after they
were due at the latest; one that is late counts once more for every 100 ms that it is. *Chromium*
is the share of a real page's ticks within ±50 ms of when they were due. Latencies are those of a
request in ms. *x first* divides the median by that of the model's first line. CPU is that of a
core: of the server, and of the generator on the same machine. *same* are answers, taken at random,
that an engine without caches gives again, alone, to the last bit.
"""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Sequence

import torch
from playwright.sync_api import Browser

from benchmarks.browser import Player, chromium
from benchmarks.load import INTERVAL_MS, Load, Visitors
from benchmarks.models import LARGE, SMALL
from benchmarks.report import percentile, percentiles, table
from benchmarks.servers import Server, serve
from playground.api.schemas.generation import step_bodies
from playground.lm.sampling import SamplingParams
from playground.service.playground import Playground
from playground.settings import Settings

LEVELS = {SMALL: (1, 10, 100, 300, 600, 1000), LARGE: (10, 100, 300)}
QUICK_LEVELS = {SMALL: (1, 100, 600), LARGE: (100,)}
SAMPLES = 40
TOLERANCE_MS = 50


def level(
    browser: Browser, server: Server, session: str, n_visitors: int, seconds: float
) -> tuple[Load, float]:
    """What the visitors saw, and the share of the Chromium's ticks that came when due."""
    player = Player(browser, server, session, n_visitors)
    visitors = Visitors(server, [session], n_visitors, seconds, samples=SAMPLES, seed=n_visitors)
    player.play()
    load = visitors.result()
    gaps = player.gaps()
    on_time = sum(abs(gap - INTERVAL_MS) <= TOLERANCE_MS for gap in gaps)
    least = int(seconds * 1000 / INTERVAL_MS / 2)  # a page that has stopped has missed the others
    return load, on_time / max(len(gaps), least)


def n_same(samples: Sequence[dict]) -> int:
    """How many answers come again from a service without caches, one after the other."""

    async def replay() -> int:
        service = Playground(Settings(answer_cache_bytes=0, prefix_cache_bytes=0))
        found = 0
        for sample in samples:
            asked = sample["request"]
            params = SamplingParams(
                asked["temperature"], asked["top_k"], asked["top_p"], asked["seed"]
            )
            made = await service.generate(
                asked["session_id"], asked["context"], params, n=asked["n"],
                position=asked["position"], step=asked["step"],
            )  # fmt: skip
            found += step_bodies(made) == sample["steps"]
        await service.close()
        return found

    # In a thread of its own: Playwright has the event loop of this one.
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(asyncio.run(replay())))
    thread.start()
    thread.join()
    return results[0]


def run(options: argparse.Namespace) -> str:
    torch.set_num_threads(1)  # as the server: with more, sums have other bits
    levels, seconds = (QUICK_LEVELS, 8) if options.quick else (LEVELS, 20)
    rows = []
    with serve() as server, chromium() as browser:
        for session, counts in levels.items():
            first = 0.0
            for n_visitors in counts:
                load, ticks = level(browser, server, session, n_visitors, seconds)
                first = first or percentile(load.latencies, 50)
                errors = ", ".join(f"{count} x {kind}" for kind, count in load.errors.items())
                rows.append([
                    session, n_visitors, f"{load.share:.1%}", f"{ticks:.1%}",
                    percentiles(load.latencies), f"{percentile(load.latencies, 50) / first:.1f}",
                    f"{load.server_cpu:.0%}", f"{load.cpu:.0%}",
                    f"{server.rss_bytes() / 2**20:.0f}", errors or "none",
                    f"{n_same(load.samples)} of {len(load.samples)}",
                ])  # fmt: skip
    columns = [
        "model", "visitors", "there", "Chromium", "p50 / p95 / p99", "x first", "server CPU",
        "generator CPU", "RSS, MiB", "errors", "same",
    ]  # fmt: skip
    return table(columns, rows)
