"""What README says exists, and what exists stands in README."""

import importlib
import os
import re
import subprocess
import sys

import pytest

import playground
from playground.api.app import create_api
from playground.page.config import HIDEABLE_CONTROLS
from playground.service.playground import Playground
from playground.settings import ROOT, Settings, environment_variable

README = (ROOT / "README.md").read_text("utf-8")
RUN = "python -m pip install -r requirements.txt && python app.py"
TEST = "python -m pip install -r requirements-dev.txt && python -m pytest"


@pytest.mark.parametrize("command", [RUN, TEST])
def test_one_command_runs_it_and_one_tests_it(command):
    assert command in README
    for name in re.findall(r"[\w-]+\.(?:txt|py)", command):
        assert (ROOT / name).is_file()


def test_every_benchmark_starts_from_anywhere(tmp_path):
    """Each is imported in a folder that is not ours, and README lists each of them."""
    load_all = """
import importlib
from benchmarks.__main__ import DEFAULT, OPTIONAL
for name in DEFAULT + OPTIONAL:
    assert callable(importlib.import_module(f"benchmarks.{name}").run), name
print(*DEFAULT, *OPTIONAL)
"""
    done = subprocess.run(
        [sys.executable, "-c", load_all], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    listed = re.findall(r"python -m benchmarks (\w+)", README)
    assert listed == done.stdout.split()


def test_the_commands_of_modules_and_scripts_exist():
    for module in re.findall(r"python -m ((?:playground|benchmarks)[\w.]*)", README):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
    for script in re.findall(r"python ([\w/]+\.py)", README):
        assert (ROOT / script).is_file(), script


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_stands_in_the_table(field):
    assert f"| `{environment_variable(field)}` |" in README


def test_every_setting_of_the_table_exists():
    for name in re.findall(r"PLAYGROUND_(\w+)", README):
        assert hasattr(Settings(), name.lower()), name


def test_every_route_stands_in_the_table(tmp_path):
    paths = create_api(Playground(Settings(models_dir=tmp_path))).openapi()["paths"]
    described = {f"{verb.upper()} {path}" for path, verbs in paths.items() for verb in verbs}
    assert set(re.findall(r"^\| `((?:GET|POST|DELETE) [^`]+)` \|", README, re.M)) == described


def test_every_link_into_the_repository_leads_somewhere():
    for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)\s]+)\)", README):
        assert (ROOT / target.split("#")[0]).exists(), target


def test_the_space_is_described():
    front = dict(re.findall(r"^(\w+): (.+)$", README.split("---")[1], re.M))
    assert front["sdk"] == "gradio"
    assert front["app_file"] == "app.py"
    assert f"gradio[mcp]=={front['sdk_version']}" in (ROOT / "requirements.txt").read_text()
    assert len(front["short_description"]) <= 60


def test_every_lesson_is_in_the_gallery_by_its_title():
    lessons = (ROOT / "playground" / "lessons").glob("*.md")
    told = {
        path.stem: re.search(r"^title: (.+)$", path.read_text("utf-8"), re.M)[1]
        for path in lessons
        if not path.stem.endswith(".de")
    }
    listed = re.findall(r"^\| (.+) \| <\S+/\?lesson=(\S+)> \|$", README, re.M)
    assert {name: title for title, name in listed} == told


def test_every_parameter_of_a_link_stands_in_the_table():
    static = ROOT / "playground" / "frontend"
    read = re.search(
        r"function parsers\(\).+?return \{(.+?)\n  \};",
        (static / "sharing" / "link.js").read_text(),
        re.S,
    )[1]
    course = re.findall(r'given\.get\("(\w+)"\)', (static / "sharing" / "course.js").read_text())
    for name in [*re.findall(r"^    (\w+):", read, re.M), *course, "v"]:
        assert re.search(rf"^\|.*`{name}\b", README, re.M), name


def test_every_control_that_can_be_hidden_stands_in_the_table():
    assert ".".join(HIDEABLE_CONTROLS) in README


CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text("utf-8")
ROOMS = {
    path.stem
    for path in (ROOT / "playground").iterdir()
    if (path.is_dir() and path.name not in ("__pycache__",)) or path.suffix == ".py"
} - {"__init__", "__main__", "train", "evaluate", "publish"}


def test_the_tree_names_every_room_and_nothing_else():
    tree = re.search(r"^```\n(app\.py .+?)^```", README, re.M | re.S)[1]
    named, folders = set(), []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.split(r" {2,}", line.strip())[0].split()
        for name in names:
            path = ROOT.joinpath(*folders[:depth], name)
            assert path.exists(), path
            if depth == 1:
                named.add(path.stem)
        folders[depth:] = [names[0]]
    assert named == ROOMS


def test_the_map_of_the_package_names_every_room_and_nothing_else():
    assert set(re.findall(r"^    (\w+)/? {2,}", playground.__doc__, re.M)) == ROOMS


def test_every_path_in_contributing_exists():
    for path in re.findall(r"`((?:playground|models|tests|pyproject)[\w./-]*)`", CONTRIBUTING):
        if "/" in path or path.endswith((".toml", ".txt")):
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("name", re.findall(r"`(playground(?:\.\w+)+)`", CONTRIBUTING))
def test_the_home_of_each_fact_exists(name):
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)
