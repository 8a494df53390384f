"""The browser's modules: unit tests, linters and type checks through Node, each as one test."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from playground.i18n.translate import catalog
from playground.page.blocks import build_page
from playground.page.bundle import FRONTEND, frontend_bundle
from playground.page.config import page_config
from playground.page.head import document_head, gradio_head
from playground.settings import ROOT

TOOLS = ROOT / "node_modules" / ".bin"
# Safari 16.4, Chrome 111 and Firefox 115 parse all of it. early.js is there for older ones.
SYNTAX = 2022
SYNTAX_EARLY = 2018
PARSE = """
import { readFileSync } from "node:fs";
import { parse } from "acorn";

const refused = [];
for (const { name, text, ecmaVersion, sourceType } of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    parse(text, { ecmaVersion, sourceType });
  } catch (error) {
    refused.push(`${name}: ${error.message}`);
  }
}
console.log(JSON.stringify(refused));
"""


def unavailable(reason):
    """Skip; in CI, where nothing may be missing, fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def run(*command, given=None, **environ):
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environ, input=given, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def node():
    """Path of Node 20 or later."""
    path = shutil.which("node")
    if path is None:
        unavailable("no Node on this machine: the page's modules are not checked")
    version = int(run(path, "-p", "process.versions.node").split(".")[0])
    if version < 20:
        unavailable(f"Node {version} is too old for the page's modules: 20 is needed")
    return path


@pytest.fixture
def tool(node):
    """Path of a development tool, as `npm ci` installs it."""

    def find(name):
        if not (TOOLS / name).exists():
            unavailable(f"{name} is not installed: run `npm ci`")
        return TOOLS / name

    return find


@pytest.fixture(scope="module")
def page_data(tmp_path_factory):
    """A file with what the page fetches before it starts: configuration and messages."""
    path = tmp_path_factory.mktemp("page") / "data.json"
    path.write_text(json.dumps({"config": page_config(), "messages": dict(catalog("en"))}))
    return path


def test_unit_tests_pass(node, page_data):
    report = run(
        node, "--test", "--test-reporter=tap", "tests/frontend/",
        PAGE_DATA=str(page_data), PYTHON=sys.executable,
    )  # fmt: skip
    files = list((ROOT / "tests" / "frontend").glob("*.test.js"))
    written = sum(path.read_text("utf-8").count('\ntest("') for path in files)
    passed = re.search(r"# pass (\d+)\n", report)
    assert passed is not None
    assert int(passed[1]) >= written, "a test in a loop is several"
    assert "# skipped 0\n" in report


def test_eslint_finds_nothing(tool):
    run(tool("eslint"), ".", "--max-warnings=0")


def test_stylelint_finds_nothing(tool):
    run(tool("stylelint"), "playground/frontend/**/*.css", "--max-warnings=0")


def test_types_are_consistent(tool):
    run(tool("tsc"))


@pytest.fixture
def refused(node, tool):
    """`refused(scripts)`: those that are no JavaScript of their version, and why."""
    tool("acorn")

    def parse(scripts):
        return json.loads(run(node, "--input-type=module", "-e", PARSE, given=json.dumps(scripts)))

    return parse


def script(name, text, version=SYNTAX, source="script"):
    return {"name": name, "text": text, "ecmaVersion": version, "sourceType": source}


def test_every_module_is_what_the_oldest_browsers_parse(refused):
    paths = set(FRONTEND.rglob("*.js")) - {FRONTEND / "early.js"}
    modules = [
        script(str(path.relative_to(FRONTEND)), path.read_text("utf-8"), source="module")
        for path in sorted(paths)
    ]
    assert len(modules) > 40
    assert refused(modules) == []


def test_so_is_the_file_that_holds_them_all(refused):
    bundle = frontend_bundle()
    assert refused([script(bundle.name, bundle.code, source="module")]) == []


def test_so_is_every_script_within_the_page(refused, service):
    async def build():  # in a loop: without one, Gradio makes its own and leaves it open
        return build_page(service)

    demo = asyncio.run(build())
    inlined = re.findall("<script>(.*?)</script>", gradio_head(), re.DOTALL)
    handlers = [event.js for event in demo.fns.values() if isinstance(event.js, str)]
    mounts = filter(None, (getattr(block, "js_on_load", "") for block in demo.blocks.values()))
    scripts = [script(text[:60], text) for text in (*inlined, *handlers, *mounts)]
    assert len(inlined) == 1
    assert len(handlers) > len(inlined)
    assert refused(scripts) == []


def test_the_early_script_is_what_far_older_ones_parse(refused):
    inlined = re.findall("<script[^>]*>(.*?)</script>", document_head(), re.DOTALL)
    assert len(inlined) == 1
    assert "function isSupported" in inlined[0]
    assert refused([script("early.js", inlined[0], SYNTAX_EARLY)]) == []


@pytest.mark.parametrize("text", ["/[a--b]/v", "using a = b", "import a from 'b' with { c: 'd' }"])
def test_what_is_newer_is_refused(refused, text):
    assert len(refused([script("newer", text, source="module")])) == 1


def test_the_lock_file_names_no_registry():
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
