"""Soak: visitors come, play, change models, reload, vanish, and ask for what there is not.

After a warm-up of the same kind the server is left alone, and what it holds is noted: resident
memory, threads, sockets, other open files, requests in batches, tasks, Gradio's sessions. Then
visitors come for the time that is asked for, and it is noted again. The caches of answers and of
states are small, so that they are full after the warm-up.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from benchmarks.models import random_text
from benchmarks.report import table
from benchmarks.servers import Server, serve

VISITORS = 12
WARM_UP_SECONDS = 60
SETTLE_SECONDS = 30  # within which what visitors left is given up
SMALL_CACHES = dict.fromkeys(
    ("PLAYGROUND_ANSWER_CACHE_BYTES", "PLAYGROUND_PREFIX_CACHE_BYTES"), str(2**20)
)
SERVER = ("-m", "benchmarks.observed_server")


@dataclass(frozen=True, slots=True)
class Held:
    """What a server holds. requests: in running batches. tasks: by their coroutine."""

    rss_bytes: int
    threads: int
    sockets: int
    files: int
    requests: int
    tasks: dict[str, int]
    gradio_sessions: int

    @property
    def pending(self) -> int:
        return self.requests + sum(self.tasks.values())


@dataclass(slots=True)
class Visits:
    """What visitors did, and the answers that they should not have got."""

    done: Counter[str] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)


@contextmanager
def soak_server(**environ: str) -> Iterator[Server]:
    with serve(SERVER, path="/held", **environ) as server:
        yield server


def held(server: Server) -> Held:
    """What it holds now."""
    seen = httpx.get(f"{server.url}/held", timeout=60).json()
    sockets, files = server.open_files()
    return Held(server.rss_bytes(), server.n_threads(), sockets, files, **seen)


def settled(server: Server, start: Held) -> Held:
    """What it holds once it is no more than at the start, or SETTLE_SECONDS later.

    Gradio looks every 15 seconds whether a page is still there.
    """
    end = time.monotonic() + SETTLE_SECONDS
    while (seen := held(server)).pending > start.pending and time.monotonic() < end:
        time.sleep(0.5)
    return seen


def visit(server: Server, seconds: float, n_visitors: int = VISITORS, seed: int = 0) -> Visits:
    """Visitors for a time; each does one thing after the other, at random."""
    return asyncio.run(_visit(server, seconds, n_visitors, seed))


async def _visit(server: Server, seconds: float, n_visitors: int, seed: int) -> Visits:
    end, visits = time.monotonic() + seconds, Visits()
    limits = httpx.Limits(max_connections=2, max_keepalive_connections=1)

    async def one(index: int) -> None:
        draw = random.Random(seed * 1000 + index)
        while time.monotonic() < end:
            async with httpx.AsyncClient(
                base_url=server.url, timeout=60, limits=limits, verify=False
            ) as client:
                visitor = Visitor(server, client, draw, visits)
                for _ in range(8):
                    if time.monotonic() < end:
                        await visitor.act()

    await asyncio.gather(*(one(index) for index in range(n_visitors)))
    return visits


class Visitor:
    """One visitor, on connections of their own."""

    def __init__(
        self, server: Server, client: httpx.AsyncClient, draw: random.Random, visits: Visits
    ) -> None:
        self._server, self._client, self._draw, self._visits = server, client, draw, visits
        self._session: dict | None = None
        self._text = ""

    async def act(self) -> None:
        actions: list[Callable[[], Awaitable[None]]] = [
            self.play, self.play, self.play, self.change_model, self.reload, self.vanish,
            self.load_missing_repo, self.score,
        ]  # fmt: skip
        action = self._draw.choice(actions)
        if self._session is None:
            await self.change_model()
        await action()
        self._visits.done[action.__name__] += 1

    async def _ask(self, method: str, path: str, *statuses: int, **options) -> httpx.Response:
        response = await self._client.request(method, path, **options)
        if response.status_code not in statuses:
            self._visits.unexpected[f"{method} {path}: {response.status_code}"] += 1
        return response

    async def change_model(self) -> None:
        sessions = (await self._ask("GET", "/api/sessions", 200)).json()["sessions"]
        # Texts are of characters at random, which word pieces don't tell in a list.
        of_characters = [one for one in sessions if one["tokenizer"] == "characters"]
        id = self._draw.choice(of_characters)["session_id"]
        self._session = (await self._ask("GET", f"/api/sessions/{id}", 200)).json()
        self._text = self._random_text()

    def _random_text(self) -> str:
        assert self._session is not None
        return random_text(self._session["vocabulary"], 40, self._draw)

    def _body(self, n: int) -> dict[str, object]:
        assert self._session is not None
        return {"session_id": self._session["session_id"], "temperature": 0.9, "n": n,
                "context": self._text[-self._session["block_size"] :],
                "seed": self._draw.randrange(2**31)}  # fmt: skip

    async def play(self) -> None:
        for _ in range(3):
            answer = await self._ask("POST", "/api/generate", 200, 503, json=self._body(20))
            if answer.status_code == 200:
                self._text += "".join(step["token"] for step in answer.json()["steps"])
            await asyncio.sleep(0.05)

    async def score(self) -> None:
        assert self._session is not None
        body = {"session_id": self._session["session_id"], "text": self._random_text()}
        await self._ask("POST", "/api/score", 200, 503, json=body)

    async def reload(self) -> None:
        """A page with its Gradio session, which ends when the page does."""
        await self._ask("GET", "/", 200)
        await self._ask("GET", "/page/config.json", 200)
        config = (await self._ask("GET", "/config", 200)).json()
        calls = {one["api_name"]: one["id"] for one in config["dependencies"]}
        name = f"{self._draw.randrange(16**11):011x}"
        body = {"data": [], "fn_index": calls["sessions"], "session_hash": name}
        async with self._client.stream("GET", f"/gradio_api/heartbeat/{name}") as beat:
            await self._ask("POST", "/gradio_api/queue/join", 200, json=body)
            async for _ in beat.aiter_raw():
                break

    async def vanish(self) -> None:
        """Close the socket while the answer is computed."""
        body = json.dumps(self._body(500)).encode()
        reader, writer = await asyncio.open_connection(*self._server.address)
        head = f"POST /api/generate HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        await writer.drain()
        await asyncio.sleep(self._draw.random() * 0.05)
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await reader.read()

    async def load_missing_repo(self) -> None:
        await self._ask("GET", f"/api/sessions/none-{self._draw.random()}", 404)
        await self._ask("DELETE", f"/api/loads/{self._draw.random()}", 404)
        await self._ask("POST", "/api/loads", 400, json={"repo_id": "not an address"})
        body = self._body(1) | {"session_id": f"{self._draw.random()}/no@" + "0" * 40}
        await self._ask("POST", "/api/generate", 404, json=body)


def run(options: argparse.Namespace) -> str:
    seconds, warm_up = (30, 15) if options.quick else (60 * options.minutes, WARM_UP_SECONDS)
    with soak_server(**SMALL_CACHES) as server:
        first = held(server)
        visit(server, warm_up)
        before = settled(server, first)
        visits = visit(server, seconds, seed=1)
        after = settled(server, first)
    columns = ["", "started", "after the warm-up", "after the visits", "ratio"]
    rows = [["memory, MiB", *(f"{one.rss_bytes / 2**20:.0f}" for one in (first, before, after)),
             f"{after.rss_bytes / before.rss_bytes:.3f}"]]  # fmt: skip
    for name in ("threads", "sockets", "files", "requests", "gradio_sessions"):
        values = [getattr(one, name) for one in (first, before, after)]
        rows.append([name.replace("_", " "), *values, f"{values[2] / max(1, values[1]):.3f}"])
    values = [sum(one.tasks.values()) for one in (first, before, after)]
    rows.append(["tasks", *values, f"{values[2] / max(1, values[1]):.3f}"])
    done = ", ".join(f"{name} {count}" for name, count in sorted(visits.done.items()))
    unexpected = ", ".join(f"{count} x {name}" for name, count in visits.unexpected.items())
    return (
        f"{seconds / 60:.1f} minutes, {VISITORS} visitors: {done}. "
        f"Unexpected answers: {unexpected or 'none'}.\n\n{table(columns, rows)}"
    )
