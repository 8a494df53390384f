"""A real headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.load import INTERVAL_MS
from benchmarks.servers import Server

_RECORD = """() => {
  const output = document.querySelector(".output");
  let length = output.textContent.length;
  window.ticks = [];
  new MutationObserver(() => {
    for (; length < output.textContent.length; length += 1) window.ticks.push(performance.now());
  }).observe(document.querySelector("#player"),
    { subtree: true, childList: true, characterData: true });
  document.querySelector("#play").click();
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


class Player:
    """A page of the playground that plays, sampling, at INTERVAL_MS a character."""

    def __init__(self, browser: Browser, server: Server, session: str, seed: int) -> None:
        self._page: Page = browser.new_context().new_page()
        self._page.goto(
            f"{server.url}/?model={session}&prompt=The+king+said&pick=sample&temperature=0.8"
            f"&seed={seed}&speed={INTERVAL_MS}&v=1"
        )
        self._page.wait_for_selector("[data-picked]", timeout=60_000)

    def play(self) -> None:
        self._page.evaluate(_RECORD)

    def gaps(self) -> list[float]:
        """Milliseconds between a character and the one before it; ends the visit."""
        ticks = self._page.evaluate("window.ticks")
        self._page.context.close()
        return [later - earlier for earlier, later in pairwise(ticks)]
