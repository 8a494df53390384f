"""The losses of a folder, whoever has trained its model."""

import json

import pytest

from playground.cli.evaluate import main
from tests.checkpoints.gpt2 import CHARACTERS, draw, files_with


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(CHARACTERS * 40)
    return path


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "nano"
    folder.mkdir()
    for name, content in files_with(draw(bias=True), "".join(sorted(CHARACTERS))).items():
        (folder / name).write_bytes(content)
    return folder


def test_a_folder_of_nanogpt_is_evaluated_as_it_is(folder, text, capsys):
    assert main([str(folder), "--text", str(text)]) == 0
    assert " bits per character " in capsys.readouterr().out


def test_a_folder_of_none_says_what_is_missing(folder, text, capsys):
    (folder / "config.json").write_text(json.dumps({"n_layer": 2}))
    assert main([str(folder), "--text", str(text)]) == 2
    assert "config.json does not say n_head" in capsys.readouterr().err
