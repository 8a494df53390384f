"""The page's modules that know no page: their checks are in *.checks.js, run by a browser."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODULES = sorted(path.name for path in HERE.glob("*.checks.js"))
NAMES = [
    (module, name)
    for module in MODULES
    for name in re.findall(r'^  "(.+)": (?:async )?\(\)', (HERE / module).read_text("utf-8"), re.M)
]


@pytest.fixture(scope="module")
def results():
    """What each check of each module said: null, or what is wrong."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        reason = "no chromium on this machine: the page's modules are not checked"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    said = {}
    for module in MODULES:
        command = [
            sys.executable,
            "-m",
            "tests.frontend.run_checks",
            chromium,
            f"/tests/frontend/{module}",
        ]
        done = subprocess.run(
            command, capture_output=True, check=True, timeout=120, cwd=HERE.parents[1]
        )
        said |= {(module, name): wrong for name, wrong in json.loads(done.stdout).items()}
    return said


def test_every_check_is_run(results):
    assert sorted(results) == sorted(NAMES)


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_check(results, module, name):
    assert results[module, name] is None
