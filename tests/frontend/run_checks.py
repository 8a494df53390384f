"""Run a module of checks in a browser and print its results; a process of its own, as Playwright
allows one loop a thread and the journeys have theirs."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Route, sync_playwright

from playground.i18n import translate as messages

ROOT = Path(__file__).parents[2]
HOST = "http://checks.test"  # nobody is asked for it: every request is answered here


def answer(route: Route) -> None:
    path = urlsplit(route.request.url).path
    if path.endswith("/messages.json"):
        route.fulfill(json={"language": "en", "messages": dict(messages.catalog("en"))})
    elif path == "/":
        route.fulfill(content_type="text/html", body="<!doctype html>")
    else:
        route.fulfill(content_type="text/javascript", path=ROOT / path.lstrip("/"))


def main(chromium: str, module: str) -> None:
    with sync_playwright() as playwright:
        args = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=args)
        page = browser.new_page()
        page.route(f"{HOST}/**", answer)
        page.goto(HOST)
        print(
            json.dumps(page.evaluate("name => import(name).then(module => module.run())", module))
        )
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
