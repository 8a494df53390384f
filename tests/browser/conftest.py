"""A real server, a real browser, and the page as a visitor uses it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    TimeoutError,
    expect,
    sync_playwright,
)

from tests.browser.tour import LANGUAGES, NAMES, Tour

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"laptop": (1280, 800), "phone": (390, 844)}
LETTERS = "\n abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,!?'-:;"
HOSTILE = "<img src=x onerror=alert(1)>"
WEIRD = "".join(dict.fromkeys("<>${}`'\"&\\/\n\t =()😀é\u05d0\u05d1\u202e#imgsrconerralet1x,"))
CONTRAST, OVERLAPS = (
    Path(__file__).with_name(name).read_text("utf-8") for name in ("contrast.js", "overlaps.js")
)
# The headless shell first: it draws no window, and takes two thirds of the time.
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder `browser`."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


def unavailable(reason: str) -> NoReturn:
    """Skip; in CI, where nothing may be missing, fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def chromium(names: Sequence[str] = CHROMIUMS) -> str:
    """Where the browser is: the first of these that there is."""
    path = next(filter(None, map(shutil.which, names)), None)
    return path or unavailable("no chromium on this machine: the journeys are not run")


# A browser for each module: as long as Playwright runs, it has the thread's event loop, and other
# tests want one of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    expect.set_options(timeout=10_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, write_model) -> Path:
    """`plain` and `other` of letters, `names` that ends with a line, `weird` of markup and more."""
    folder = tmp_path_factory.mktemp("models")
    kinds = {
        "plain": (LETTERS, {}, {"prompt": "The king shall", "corpus": "Plays"}),
        "names": (LETTERS, {"n_hidden": 48}, {"prompt": "Ann", "end_token": "\n"}),
        "other": (LETTERS, {"n_hidden": 64}, {"prompt": "Once upon", "description": "Bigger."}),
        "weird": (WEIRD, {"n_hidden": 80, "block_size": 16}, {"prompt": HOSTILE}),
    }  # fmt: skip
    for name, (characters, shape, fields) in kinds.items():
        steps = [0, 10, 100, 1000]
        write_model(folder / name, characters, steps, **{"block_size": 64} | shape)
        config = folder / name / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | fields))
    return folder


@contextmanager
def serving(
    models: Path, *, port: int | None = None, **environ: str
) -> Iterator[tuple[str, subprocess.Popen]]:
    """The app in a process of its own, with more in its environment, until the block ends."""
    if port is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    command = [sys.executable, str(Path(__file__).with_name("serve.py")), str(models), str(port)]
    defaults = {"PYTHONPATH": str(ROOT), "PLAYGROUND_ENGINE_PROCESS": "false"}  # no crowd comes
    process = subprocess.Popen(command, env=os.environ | defaults | environ)
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, "the server did not start"
            assert time.monotonic() < deadline, "the server did not answer within 120 s"
            try:
                if httpx.get(address + "/api/health").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        yield address, process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def server(models: Path) -> Iterator[str]:
    with serving(models) as (address, _):
        yield address


