"""Firefox and WebKit behind one small interface, each through the driver that comes with it.

Playwright drives builds of its own of these two; here are those that a distribution ships.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains, Remote
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 1280, 900
WAIT_SECONDS = 60
POLL_SECONDS = 0.1
# WebKit's driver reports no errors: they are kept from when the page is loaded. A layout that takes
# one more frame is told as an error, too.
KEEP_ERRORS = """
window.problems = [];
addEventListener("error", ({ message }) =>
  message.startsWith("ResizeObserver loop") || problems.push(message));
addEventListener("unhandledrejection", ({ reason }) => problems.push(String(reason)));
"""


KEYS = {
    "ArrowLeft": Keys.ARROW_LEFT,
    "Escape": Keys.ESCAPE,
}  # those that have more than a character


class Missing(Exception):
    """An engine, or what drives it, is not installed; the message says which."""


class Engine(ABC):
    """A browser with one page. Scripts are expressions in JavaScript."""

    @abstractmethod
    def open(self, address: str) -> None: ...

    @abstractmethod
    def evaluate(self, script: str) -> Any: ...

    @abstractmethod
    def click(self, selector: str) -> None:
        """Click with the mouse, after scrolling there."""

    @abstractmethod
    def press(self, key: str) -> None:
        """Press a key, by its name in the DOM, where the focus is."""

    @abstractmethod
    def problems(self) -> list[str]:
        """Errors of the page so far."""

    def wait(self, script: str) -> Any:
        """The value of a script as soon as it is true."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (value := self.evaluate(script)):
            assert time.monotonic() < deadline, f"never true: {script}; {self.problems()}"
            time.sleep(POLL_SECONDS)
        return value

    def text(self, selector: str) -> str:
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")


class Firefox(Engine):
    """Firefox through Puppeteer and WebDriver BiDi, in firefox.js."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def _send(self, *command: str) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(command) + "\n")
        stdin.flush()
        answer = json.loads(stdout.readline() or '{"error": "Firefox has ended"}')
        assert "error" not in answer, f"{command}: {answer['error']}"
        return answer["value"]

    def open(self, address: str) -> None:
        self._send("open", address)

    def evaluate(self, script: str) -> Any:
        return self._send("evaluate", script)

    def click(self, selector: str) -> None:
        self._send("click", selector)

    def press(self, key: str) -> None:
        self._send("press", key)

    def problems(self) -> list[str]:
        return self._send("problems")


class WebKit(Engine):
    """WebKitGTK's MiniBrowser through WebDriver."""

    def __init__(self, driver: Remote) -> None:
        self._driver = driver

    def open(self, address: str) -> None:
        self._driver.get(address)
        self._driver.execute_script(KEEP_ERRORS)

    def evaluate(self, script: str) -> Any:
        return self._driver.execute_script(f"return ({script})")

    def click(self, selector: str) -> None:
        self._driver.find_element(By.CSS_SELECTOR, selector).click()

    def press(self, key: str) -> None:
        ActionChains(self._driver).send_keys(KEYS.get(key, key)).perform()

    def problems(self) -> list[str]:
        return self.evaluate("window.problems")


def _path(*names: str) -> str:
    """Where the first of some programs is that is installed."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise Missing(f"no {names[0]} on this machine")
    return found


@contextmanager
def firefox() -> Iterator[Engine]:
    browser, node = _path("firefox-esr", "firefox"), _path("node")
    if not (ROOT / "node_modules" / "puppeteer-core").is_dir():
        raise Missing("puppeteer-core is not installed: run `npm ci`")
    script = Path(__file__).with_name("firefox.js")
    process = subprocess.Popen(
        [node, str(script), browser, str(WIDTH), str(HEIGHT)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    with process:  # its end closes stdin, at which the browser is closed, and waits for it
        yield Firefox(process)


@contextmanager
def webkit() -> Iterator[Engine]:
    server, display = _path("WebKitWebDriver"), _path("Xvfb")
    browsers = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    if not browsers:
        raise Missing("no MiniBrowser of WebKitGTK on this machine")
    options = Options()
    options.binary_location = str(browsers[-1])
    options.add_argument("--automation")
    with _screen(display) as name:
        service = Service(server, env=os.environ | {"DISPLAY": name})
        service.start()
        try:
            config = ClientConfig(service.service_url, timeout=2 * WAIT_SECONDS)
            with Remote(RemoteConnection(client_config=config), options=options) as driver:
                driver.set_window_size(WIDTH, HEIGHT)
                yield WebKit(driver)
        finally:
            service.stop()


@contextmanager
def _screen(program: str) -> Iterator[str]:
    """A screen that nobody sees, for a browser without a headless mode: its name."""
    reading, writing = os.pipe()
    command = [program, "-displayfd", str(writing), "-nolisten", "tcp"]
    size = ["-screen", "0", f"{WIDTH}x{HEIGHT}x24"]
    with open(reading, encoding="ascii") as numbers:
        process = subprocess.Popen(command + size, pass_fds=[writing], stderr=subprocess.DEVNULL)
        os.close(writing)
        try:
            yield f":{numbers.readline().strip()}"
        finally:
            process.terminate()
            process.wait()
