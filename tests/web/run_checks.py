"""Run a module of checks in a browser and print its results; a process of its own, as Playwright
allows one loop a thread and the journeys have theirs."""

import json
import sys

from playwright.sync_api import sync_playwright


def main(chromium: str, url: str) -> None:
    # The modules are read from files, which a browser lets a page do only when asked to.
    args = ["--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=args)
        page = browser.new_page()
        page.goto(url)
        print(json.dumps(page.evaluate("url => import(url).then(module => module.run())", url)))
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
