"""What a training costs those who play: their token latency with and without, in turn in one run.

A visitor asks the smallest bundled model for one character of an ever new text, twenty times a
second, over HTTP. The rounds without a training and those with as many as the server runs at a time
take turns, so that whatever else the machine does meets both.

    python benchmarks/playing_while_training.py
"""

from __future__ import annotations

import argparse
import random
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from playground.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 4
TOKENS_A_ROUND = 200
PAUSE_SECONDS = 0.05

SERVER = """
import sys, torch, uvicorn
from playground.service.playground import Playground
from playground.settings import Settings
from playground.api.app import create_api
torch.set_num_threads(1)
app = create_api(Playground(Settings(trainings_max=int(sys.argv[2]))))
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""


def start_server(n_trainings: int) -> tuple[subprocess.Popen[bytes], httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", SERVER, str(port), str(n_trainings)]
    process = subprocess.Popen(command, cwd=ROOT)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
    for _ in range(300):
        try:
            client.get("/api/health")
            return process, client
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


def latencies(client: httpx.Client, session: dict, draw: random.Random) -> list[float]:
    """Seconds until each of a round's characters."""
    vocabulary = client.get(f"/api/sessions/{session['session_id']}").json()["vocabulary"]
    found = []
    for _ in range(TOKENS_A_ROUND):
        request = {
            "session_id": session["session_id"],
            "context": "".join(draw.choices(vocabulary, k=session["block_size"])),
            "temperature": 0,
        }
        began = time.perf_counter()
        client.post("/api/generate-next-token", json=request).raise_for_status()
        found.append(time.perf_counter() - began)
        time.sleep(PAUSE_SECONDS)
    return found


def start_training(client: httpx.Client, visitor: int) -> str:
    body = {"visitor": f"benchmark-{visitor:016}", "corpus": "docs", "steps": 20_000}
    session_id = client.post("/api/trainings", json=body).raise_for_status().json()["session_id"]
    while not client.get(f"/api/trainings/{session_id}").json()["losses"]:
        time.sleep(0.05)
    return session_id


def speed(client: httpx.Client, session_ids: list[str]) -> float:
    found = [client.get(f"/api/trainings/{id}").json()["steps_per_second"] for id in session_ids]
    return statistics.mean(found)


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trainings", type=int, default=Settings().trainings_max)
    args = parser.parse_args()
    process, client = start_server(args.trainings)
    draw = random.Random(1)
    try:
        session = client.get("/api/sessions").json()["sessions"][0]
        client.get("/api/corpora")
        alone: list[float] = []
        beside: list[float] = []
        latencies(client, session, draw)  # warm
        for _ in range(ROUNDS):
            alone += latencies(client, session, draw)
            ids = [start_training(client, i) for i in range(args.trainings)]
            beside += latencies(client, session, draw)
            steps_per_second = speed(client, ids)
            for session_id in ids:
                client.delete(f"/api/trainings/{session_id}")
        for name, values in (("alone", alone), (f"beside {args.trainings} training(s)", beside)):
            print(f"{name:>22}: median {statistics.median(values) * 1e3:6.2f} ms, "
                  f"p95 {p95(values) * 1e3:6.2f} ms")  # fmt: skip
        print(f"{'ratio':>22}: median {statistics.median(beside) / statistics.median(alone):6.2f}, "
              f"   p95 {p95(beside) / p95(alone):6.2f}   "
              f"({steps_per_second:.0f} steps/s meanwhile)")  # fmt: skip
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
