"""Thirty first visits at once: files remembered compressed, against Gradio's own serving.

A real Chromium opens the page once and tells which files a visit takes; then thirty clients fetch
them all at the same time from two servers in turn, one with `CacheAssets` and one without. Servers
keep idle connections for longer than a round. Where one is closed while a request is on its way,
the client asks again, as a browser does, and the number of such retries is told.

    python benchmarks/first_visits.py
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parent.parent
VISITORS = 30
ROUNDS = 3
RETRIES_MAX = 3
HEADERS = {"accept-encoding": "gzip, deflate, br"}

SERVER = """
import sys, uvicorn
import playground.page.gradio_patches as patches
if sys.argv[2] == "plain":
    patches._is_plain_asset = lambda scope: False
from playground.app import create_app
from playground.settings import Settings
# A connection idles while the slowest of six files comes. If it is closed meanwhile, by default
# after 5 s, the next request on it fails.
uvicorn.run(
    create_app(Settings()), port=int(sys.argv[1]), log_level="error", timeout_keep_alive=120
)
"""


def start(kind: str) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", SERVER, str(port), kind]
    process = subprocess.Popen(command, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            httpx.get(f"{url}/api/health").raise_for_status()
            return process, url
        except httpx.TransportError:
            time.sleep(0.1)
    process.kill()
    raise SystemExit("the server did not start")


def files_of_a_visit(url: str) -> list[str]:
    from playwright.sync_api import sync_playwright

    paths: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.on(
            "request", lambda r: paths.append(urlsplit(r.url).path) if r.method == "GET" else None
        )
        page.goto(url, wait_until="networkidle")
        browser.close()
    return [path for path in dict.fromkeys(paths) if path.startswith(("/assets/", "/page/"))]


async def fetch(client: httpx.AsyncClient, path: str) -> int:
    """Fetch a file; how many times it had to be asked for again. GET may be repeated."""
    for retries in range(RETRIES_MAX):
        try:
            (await client.get(path)).raise_for_status()
            return retries
        except (httpx.ReadError, httpx.RemoteProtocolError):
            continue  # the server closed the connection meanwhile
    (await client.get(path)).raise_for_status()
    return RETRIES_MAX


async def visit(client: httpx.AsyncClient, paths: list[str]) -> int:
    retries = 0
    for start in range(0, len(paths), 6):  # a browser opens six connections to a host
        retries += sum(await asyncio.gather(*(fetch(client, p) for p in paths[start : start + 6])))
    return retries


async def visits(url: str, paths: list[str]) -> tuple[float, int]:
    """Seconds of all visits, and retries."""
    clients = [
        httpx.AsyncClient(base_url=url, headers=HEADERS, timeout=60) for _ in range(VISITORS)
    ]
    began = time.perf_counter()
    retries = sum(await asyncio.gather(*(visit(client, paths) for client in clients)))
    seconds = time.perf_counter() - began
    for client in clients:
        await client.aclose()
    return seconds, retries


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    servers = {kind: start(kind) for kind in ("plain", "remembered")}
    try:
        paths = files_of_a_visit(servers["plain"][1])
        print(f"{len(paths)} files a visit, {VISITORS} visits at once, best of {ROUNDS} rounds")
        best: dict[str, tuple[float, float]] = {}
        retried = dict.fromkeys(servers, 0)
        for _ in range(ROUNDS):
            for kind, (process, url) in servers.items():
                before = cpu_seconds(process)
                seconds, retries = asyncio.run(visits(url, paths))
                retried[kind] += retries
                best[kind] = min(
                    best.get(kind, (1e9, 1e9)), (seconds, cpu_seconds(process) - before)
                )
        for kind, (seconds, cpu) in best.items():
            again = f", {retried[kind]} retries" if retried[kind] else ""
            print(f"{kind:>10}: {seconds:6.2f} s, server CPU {cpu:6.2f} s{again}")
        plain, remembered = best["plain"], best["remembered"]
        faster, lighter = plain[0] / remembered[0], plain[1] / remembered[1]
        print(f"     ratio: {faster:6.2f}    server CPU {lighter:6.2f}")
    finally:
        for process, _ in servers.values():
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
