"""The player's pure modules: their checks are in trace.checks.js, run by a browser or Node."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = Path(__file__).with_name("trace.checks.js")
NAMES = re.findall(r'^  "(.+)": (?:async )?\(\)', CHECKS.read_text("utf-8"), re.MULTILINE)


def command() -> list[str] | None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium:
        script = Path(__file__).with_name("run_checks.py")
        return [sys.executable, str(script), chromium, CHECKS.as_uri()]
    if node := shutil.which("node"):
        run = f"import({json.dumps(CHECKS.as_uri())}).then(module => module.run())"
        return [node, "-e", f"{run}.then(results => console.log(JSON.stringify(results)))"]
    return None


@pytest.fixture(scope="module")
def results() -> dict[str, str | None]:
    runner = command()
    if runner is None:
        reason = "neither chromium nor node on this machine: the player's modules are not checked"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return json.loads(subprocess.run(runner, capture_output=True, check=True, timeout=120).stdout)


def test_every_check_is_run(results):
    assert sorted(results) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_check(results, name):
    assert results[name] is None
