"""One token through the API, against a route that does nothing on the same kind of server.

The three kinds of request take turns in one run, over connections that stay open:

    nothing      a bare FastAPI route that answers {}
    remembered   a text that was asked about before
    new          a text that nobody asked about yet: one forward of the model

    python benchmarks/api.py [--models-dir models] [--session shakespeare] [--rounds 1000]
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

import httpx
from serving import serve

NOTHING = """
import os, fastapi, uvicorn
app = fastapi.FastAPI()

@app.post("/nothing")
async def nothing():
    return {}

uvicorn.run(app, port=int(os.environ["GRADIO_SERVER_PORT"]), log_level="error", access_log=False)
"""
WARM_UP_ROUNDS = 50


def seconds_of(client: httpx.Client, path: str, body: dict[str, object]) -> float:
    began = time.perf_counter()
    response = client.post(path, json=body)
    seconds = time.perf_counter() - began
    response.raise_for_status()
    return seconds


def measure(app: str, floor: str, session: str, rounds: int) -> dict[str, list[float]]:
    draw = random.Random(0)
    seconds: dict[str, list[float]] = {"nothing": [], "remembered": [], "new": []}
    with httpx.Client(base_url=app) as asking, httpx.Client(base_url=floor) as doing_nothing:
        known = asking.get(f"/api/sessions/{session}").raise_for_status().json()
        base = {"session_id": session, "temperature": 1.0}

        def some_text() -> str:
            return "".join(draw.choices(known["vocabulary"], k=known["block_size"]))

        remembered = base | {"context": some_text()}
        for _ in range(WARM_UP_ROUNDS + rounds):
            new = base | {"context": some_text()}
            path = "/api/generate-next-token"
            seconds["nothing"].append(seconds_of(doing_nothing, "/nothing", new))
            seconds["remembered"].append(seconds_of(asking, path, remembered))
            seconds["new"].append(seconds_of(asking, path, new))
    return {kind: values[WARM_UP_ROUNDS:] for kind, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models-dir", default="models")
    parser.add_argument("--session", default="shakespeare")
    parser.add_argument("--rounds", type=int, default=1000)
    options = parser.parse_args()
    with (
        serve(["app.py"], PLAYGROUND_MODELS_DIR=options.models_dir) as app,
        serve(["-c", NOTHING]) as floor,
    ):
        seconds = measure(app.url, floor.url, options.session, options.rounds)
    floor_median = statistics.median(seconds["nothing"])
    print(f"{options.session}, {options.rounds} rounds")
    print(f"{'':12}{'median ms':>10}{'p95 ms':>10}{'ratio':>8}")
    for kind, values in seconds.items():
        median, p95 = statistics.median(values), statistics.quantiles(values, n=20)[-1]
        print(f"{kind:12}{median * 1e3:10.2f}{p95 * 1e3:10.2f}{median / floor_median:8.2f}")


if __name__ == "__main__":
    main()