@dataclass
class Visit:
    """A page and what is on it, named as a screen reader would."""

    page: Page
    server: str

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def input(self) -> Locator:
        return self.page.get_by_role("textbox", name="Input text")

    @property
    def output(self) -> Locator:
        return self.page.get_by_role("region", name="Generated output")

    @property
    def drawer(self) -> Locator:
        return self.page.locator("#drawer")

    @property
    def status(self) -> Locator:
        return self.drawer.locator(".status__text")

    @property
    def bars(self) -> Locator:
        return self.page.get_by_role("listbox", name="Next-token probabilities")

    @property
    def options(self) -> Locator:
        return self.bars.get_by_role("option")

    @property
    def pick(self) -> Locator:
        return self.bars.locator("[data-picked]")

    def slider(self, name: str) -> Locator:
        return self.page.get_by_role("slider", name=name, exact=True)

    def text(self) -> str:
        """The text on screen; never the cursor."""
        return self.output.evaluate("output => output.textContent")

    def shows(self, text: str) -> None:
        """Wait until exactly this text is on screen."""
        same = "text => document.querySelector('.output').textContent === text"
        try:
            self.page.wait_for_function(same, arg=text, timeout=5000)
        except TimeoutError:
            assert self.text() == text
            raise

    def changes(self, text: str) -> None:
        """Wait until another text than this is on screen."""
        other = "text => document.querySelector('.output').textContent !== text"
        self.page.wait_for_function(other, arg=text, timeout=5000)

    def ready(self) -> Visit:
        expect(self.pick).to_have_count(1)
        expect(self.bars).to_have_attribute("aria-busy", "false")
        return self

    def write(self, text: str) -> Visit:
        self.input.fill(text)
        return self.ready()

    def sample(self) -> Visit:
        """Gradio tells of a change a little later: wait for the odds that are asked for then."""
        with self.page.expect_response(
            lambda answer: (
                answer.url.endswith("/api/generate")
                and "seed" in json.loads(answer.request.post_data or "{}")
            )
        ):
            self.drawer.locator("#pick").get_by_text("Sample").click()
        return self.ready()

    def use(self, session_id: str) -> Visit:
        """Choose a model; on a phone, with the drawer out of the way."""
        modal = self.drawer.get_attribute("role") == "dialog"
        if modal:
            self.button("Close").click()
        self.page.locator(f"input[value='{session_id}']").check(force=True)
        if modal:
            self.button("Playground").click()
        expect(self.drawer.locator(".model__line")).to_contain_text(session_id)
        return self.ready()

    def record(self) -> None:
        """Keep, at every change of the page: the time, the text, and the bars' pick."""
        self.page.evaluate(
            """() => {
              const output = document.querySelector(".output");
              const note = () => window.seen.push({
                at: performance.now(),
                text: output.textContent,
                pick: document.querySelector("[data-picked]")?.dataset.token ?? null,
              });
              window.seen = [];
              new MutationObserver(note).observe(document.querySelector("#player"),
                { subtree: true, childList: true, characterData: true, attributes: true });
            }"""
        )

    def recorded(self) -> list[dict]:
        """Each text on screen once, with when it came and the pick then shown beside it."""
        texts: dict[str, dict] = {}
        for entry in self.page.evaluate("window.seen"):
            texts.setdefault(entry["text"], entry)
        return list(texts.values())

    def ask(self, path: str, **body) -> dict:
        response = httpx.post(f"{self.server}/api/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()


def complaints(message: ConsoleMessage) -> list[str]:
    return [message.text] if message.type == "error" else []


def load_models(address: str, *session_ids: str) -> None:
    """Wait until a server has loaded models, which takes seconds where it imports their library."""
    for session_id in session_ids:
        body = {"session_id": session_id, "context": "the", "temperature": 0}
        httpx.post(f"{address}/api/generate-next-token", json=body, timeout=60).raise_for_status()


@pytest.fixture(scope="module")
def contexts(browser: Browser) -> dict[str, BrowserContext]:
    return {}


@pytest.fixture
def visit(
    browser: Browser, server: str, contexts: dict[str, BrowserContext]
) -> Iterator[Callable[..., Visit]]:
    """`visit(size, theme)`: the page as a first visitor opens it; its console must stay clean."""
    pages, problems = [], []

    def open_page(
        size: str | tuple[int, int] = "laptop", theme: str = "dark", *,
        at: str | None = None, query: str = "", quiet: bool = True, wait: bool = True, **options,
    ) -> Visit:  # fmt: skip
        # One context for all with the same options: its cache spares a second download.
        key = str(options)
        if key not in contexts:
            contexts[key] = browser.new_context(**options)
        page = contexts[key].new_page()
        pages.append(page)
        width, height = SIZES.get(size, size)
        page.set_viewport_size({"width": width, "height": height})
        if quiet:
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda message: problems.extend(complaints(message)))
        page.goto(f"{at or server}/?__theme={theme}{query}")
        found = Visit(page, at or server)
        return found.ready() if wait else found

    yield open_page
    for page in pages:
        # The next one comes as a first visitor, too.
        page.evaluate("try { localStorage.clear() } catch {}")
        page.close()
    assert problems == []


@pytest.fixture(scope="session")
def bundled(models, tmp_path_factory):
    """A server with the models that the lessons are about, and those of the other journeys."""
    folder = tmp_path_factory.mktemp("bundled")
    for source in (models, ROOT / "models"):
        shutil.copytree(source, folder, dirs_exist_ok=True)
    with serving(folder) as (address, _):
        yield address


@pytest.fixture
def tour(visit, bundled):
    """`tour(lesson, …)`: the page with a lesson open."""

    def open_at(lesson=None, *args, language="en", more="", **options):
        query = more if lesson is None else f"&lesson={lesson}"
        options |= {"at": bundled, "query": query, "wait": False, "locale": LANGUAGES[language]}
        found = Tour(visit(*args, **options), language)
        if lesson is not None:
            expect(found.title).to_be_focused(timeout=20_000)
        return found

    return open_at


@pytest.fixture
def lesson(tour):
    """`lesson(number)`: the page at a lesson that is about the drawer, as soon as its bars are."""

    def open_at(number, **options):
        found = tour(NAMES[number - 1], **options).is_at(number)
        found.visit.ready()
        return found

    return open_at
