"""Slow phone: a first visit, when the first character is written, and what the bytes are.

A real Chromium at 390 x 844, its processor slowed down 4 times, on a line of 1.6 Mbit/s with a
round trip of 150 ms, presses Play as soon as it can be pressed. The floor is the same visit with
neither slowed down.
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from urllib.parse import urlsplit

from playwright.sync_api import Browser

from benchmarks.browser import chromium
from benchmarks.report import table
from benchmarks.servers import serve

BYTES_PER_SECOND = 1.6e6 / 8
LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": BYTES_PER_SECOND,
    "uploadThroughput": BYTES_PER_SECOND,
}
PLAY = """() => new Promise((done, fail) => {
  const look = () => {
    const play = document.querySelector("#play");
    if (document.querySelector("#player .generated")) return done(performance.now());
    const ready = play && !play.disabled && document.querySelector(".candidate[role]");
    if (ready && !play.dataset.pressed) {
      play.dataset.pressed = Math.round(performance.now());
      play.click();
    }
    requestAnimationFrame(look);
  };
  look();
  setTimeout(() => fail(new Error("no character after a minute")), 60_000);
})"""


def visit(browser: Browser, url: str, *, slow: bool) -> tuple[float, float, Counter[str]]:
    """Milliseconds until Play could be pressed and until a character was there; bytes by kind."""
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    paths: dict[str, str] = {}
    sizes: Counter[str] = Counter()
    devtools.on(
        "Network.requestWillBeSent",
        lambda event: paths.update({event["requestId"]: urlsplit(event["request"]["url"]).path}),
    )
    devtools.on(
        "Network.loadingFinished",
        lambda event: sizes.update(
            {kind(paths.get(event["requestId"], "")): int(event["encodedDataLength"])}
        ),
    )
    if slow:
        devtools.send("Network.emulateNetworkConditions", LINE)
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(url, wait_until="commit")
    written_ms = page.evaluate(PLAY)
    pressed_ms = float(page.locator("#play").get_attribute("data-pressed") or "nan")
    page.context.close()
    return pressed_ms, written_ms, sizes


def kind(path: str) -> str:
    if path.startswith("/page/"):
        return "the page's own modules and words"
    if path.startswith("/api/"):
        return "models on offer, odds"
    if path.startswith(("/assets/", "/static/")):
        return "Gradio's scripts and styles"
    return "the document and Gradio's configuration"


def run(options: argparse.Namespace) -> str:
    rounds = 1 if options.quick else 3
    with serve() as server, chromium() as browser:
        visit(browser, server.url, slow=False)  # the server compresses what is asked for first
        fast = [visit(browser, server.url, slow=False) for _ in range(rounds)]
        slow = [visit(browser, server.url, slow=True) for _ in range(rounds)]
    rows = []
    for name, visits in (("this machine", fast), ("slow phone", slow)):
        pressed = statistics.median(ms for ms, _, _ in visits) / 1000
        written = statistics.median(ms for _, ms, _ in visits) / 1000
        floor = statistics.median(ms for _, ms, _ in fast) / 1000
        rows.append([name, f"{pressed:.1f}", f"{written:.1f}", f"{written / floor:.1f}"])
    sizes = slow[-1][2]
    line_seconds = sum(sizes.values()) / BYTES_PER_SECOND
    kinds = [[kind, f"{size / 1000:.0f}"] for kind, size in sizes.most_common()]
    kinds.append(
        [f"in all; the line alone takes {line_seconds:.1f} s", f"{sizes.total() / 1000:.0f}"]
    )
    times = table(["", "Play can be pressed, s", "a character is written, s", "ratio"], rows)
    return f"{times}\n{table(['bytes', 'kB'], kinds)}"
