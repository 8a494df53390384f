"""How the time to an answer grows with the number of visitors who watch at 100 ms a token.

Each of them asks every two seconds for the next 20 characters of a text of their own, as the page
does, whether or not the last answer was quick. All on loopback, client and server on this machine.

    python benchmarks/growth.py [--models-dir models] [--session shakespeare] [--seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time

import httpx
from serving import serve

VISITORS = (1, 10, 100, 300)
CHUNK = 20
EVERY_SECONDS = 2.0


async def visitor(url: str, session: str, prompt: str, seconds: float, waits: list[float]) -> None:
    draw = random.Random(prompt)
    text, position, seed = prompt, len(prompt), draw.randrange(2**32)
    end = time.perf_counter() + seconds
    due = time.perf_counter() + draw.random() * EVERY_SECONDS
    async with httpx.AsyncClient(base_url=url, timeout=60, verify=False) as client:
        while due < end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            body = {
                "session_id": session, "context": text, "temperature": 0.8, "seed": seed,
                "position": position, "n": CHUNK,
            }  # fmt: skip
            response = await client.post("/api/generate", json=body)
            waits.append(time.perf_counter() - due)
            steps = response.raise_for_status().json()["steps"]
            text = (text + "".join(step["token"] for step in steps))[-len(prompt) :]
            position += CHUNK
            due += EVERY_SECONDS


async def crowd(url: str, session: str, n_visitors: int, seconds: float) -> list[float]:
    """Seconds from when each request was due to when its answer was there."""
    known = httpx.get(f"{url}/api/sessions/{session}").raise_for_status().json()
    draw = random.Random(n_visitors)
    prompts = [
        "".join(draw.choices(known["vocabulary"], k=known["block_size"])) for _ in range(n_visitors)
    ]
    waits: list[float] = []
    await asyncio.gather(*(visitor(url, session, prompt, seconds, waits) for prompt in prompts))
    return waits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models-dir", default="models")
    parser.add_argument("--session", default="shakespeare")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    print(f"{options.session}: {CHUNK} characters every {EVERY_SECONDS:g} s for each visitor")
    print(f"{'visitors':>8}{'tokens/s':>10}{'median ms':>11}{'p95 ms':>9}{'server CPU':>12}")
    with serve(["app.py"], PLAYGROUND_MODELS_DIR=options.models_dir) as server:
        for n_visitors in VISITORS:
            used, began = server.cpu_seconds(), time.perf_counter()
            waits = asyncio.run(crowd(server.url, options.session, n_visitors, options.seconds))
            wall = time.perf_counter() - began
            cpu = (server.cpu_seconds() - used) / wall
            median, p95 = statistics.median(waits), statistics.quantiles(waits, n=20)[-1]
            print(
                f"{n_visitors:8}{len(waits) * CHUNK / wall:10,.0f}{median * 1e3:11.1f}"
                f"{p95 * 1e3:9.1f}{cpu:12.0%}"
            )


if __name__ == "__main__":
    main()
