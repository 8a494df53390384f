"""First visits: many at once, what they ask for, and what they cost the server.

A real Chromium with an empty cache opens the page; its requests are recorded. Then many visitors
make them all at the same time over real HTTP, on six connections each, as a browser does: once to
a server that has just started and has compressed nothing yet, then to one that has. Sampled texts
get a seed of their own. *x health*: server CPU of a visit by that of as many requests to `GET
/api/health`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.browser import chromium
from benchmarks.report import table
from benchmarks.servers import Server, serve

CONNECTIONS = 6  # of a browser to a host
SETTLED_MS = 2000
KEPT_HEADERS = ("accept", "accept-encoding", "content-type", "x-language")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request of a visit; `bytes_received`: of its response, headers included, compressed."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str
    bytes_received: int


@dataclass(frozen=True, slots=True)
class Round:
    wall: float
    server_cpu: float
    generator_cpu: float


def record(url: str) -> list[Recorded]:
    """The requests of a first visit, until the first odds are shown and the network is quiet."""
    requests: dict[str, dict] = {}
    sizes: dict[str, int] = {}
    with chromium() as browser:
        page = browser.new_context().new_page()
        devtools = page.context.new_cdp_session(page)
        devtools.send("Network.enable")
        devtools.on("Network.requestWillBeSent", lambda e: requests.update({e["requestId"]: e}))
        devtools.on(
            "Network.loadingFinished",
            lambda e: sizes.update({e["requestId"]: int(e["encodedDataLength"])}),
        )
        page.goto(url)
        page.wait_for_selector("[data-picked]")
        page.wait_for_timeout(SETTLED_MS)
    return [
        _recorded(event["request"], sizes.get(name, 0))
        for name, event in requests.items()
        if event["request"]["url"].startswith(url)
    ]


def _recorded(request: dict, bytes_received: int) -> Recorded:
    address = urlsplit(request["url"])
    headers = {name.lower(): value for name, value in request["headers"].items()}
    headers.setdefault("accept-encoding", "gzip, deflate, br, zstd")
    return Recorded(
        request["method"],
        address.path + (f"?{address.query}" if address.query else ""),
        tuple((name, headers[name]) for name in KEPT_HEADERS if name in headers),
        request.get("postData", ""),
        bytes_received,
    )


def as_bytes(request: Recorded, host: str, visitor: int) -> bytes:
    body = request.body
    if body and "seed" in (fields := json.loads(body)):
        body = json.dumps(fields | {"seed": visitor})
    encoded = body.encode()
    lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    lines += [f"Content-Length: {len(encoded)}"] if encoded else []
    return "\r\n".join([*lines, "", ""]).encode() + encoded


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> None:
    """Send a request and read its response to the end."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert b" 200 " in head[:16], (request, head)
    if b"transfer-encoding: chunked" in head:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        length = head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
        await reader.readexactly(int(length))


async def visit(address: tuple[str, int], requests: Sequence[bytes]) -> None:
    """The document alone, then the rest on six connections."""
    document, *rest = requests
    waiting = iter(rest)

    async def connection(first: Sequence[bytes]) -> None:
        reader, writer = await asyncio.open_connection(*address)
        for request in first:
            await exchange(reader, writer, request)
        if first:
            return writer.close()
        for request in waiting:
            await exchange(reader, writer, request)
        return writer.close()

    await connection([document])
    await asyncio.gather(*(connection([]) for _ in range(CONNECTIONS)))


def replay(server: Server, visits: int, recorded: Sequence[Recorded]) -> Round:
    host = "{}:{}".format(*server.address)
    made = [[as_bytes(request, host, i) for request in recorded] for i in range(visits)]

    async def all_at_once() -> None:
        await asyncio.gather(*(visit(server.address, requests) for requests in made))

    server_cpu, own_cpu, began = server.cpu_seconds(), time.process_time(), time.perf_counter()
    asyncio.run(all_at_once())
    return Round(
        time.perf_counter() - began,
        server.cpu_seconds() - server_cpu,
        time.process_time() - own_cpu,
    )


def run(options: argparse.Namespace) -> str:
    visits, rounds = (30, 1) if options.quick else (100, 3)
    with serve() as server:
        recorded = record(server.url)
        warm = [replay(server, visits, recorded) for _ in range(rounds)]
        health = Recorded("GET", "/api/health", (), "", 0)
        floor = replay(server, visits, [health] * len(recorded))
    with serve() as server:
        time.sleep(10)  # the process that trainings are forked from has started
        cold = [replay(server, visits, recorded)]
    rows = []
    for name, found in (("GET /api/health", [floor]), ("warm", warm), ("just started", cold)):
        server_cpu, wall, own_cpu = (
            statistics.median(getattr(one, field) for one in found)
            for field in ("server_cpu", "wall", "generator_cpu")
        )
        rows.append([
            name, f"{server_cpu:.2f}", f"{server_cpu / floor.server_cpu:.1f}", f"{wall:.2f}",
            f"{own_cpu:.2f}",
        ])  # fmt: skip
    size = sum(request.bytes_received for request in recorded)
    columns = [
        f"{visits} visits at once",
        "server CPU, s",
        "x health",
        "wall, s",
        "generator CPU, s",
    ]
    return f"A visit: {len(recorded)} requests, {size / 1000:.0f} kB.\n\n{table(columns, rows)}"
