"""The wheel: complete, installable, and with every dependency declared."""

import ast
import importlib.metadata
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import venv
import zipfile
from pathlib import Path

import httpx
import pytest

from playground.cli.main import main
from playground.page.bundle import frontend_bundle
from playground.settings import ROOT

# Distributions whose name is not that of the module.
DISTRIBUTIONS = {"yaml": "pyyaml", "markdown_it": "markdown-it-py", "PIL": "pillow",
                 "xdist": "pytest-xdist", "zxingcpp": "zxing-cpp"}  # fmt: skip
OURS = {"playground", "tests", "benchmarks", "app"}


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(file):
    """{distribution: version specifier} of a requirements file, and of those that it includes."""
    found = {}
    for line in (ROOT / file).read_text().splitlines():
        if included := re.fullmatch(r"-r (\S+)", line):
            found |= declared(included[1])
        elif parsed := re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?(\S*)", line):
            found[normalised(parsed[1])] = parsed[2]
    return found


def imported(folder):
    """Distributions that the modules below a folder import."""
    paths = [*(ROOT / folder).rglob("*.py")]
    names = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.split(".")[0])
    known = sys.stdlib_module_names | OURS | {path.stem for path in paths}
    return {normalised(DISTRIBUTIONS.get(name, name)) for name in names - known}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def optional():
    """Distributions of the extras."""
    lists = project()["optional-dependencies"].values()
    return {normalised(re.match(r"[\w.-]+", line)[0]) for lines in lists for line in lines}


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("playground", "requirements.txt"),
        ("tests", "requirements-dev.txt"),
        ("benchmarks", "requirements-dev.txt"),
    ],
)
def test_every_import_is_declared(folder, file):
    assert imported(folder) <= declared(file).keys() | optional()


def test_what_is_optional_is_imported_by_nothing_that_is_always_imported():
    """The engine on Ray Serve, which nothing in the package imports."""
    paths = [*(ROOT / "playground").rglob("*.py")]
    importing = [
        path.stem for path in paths if re.search(r"^\s*(from|import) ray\b", path.read_text(), re.M)
    ]
    assert importing == ["ray_deployment"]
    assert not [path for path in paths if "import ray_deployment" in path.read_text()
                or "ray_deployment import" in path.read_text()]  # fmt: skip


def test_what_the_package_needs_has_an_upper_bound():
    for name, versions in declared("requirements.txt").items():
        assert re.search(r"==|<", versions), name


def test_what_is_installed_here_is_within_the_bounds():
    specifiers = pytest.importorskip("packaging.specifiers")
    for name, versions in declared("requirements.txt").items():
        version = importlib.metadata.version(name).split("+")[0]
        assert specifiers.SpecifierSet(versions).contains(version), (name, version)


def test_this_python_is_one_of_those_that_are_supported():
    low, high = re.findall(r"3\.(\d+)", project()["requires-python"])
    assert int(low) <= sys.version_info.minor < int(high)


def test_an_unknown_command_is_an_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["serv"])
    assert "train" in capsys.readouterr().err


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run([*command, str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The scripts of a venv that holds the wheel, with this Python's packages as dependencies."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    done = subprocess.run(
        [*pip, "install", "-q", "--no-deps", "--no-index", str(wheel)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    here = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(here))
    return folder / "bin"


@pytest.mark.slow
def test_the_wheel_holds_all_files_of_the_package_and_the_bundled_models(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "playground", "models"], cwd=ROOT, capture_output=True, text=True,
        check=True,
    ).stdout.splitlines()  # fmt: skip
    expected = {re.sub("^models/", "playground/models/", name)
                for name in tracked if (ROOT / name).is_file()}  # fmt: skip
    assert expected <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


@pytest.mark.slow
@pytest.mark.parametrize("command", [[], ["train"], ["evaluate"], ["publish"]])
def test_the_installed_command_explains_itself(installed, tmp_path, command):
    done = subprocess.run(
        [installed / "token-playground", *command, "--help"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
    if not command:
        assert {"serve", "train", "evaluate", "publish"} <= set(re.findall(r"\w+", done.stdout))


@pytest.mark.slow
@pytest.mark.parametrize("command", [["token-playground"], ["python", "-m", "playground", "serve"]])
def test_the_installed_server_has_the_bundled_models(installed, tmp_path, command):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    process = subprocess.Popen(
        [installed / command[0], *command[1:]], cwd=tmp_path,
        env=environment | {"GRADIO_SERVER_PORT": str(port)},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None
            assert time.monotonic() < deadline
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/api/sessions", timeout=30)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        names = {session["session_id"] for session in answer.json()["sessions"]}
        page = httpx.get(f"http://127.0.0.1:{port}/page/{frontend_bundle().name}")
    finally:
        process.terminate()
        process.wait(10)
    assert names == {path.name for path in Path(ROOT / "models").iterdir() if path.is_dir()}
    assert page.status_code == 200
