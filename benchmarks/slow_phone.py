"""A first visit on a slow phone: when the first character is written, and what the bytes are.

A real Chromium at 390 x 844, its processor slowed down 4 times, on a line of 1.6 Mbit/s with a
round trip of 150 ms, presses Play as soon as it can be pressed. The floor is the same visit with
neither slowed down.

    python benchmarks/slow_phone.py
"""

from __future__ import annotations

import shutil
import statistics
from collections import Counter
from urllib.parse import urlsplit

from first_visits import start
from playwright.sync_api import Browser, sync_playwright

ROUNDS = 3
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


def main() -> None:
    process, url = start("remembered")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            visit(browser, url, slow=False)  # the server's first answers are compressed anew
            fast = [visit(browser, url, slow=False) for _ in range(ROUNDS)]
            slow = [visit(browser, url, slow=True) for _ in range(ROUNDS)]
            browser.close()
    finally:
        process.terminate()
        process.wait(10)
    for name, runs in (("this machine", fast), ("slow phone", slow)):
        pressed, written = (statistics.median(run[i] for run in runs) for i in (0, 1))
        print(f"{name:>12}: Play can be pressed after {pressed / 1000:.1f} s, "
              f"a character is written after {written / 1000:.1f} s")  # fmt: skip
    sizes = slow[-1][2]
    for name, size in sizes.most_common():
        print(f"{size / 1000:8.0f} kB  {name}")
    print(f"{sum(sizes.values()) / 1000:8.0f} kB  in all; the line alone takes "
          f"{sum(sizes.values()) * 8 / 1.6e6:.1f} s for them")  # fmt: skip


if __name__ == "__main__":
    main()
