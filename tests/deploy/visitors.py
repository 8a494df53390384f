"""Visitors that play, without a browser: they ask and retry as frontend/playback does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx

from playground.page.config import PROBE_TIMEOUT_MS, REQUEST_TIMEOUT_MS, RETRY_MS

CHUNK, CHUNK_SECONDS = 20, 2.0  # characters asked at a time, and how long they play
BLOCK_SIZE = 64


@dataclass
class Visitor:
    """Plays a text. lost, busy: how often the page would have said so. errors: what it would have
    stopped at. waits: seconds from each request to its answer, retries included."""

    prompt: str
    text: str = ""
    lost: int = 0
    busy: int = 0
    errors: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    async def play(self, client: httpx.AsyncClient, chunks: int, delay: float) -> None:
        await asyncio.sleep(delay)
        for _ in range(chunks):
            due = asyncio.get_running_loop().time()
            self.text += await self._next(client)
            now = asyncio.get_running_loop().time()
            self.waits.append(now - due)
            await asyncio.sleep(max(0.0, due + CHUNK_SECONDS - now))

    async def _next(self, client: httpx.AsyncClient) -> str:
        whole = self.prompt + self.text
        body = {
            "session_id": "plain", "context": whole[-BLOCK_SIZE:], "position": len(whole),
            "n": CHUNK, "temperature": 0.8, "seed": 7,
        }  # fmt: skip
        while True:
            try:
                response = await client.post(
                    "/api/generate", json=body, timeout=REQUEST_TIMEOUT_MS / 1000
                )
            except httpx.TransportError:
                self.lost += 1
                await self._until_back(client)
                continue
            if response.status_code == 200:
                return "".join(step["token"] for step in response.json()["steps"])
            if response.status_code == 503 and "Retry-After" in response.headers:
                self.busy += 1
                await asyncio.sleep(float(response.headers["Retry-After"]))
                continue
            self.errors.append(f"{response.status_code} {response.text}")
            await asyncio.sleep(RETRY_MS / 1000)

    async def _until_back(self, client: httpx.AsyncClient) -> None:
        while True:
            await asyncio.sleep(RETRY_MS / 1000)
            try:
                await client.get("/api/health", timeout=PROBE_TIMEOUT_MS / 1000)
                return
            except httpx.TransportError:
                continue


async def play_together(address: str, count: int, chunks: int, meanwhile) -> list[Visitor]:
    """`count` visitors, spread over a chunk's time; `meanwhile` is awaited beside them."""
    visitors = [Visitor(f"Visitor {'abcdefghij'[i % 10]} wrote ") for i in range(count)]
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, limits=limits) as client:
        await asyncio.gather(
            *(
                visitor.play(client, chunks, i * CHUNK_SECONDS / count)
                for i, visitor in enumerate(visitors)
            ),
            meanwhile,
        )
    return visitors


def alone(address: str, visitors: list[Visitor]) -> dict[str, str]:
    """What one server alone writes after each of the visitors' prompts."""
    texts = {}
    for visitor in visitors:
        if visitor.prompt not in texts:
            body = {
                "session_id": "plain", "context": visitor.prompt, "n": len(visitor.text),
                "temperature": 0.8, "seed": 7,
            }  # fmt: skip
            response = httpx.post(f"{address}/api/generate", json=body, timeout=60)
            texts[visitor.prompt] = "".join(s["token"] for s in response.json()["steps"])
    return texts
