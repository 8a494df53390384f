"""API: what one character costs around the engine.

ms of one request at a time over a kept-alive connection. *continued* is the next character of a
text whose state is cached, *new* one of a text not seen before. What the API adds is their time
minus that of `GET /api/health`, a route that does nothing; the last column divides it by the bare
call of the engine for the same thing, in the same rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections import defaultdict
from contextlib import closing

import torch

from benchmarks.load import get_json, request_json
from benchmarks.models import LARGE, SMALL, open_model, random_text, random_texts
from benchmarks.report import percentiles, table
from benchmarks.servers import Server, serve
from playground.inference.batch import GenerationRequest
from playground.inference.engine import Engine
from playground.lm.sampling import SamplingParams
from playground.settings import Settings

REQUESTS = 60  # of a kind in a round


def requests(server: Server, session: str, seed: int) -> dict[str, list[float]]:
    known = get_json(server, f"/api/sessions/{session}")
    draw, found = random.Random(seed), defaultdict(list)
    text = random_text(known["vocabulary"], 64, draw)
    with closing(server.connect()) as connection:

        def timed(kind: str, method: str, path: str, body: object = None) -> dict:
            began = time.perf_counter()
            answer = request_json(connection, method, path, body)
            found[kind].append((time.perf_counter() - began) * 1e3)
            return answer

        body = {"session_id": session, "temperature": 0.8, "seed": seed, "n": 1}
        for index in range(REQUESTS + 3):
            timed("health", "GET", "/api/health")
            own = body | {"context": text[-known["block_size"] :], "position": 64 + index}
            text += timed("continued", "POST", "/api/generate", own)["steps"][0]["token"]
            other = random_text(known["vocabulary"], 64, draw)
            timed("new", "POST", "/api/generate", body | {"context": other})
    return {kind: values[3:] for kind, values in found.items()}


def engine_calls(name: str, seed: int) -> dict[str, list[float]]:
    return asyncio.run(_engine_calls(name, seed))


async def _engine_calls(name: str, seed: int) -> dict[str, list[float]]:
    run, model = open_model(name)
    settings, found = Settings(), defaultdict(list)
    engine = Engine(
        batch_rows=settings.batch_rows,
        threads=settings.forward_threads,
        answer_cache_bytes=settings.answer_cache_bytes,
        prefix_cache_bytes=settings.prefix_cache_bytes,
    )

    async def timed(kind: str, ids: list[int], position: int) -> list[int]:
        params = SamplingParams(0.8, seed=seed)
        began = time.perf_counter()
        request = GenerationRequest(tuple(ids), params, 1, position)
        steps = await engine.generate("model", model, request)
        found[kind].append((time.perf_counter() - began) * 1e3)
        return steps.token.tolist()

    texts = random_texts(run, REQUESTS + 4, 1000 + seed).tolist()
    own = texts.pop()
    for index, other in enumerate(texts):
        own += await timed("continued", own, 64 + index)
        await timed("new", other, 64)
    engine.close()
    return {kind: values[3:] for kind, values in found.items()}


def measure(server: Server, session: str, rounds: int) -> list[list[str]]:
    http: dict[str, list[float]] = defaultdict(list)
    bare: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds):
        for kind, values in requests(server, session, turn).items():
            http[kind] += values
        for kind, values in engine_calls(session, turn).items():
            bare[kind] += values
    health = statistics.median(http["health"])
    rows = [[f"{session}: GET /api/health", percentiles(http["health"]), "", "", ""]]
    for kind in ("continued", "new"):
        added = statistics.median(http[kind]) - health
        engine = statistics.median(bare[kind])
        rows.append([
            f"{session}: {kind}", percentiles(http[kind]), f"{added:.2f}", f"{engine:.2f}",
            f"{added / engine:.2f}",
        ])  # fmt: skip
    return rows


def run(options: argparse.Namespace) -> str:
    torch.set_num_threads(1)
    rounds = 2 if options.quick else 5
    with serve() as server:
        rows = [row for name in (SMALL, LARGE) for row in measure(server, name, rounds)]
    return table(["", "p50 / p95 / p99", "minus health", "engine alone", "ratio"], rows)
