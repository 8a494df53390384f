"""What a command cannot do: one line on stderr and exit code 2; a bug keeps its traceback."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from playground.checkpoints.schema import INDEX, WEIGHTS
from playground.cli import evaluate, main, publish, train
from playground.cli.command import run_command
from playground.errors import SessionNotFound
from playground.settings import ROOT

TEXT = "the cat sat on the mat, and the dog sat on the log.\n" * 80


@pytest.fixture
def refused(capsys):
    """`refused(command, *arguments)`: the one line on stderr."""

    def run(command, *arguments):
        try:
            code = command.main([str(argument) for argument in arguments])
        except SystemExit as stopped:  # argparse's way
            code = stopped.code
        told = capsys.readouterr()
        assert (code, told.out) == (2, "")
        assert told.err.count("\n") == 1, told.err
        assert "Traceback" not in told.err
        return told.err

    return run


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "rhyme.txt"
    path.write_text(TEXT, "utf-8")
    return path


@pytest.fixture
def trained(tmp_path, text, capsys):
    """A folder that the command wrote."""
    folder = tmp_path / "trained"
    arguments = ["--text", text, "--out", folder, "--steps", "1", "--batch-size", "1"]
    assert train.main([str(argument) for argument in arguments]) == 0
    capsys.readouterr()
    return folder


NO_TEXT = ": This is not a text in UTF-8"
UNUSABLE = {
    "missing": (lambda path: None, " cannot be read: No such file"),
    "a folder": (lambda path: path.mkdir(), " cannot be read: Is a directory"),
    "empty": (lambda path: path.write_bytes(b""), " has no text in it"),
    "a picture": (lambda path: path.write_bytes(b"\x89PNG\r\n" * 99), f"{NO_TEXT} (byte 0)."),
    "zero bytes": (lambda path: path.write_bytes(bytes(1000)), f"{NO_TEXT}: it holds zero bytes."),
    "a link to itself": (lambda path: path.symlink_to(path), " cannot be read: Too many levels"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_text_that_cannot_be_used(kind, refused, tmp_path, trained):
    make, sentence = UNUSABLE[kind]
    text = tmp_path / "unusable.txt"
    make(text)
    for told in (
        refused(train, "--text", text, "--out", tmp_path / "out"),
        refused(evaluate, trained, "--text", text),
    ):
        assert told.startswith(f"error: {text}{sentence}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--name", "x" * 101], "name: The text must have at most 100 characters"),
        (["--description", "x" * 2001], "description: The text must have at most 2000"),
        (["--corpus", "x" * 2001], "corpus: The text must have at most 2000"),
        (["--name", "\udcff"], "name: This text has half of a surrogate pair"),
        (["--steps", "0"], "--steps: a whole number from 1 to 1000000 is needed"),
        (["--steps", "-3"], "--steps: "),
        (["--steps", "1.5"], "--steps: "),
        (["--steps", "9" * 5000], "--steps: "),
        (["--batch-size", "0"], "--batch-size: "),
        (["--threads", "0"], "--threads: a whole number from 1 to 1024 is needed"),
        (["--threads", "-1"], "--threads: "),
        (["--seed", "-1"], "seed must be from 0"),
        (["--seed", "many"], "--seed: "),
        (["--preset", "huge"], "--preset: "),
        (["--sed", "1"], "unrecognized arguments: --sed"),
        (["--resume"], "holds no unfinished run to resume"),
        (["--prompt", "ROMEO:"], "--prompt has characters that "),
    ],
)
def test_options_that_cannot_be(arguments, sentence, refused, text, tmp_path):
    told = refused(train, "--text", text, "--out", tmp_path / "out", *arguments)
    assert sentence in told
    assert not (tmp_path / "out").exists()


def test_a_prompt_of_unknown_characters_is_refused_before_it_trains(
    refused, text, tmp_path, monkeypatch
):
    monkeypatch.setattr(train, "Trainer", None)
    told = refused(train, "--text", text, "--out", tmp_path / "out", "--prompt", "the Cat é é")
    assert f"that {text} does not have, and the model will not know: 'C', 'é'." in told


def test_places_that_cannot_be_written(refused, text, tmp_path, monkeypatch):
    def out(path):
        return refused(train, "--text", text, "--out", path, "--steps", "1")

    monkeypatch.chdir(tmp_path)
    assert "is there already" in out(".")
    assert "is there already" in out(text)
    assert "cannot be used: Not a directory" in out(text / "below")
    assert "cannot be used: " in out("/proc/playground/model")
    assert "cannot be used: File name too long" in out(tmp_path / ("x" * 300) / "model")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "cannot be written to" in out(tmp_path / "locked")


def test_an_empty_name_is_no_folder(refused, text, tmp_path):
    needed = "the name of a file or folder is needed"
    assert f"--out: {needed}" in refused(train, "--text", text, "--out", "")
    assert f"--text: {needed}" in refused(train, "--text", " ", "--out", tmp_path / "out")
    assert f"folder: {needed}" in refused(publish, "", "owner/name")
    assert f"folder: {needed}" in refused(evaluate, "", "--text", text)


def test_a_disk_that_is_full_is_one_line(text, tmp_path):
    command = f"ulimit -f 8; exec {sys.executable} -m playground train --steps 1 --batch-size 1"
    found = subprocess.run(
        ["bash", "-c", f"{command} --text {text} --out {tmp_path / 'out'}"],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    error = found.stderr.splitlines()[-1]
    assert error.startswith("error: ")
    assert error.endswith("model.safetensors cannot be used: File too large.")
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".partial")]


PRINTS = """
import sys
from playground.cli.command import run_command
sys.exit(run_command(lambda: print("losses\\n" * 99)))
"""


def test_a_reader_that_has_enough_is_no_error():
    with subprocess.Popen(
        [sys.executable, "-c", PRINTS], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as found:
        found.stdout.close()  # as `| head -0`
        assert (found.stderr.read(), found.wait(100)) == (b"", 141)


def test_an_output_that_cannot_be_written_says_so():
    with open("/dev/full", "w") as full:
        found = subprocess.run(
            [sys.executable, "-c", PRINTS],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=100,
        )  # fmt: skip
    assert found.stderr == "error: The output cannot be used: No space left on device.\n"
    assert found.returncode == 2


def test_the_folder_one_is_in_may_be_written(text, tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    arguments = ["--text", str(text), "--out", ".", "--steps", "1", "--batch-size", "1"]
    assert train.main(arguments) == 0
    assert json.loads((folder / "config.json").read_text("utf-8"))["name"] == "here"


def test_a_state_that_is_none(refused, text, tmp_path):
    out = tmp_path / "out"
    (out / ".resume").mkdir(parents=True)
    state = out / ".resume" / "training-state.safetensors"
    for content, sentence in (
        (b"x", "cannot be read: "),
        (b"\x02" + bytes(7) + b"{}", "was begun"),
    ):
        state.write_bytes(content)
        assert sentence in refused(train, "--text", text, "--out", out, "--resume")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--threads", "0"], "--threads: "),
        (["--threads", "-1"], "--threads: "),
        (["--block-size", "0"], "--block-size: "),
        (["--block-size", "-8"], "--block-size: "),
        (["--block-size", "65"], "The model reads at most 64 characters"),
    ],
)
def test_evaluations_that_cannot_be(arguments, sentence, refused, trained, text):
    assert sentence in refused(evaluate, trained, "--text", text, *arguments)


def test_a_text_too_short_to_evaluate(refused, tmp_path, text, capsys):
    out, short = tmp_path / "out", tmp_path / "short.txt"
    text.write_text("ab" * 100, "utf-8")
    short.write_text("ab", "utf-8")
    train.main(["--text", str(text), "--out", str(out), "--steps", "1", "--batch-size", "1"])
    capsys.readouterr()
    assert "is too short" in refused(evaluate, out, "--text", short)


BROKEN = {
    "no folder": lambda folder: shutil.rmtree(folder),
    "no weights": lambda folder: (folder / WEIGHTS).unlink(),
    "cut weights": lambda folder: (folder / WEIGHTS).write_bytes(b"x" * 10),
    "weights that are a folder": lambda folder: (
        (folder / WEIGHTS).unlink(),
        (folder / WEIGHTS).mkdir(),
    ),
    "no JSON": lambda folder: (folder / "config.json").write_text("{"),
    "another JSON": lambda folder: (folder / "vocab.json").write_text("7"),
    "no index": lambda folder: (folder / INDEX).unlink(),
    "an empty index": lambda folder: (folder / INDEX).write_text("[]"),
    "a file": lambda folder: (shutil.rmtree(folder), folder.write_text("x")),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_folder_that_is_no_model(kind, refused, trained, text):
    BROKEN[kind](trained)
    assert refused(evaluate, trained, "--text", text).startswith("error: ")
    told = refused(publish, trained, "owner/name", "--endpoint", "http://127.0.0.1:9")
    assert told.startswith("Not published: ")


def test_a_folder_that_there_is_not_is_called_so(refused, tmp_path, text):
    nope = tmp_path / "nope"
    assert refused(evaluate, nope, "--text", text) == f"error: There is no folder {nope}.\n"
    assert refused(publish, nope, "a/b") == f"Not published: There is no folder {nope}.\n"


def test_a_folder_whose_name_is_too_long_for_a_model_is_told_of_name(refused, text, tmp_path):
    told = refused(train, "--text", text, "--out", tmp_path / ("x" * 101), "--steps", "1")
    assert "The name of the folder --out has 101 characters" in told
    assert "give the model a shorter one with --name" in told


def test_what_an_operating_system_leaves_in_a_folder_is_nothing(text, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".DS_Store").write_bytes(b"x")
    arguments = ["--text", text, "--out", tmp_path / "out", "--steps", "1", "--batch-size", "1"]
    assert train.main([str(argument) for argument in arguments]) == 0


def test_commands_that_there_are_not(refused):
    assert "invalid choice: 'tain'" in refused(main, "tain")
    assert "unrecognized arguments" in refused(main, "serve", "--port", "1")
    for command in (train, evaluate, publish):
        assert "the following arguments are required" in refused(command)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("GRADIO_SERVER_PORT", "abc", "GRADIO_SERVER_PORT must be a whole number, not 'abc'"),
        ("GRADIO_SERVER_PORT", "", "GRADIO_SERVER_PORT must be a whole number, not ''"),
        ("GRADIO_SERVER_PORT", "99999", "GRADIO_SERVER_PORT must be between 0 and 65535"),
        ("HF_ENDPOINT", "http://[x", "HF_ENDPOINT: 'http://[x' is no address of a site"),
        ("PLAYGROUND_MODELS_DIR", "/none", "PLAYGROUND_MODELS_DIR: there is no folder /none"),
    ],
)
def test_a_setting_is_checked_before_a_library_reads_it(variable, value, sentence):
    commands = [["app.py"], ["-m", "playground.publish", "models/names", "owner/name"]]
    for command in commands[: 1 if value == "/none" else 2]:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=os.environ | {variable: value},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (2, f"error: {sentence}\n")


@pytest.mark.parametrize("arguments", [["--port", "8000"], ["--share"], ["models/names"]])
def test_app_refuses_arguments_instead_of_serving_without_them(arguments):
    done = subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    told = f"error: unrecognized arguments: {' '.join(arguments)}; see --help\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_help_names_how_the_server_is_set():
    done = subprocess.run(
        [sys.executable, "app.py", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert "GRADIO_SERVER_PORT" in done.stdout


def test_a_setting_that_is_wrong(refused, monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYGROUND_CHECKPOINT_BYTES", "many")
    told = refused(publish, tmp_path, "owner/name")
    assert told == (
        "Not published: PLAYGROUND_CHECKPOINT_BYTES must be a whole number, not 'many'\n"
    )


@pytest.mark.parametrize("error", [RuntimeError, KeyError, ValueError, TypeError, AssertionError])
def test_a_bug_keeps_its_traceback(error):
    def command():
        raise error("a bug")

    with pytest.raises(error, match="a bug"):
        run_command(command)


def test_an_error_of_several_lines_is_one_line(capsys):
    def command():
        raise OSError("one\n  two")

    assert run_command(command, failed="Not done") == 2
    assert capsys.readouterr().err == "Not done: one two\n"

    def other():
        raise SessionNotFound

    assert run_command(other) == 2
    assert capsys.readouterr().err == "error: Session not found\n"


def test_an_interrupt_is_no_traceback(capsys):
    def command():
        raise KeyboardInterrupt

    assert run_command(command) == 130
    assert capsys.readouterr().err == "Stopped.\n"
