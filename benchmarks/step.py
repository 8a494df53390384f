"""Step: from a click to the new bars on screen, in a real Chromium.

ms from the click to the frame in which the odds of the next token stand. *Step* goes on with the
pick: the page has asked for more than one token and knows most odds by then. *another* clicks on
another candidate, after which nobody knows the odds: the model is in each. *request* is that part
of it in which the page waited for the server; the floor is one request for a text of that length,
on an open connection.
"""

from __future__ import annotations

import argparse
import random
import time
from contextlib import closing

from benchmarks.browser import chromium
from benchmarks.load import get_json, request_json
from benchmarks.models import LARGE, SMALL, random_text
from benchmarks.report import percentile, percentiles, table
from benchmarks.servers import Server, serve

CLICKS = 100
WAYS = {"Step": "#step", "another": "#player [role=option]:not([data-picked])"}
# The bars are those of the text on screen again, and a frame has shown them.
_CLICK = """(selector) => new Promise((done) => {
  const bars = document.querySelector(".candidates");
  const output = document.querySelector(".output");
  const length = output.textContent.length;
  const isThere = () => output.textContent.length > length
    && bars.getAttribute("aria-busy") === "false" && bars.querySelector("[data-picked]");
  const began = performance.now();
  const look = () => {
    if (!isThere()) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => {
      const asked = performance.getEntriesByType("resource")
        .filter((one) => one.startTime >= began && one.name.includes("/api/generate"));
      performance.clearResourceTimings();
      done([performance.now() - began, asked.reduce((sum, one) => sum + one.duration, 0)]);
    }));
  };
  const observer = new MutationObserver(look);
  observer.observe(document.querySelector("#player"),
    { subtree: true, childList: true, attributes: true, characterData: true });
  document.querySelector(selector).click();
})"""


def clicks(server: Server, session: str, way: str, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds until the bars, and of the requests in them."""
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(f"{server.url}/?model={session}&prompt=The+king+said&pick=sample&seed=1&v=1")
        page.wait_for_selector("[data-picked]", timeout=60_000)
        found = []
        for _ in range(count + 5):
            found.append(page.evaluate(_CLICK, WAYS[way]))
            page.wait_for_timeout(200)  # as a person waits
    whole, asked = zip(*found[5:], strict=True)  # the first ones warm up
    return list(whole), list(asked)


def requests(server: Server, session: str, count: int) -> list[float]:
    """Milliseconds of a request for the odds after an ever new text."""
    vocabulary = get_json(server, f"/api/sessions/{session}")["vocabulary"]
    draw, found = random.Random(1), []
    with closing(server.connect()) as connection:
        for _ in range(count):
            body = {"session_id": session, "context": random_text(vocabulary, 64, draw), "n": 1,
                    "temperature": 0.8, "seed": 1}  # fmt: skip
            began = time.perf_counter()
            request_json(connection, "POST", "/api/generate", body)
            found.append((time.perf_counter() - began) * 1e3)
    return found


def run(options: argparse.Namespace) -> str:
    count = 20 if options.quick else CLICKS
    rows = []
    with serve() as server:
        for session in (SMALL, LARGE):
            floor = requests(server, session, count)
            for way in WAYS:
                whole, asked = clicks(server, session, way, count)
                ratio = percentile(whole, 50) / percentile(floor, 50)
                rows.append(
                    [f"{session}, {way}", percentiles(whole), percentiles(asked),
                     percentiles(floor), f"{ratio:.1f}"]
                )  # fmt: skip
    columns = ["", "click to bars, p50 / p95 / p99", "request", "floor", "p50 ratio"]
    return table(columns, rows)
