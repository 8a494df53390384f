"""Imports point downwards (the contracts in pyproject.toml); importing does nothing."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from playground.settings import ROOT

PACKAGE = ROOT / "playground"
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path):
    """Dotted names of what a module imports; those of this package start with `playground.`."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def name_of(path):
    return str(path.relative_to(ROOT))


def test_the_walk_sees_relative_and_absolute_imports():
    seen = set(imports(PACKAGE / "service" / "playground.py"))
    assert {
        "asyncio",
        "playground.lm.sampling.SamplingParams",
        "playground.inference.engine_process.OffloadingEngine",
    } <= seen


def test_arrows_point_one_way():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_every_room_is_in_the_contract():
    contract = (ROOT / "pyproject.toml").read_text("utf-8")
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    for room in rooms - {"__init__"}:
        assert f"playground.{room}" in contract, room


@pytest.mark.parametrize("path", sorted((PACKAGE / "lm").glob("*.py")), ids=name_of)
def test_the_language_model_knows_no_files_clocks_threads_or_networks(path):
    roots = {name.split(".")[0] for name in imports(path)}
    pure = {
        "__future__", "collections", "contextlib", "dataclasses", "functools", "itertools", "math",
        "typing", "unicodedata", "numpy", "torch", "playground",
    }  # fmt: skip
    assert roots <= pure
    calls = {node.id for node in ast.walk(ast.parse(path.read_text())) if hasattr(node, "id")}
    assert not calls & {"open", "print", "input", "exec", "eval", "__import__"}


@pytest.mark.parametrize("path", [*MODULES, ROOT / "app.py"], ids=name_of)
def test_nothing_that_runs_what_it_reads(path):
    assert not {name.split(".")[0] for name in imports(path)} & {
        "pickle",
        "dill",
        "joblib",
        "marshal",
    }
    text = path.read_text("utf-8")
    assert not re.search(r"torch\.load\(|trust_remote_code|\bexec\(|(?<![.\w])eval\(", text)


def test_importing_reads_no_weights_and_opens_no_socket():
    """In a process of its own, where the system reports every file and socket that is opened."""
    script = """
import sys
seen = []
def hook(event, args):
    if event in ("socket.connect", "socket.bind"):
        seen.append((event, str(args[1:])))
    if event == "open" and str(args[0]).endswith((".safetensors", ".pt", "vocab.json")):
        seen.append((event, str(args[0])))
sys.addaudithook(hook)
import playground
import playground.train
import playground.evaluate
import app
assert not seen, seen
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=120)


def tracked_files():
    """What is or would be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_no_drawer_for_odds_and_ends():
    odd = {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "common.py", "manager.py"}
    assert not [path for path in PACKAGE.rglob("*") if path.name in odd]


LINES_MAX = 60


def test_no_function_is_longer_than_can_be_taken_in_at_once():
    """Nested functions count into the outer one; CONTRIBUTING names the exceptions: none."""
    long = [
        (name_of(path), node.name)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > LINES_MAX
    ]
    assert long == []


def test_packages_come_from_where_the_installer_looks():
    """No index, mirror or address of a registry is written down; a machine brings its own."""
    address = re.compile(rb"--(extra-)?index-url|--find-links|PIP_INDEX|pypi\.org|pytorch\.org/whl")
    this_file = ROOT / "tests" / "test_architecture.py"
    found = [
        name_of(path)
        for path in tracked_files()
        if path != this_file and address.search(path.read_bytes())
    ]
    assert not found
