"""The browser's modules: unit tests, linters and type checks through Node, each as one test."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from playground.i18n.translate import catalog
from playground.page.config import page_config
from playground.settings import ROOT

TOOLS = ROOT / "node_modules" / ".bin"


def unavailable(reason):
    """Skip; in CI, where nothing may be missing, fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def run(*command, **environ):
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, timeout=300
    )
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
    assert f"# pass {written}\n" in report
    assert "# skipped 0\n" in report


def test_eslint_finds_nothing(tool):
    run(tool("eslint"), ".", "--max-warnings=0")


def test_stylelint_finds_nothing(tool):
    run(tool("stylelint"), "playground/frontend/**/*.css", "--max-warnings=0")


def test_types_are_consistent(tool):
    run(tool("tsc"))


def test_the_lock_file_names_no_registry():
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
