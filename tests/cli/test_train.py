"""The command that trains, as a person uses it: folders, resuming after a kill, mistakes."""

import dataclasses
import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from playground.checkpoints.folder import load_model, read_run
from playground.cli import evaluate, train
from playground.cli.corpus import read_corpus
from playground.lm.scoring import sliding_validation_loss
from playground.training.corpora import in_word_pieces
from playground.training.presets import PRESETS

ROOT = Path(__file__).parents[2]
SHAKESPEARE = ROOT.parent / "shared" / "data" / "tinyshakespeare.txt"
NAMES = SHAKESPEARE.with_name("names.txt")
TALES = SHAKESPEARE.with_name("tales.txt")


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "rhyme.txt"
    path.write_text("the cat sat on the mat, and the dog sat on the log.\n" * 80, "utf-8")
    return path


def arguments(text, out, *more):
    return ["--text", str(text), "--out", str(out), "--batch-size", "4", *more]


def test_it_writes_a_folder_that_can_be_read(text, tmp_path, capsys):
    out = tmp_path / "models" / "rhyme"
    assert train.main(arguments(text, out, "--steps", "32", "--corpus", "A rhyme")) == 0
    run = read_run(out)
    assert run.steps == [0, 10, 30, 32]
    assert run.config.name == "rhyme"
    assert run.config.end_token is None
    losses = [entry.val_loss for entry in run.checkpoints]
    assert losses == sorted(losses, reverse=True)
    assert run.checkpoints[-1].tokens == 32 * 4 * 64
    assert load_model(run, 32, max_bytes=2**20).config == run.model_config
    assert f"validation loss {losses[-1]:.4f}" in capsys.readouterr().out
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {
        "README.md",
        "config.json",
        "vocab.json",
        "model.safetensors",
        "checkpoints/index.json",
        *(f"checkpoints/step-{step:06d}/model.safetensors" for step in (0, 10, 30)),
    }


def test_the_card_tells_how_the_model_was_made_and_quotes_nothing(text, tmp_path):
    out = tmp_path / "rhyme"
    train.main(
        arguments(text, out, "--steps", "2", "--description", "Rhymes a little.", "--seed", "0")
    )
    card = (out / "README.md").read_text("utf-8")
    assert card.startswith("---\nlicense: mit\nlibrary_name: token-playground\n")
    assert "python -m playground.train --text rhyme.txt --preset small --out rhyme" in card
    assert " --seed 0 " in card
    assert "Rhymes a little." in card
    assert str(tmp_path) not in card
    assert "the mat" not in card


@pytest.mark.parametrize(("preset", "measured"), [("small", [0, 2]), ("plain", [2])])
def test_the_sliding_loss_is_measured_where_a_step_is_cheap_and_at_the_last(
    text, tmp_path, preset, measured
):
    out = tmp_path / "rhyme"
    train.main(arguments(text, out, "--steps", "2", "--preset", preset))
    entries = read_run(out).checkpoints
    assert [e.step for e in entries if e.sliding_val_loss is not None] == measured
    card = (out / "README.md").read_text("utf-8")
    assert f"With a sliding window: {entries[-1].sliding_val_loss:.4f}" in card
    first, last = (line for line in card.splitlines() if line.startswith(("| 0 |", "| 2 |")))
    assert first.endswith(" |  |") == (preset == "plain")
    assert last.endswith(f"| {entries[-1].val_loss:.4f} | {entries[-1].sliding_val_loss:.4f} |")


def test_the_same_command_gives_the_same_weights_again(text, tmp_path):
    for name in ("one", "two"):
        train.main(arguments(text, tmp_path / name, "--steps", "5", "--seed", "7"))
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_killed_run_goes_on_to_the_very_same_weights(text, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert train.main(arguments(text, whole, "--steps", "45")) == 0
    command = [sys.executable, "-m", "playground.train", *arguments(text, killed, "--steps", "45")]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    reached = killed / "checkpoints" / "step-000030" / "model.safetensors"
    deadline = time.monotonic() + 60
    while not reached.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "model.safetensors").exists()
    assert train.main(arguments(text, killed, "--steps", "45")) == 2  # not without being asked
    assert train.main(arguments(text, killed, "--steps", "45", "--resume")) == 0
    assert not (killed / ".resume").exists()
    one, two = (load_file(folder / "model.safetensors") for folder in (whole, killed))
    assert all(torch.equal(one[key], two[key]) for key in one)
    entries = [json.loads((f / "checkpoints/index.json").read_text()) for f in (whole, killed)]
    assert entries[0] == entries[1]


def test_word_pieces_are_learned_and_the_losses_are_those_of_characters(text, tmp_path, capsys):
    out = tmp_path / "pieces"
    more = ("--tokenizer", "bpe", "--vocab-size", "280", "--steps", "2", "--prompt", "the hämster")
    assert train.main(arguments(text, out, *more)) == 0
    run = read_run(out)
    corpus, _ = read_corpus(text, lines=False, seed=1)
    held_out = in_word_pieces(corpus, 280)
    assert run.vocabulary.pieces == held_out.vocabulary.pieces
    assert run.model_config.vocab_size == len(run.vocabulary)
    assert not (out / "vocab.json").exists()
    ids = torch.from_numpy(held_out.validation)
    n_characters = len(run.vocabulary.decode(ids[1:].tolist()))
    last, model = run.checkpoints[-1], load_model(run, None, max_bytes=2**20)
    per_token = sliding_validation_loss(model, ids)
    assert last.sliding_val_loss == pytest.approx(per_token * (len(ids) - 1) / n_characters)
    assert last.val_loss < run.checkpoints[0].val_loss
    told, bits = capsys.readouterr().out, last.sliding_val_loss / math.log(2)
    assert f"{last.val_loss:.4f} nats per character" in told
    card = (out / "README.md").read_text("utf-8")
    assert "last 64 tokens of a vocabulary of" in card
    assert f"**{bits:.3f} bits per character**" in card
    assert f"{last.sliding_val_loss:.4f}** ({per_token:.4f} per token)" in card
    assert "--tokenizer bpe --vocab-size 280" in card
    assert "- subword\n" in card
    assert evaluate.main([str(out), "--text", str(text)]) == 0
    evaluated = capsys.readouterr().out
    assert f"and {per_token:.4f}  {bits:.3f} bits per character" in evaluated
    assert evaluated.endswith(f"sliding window {last.sliding_val_loss:.4f}\n")


def test_a_run_of_word_pieces_is_resumed_with_the_same_ones_alone(text, tmp_path, monkeypatch):
    out, pieces = tmp_path / "out", ("--steps", "2", "--tokenizer", "bpe", "--vocab-size")
    monkeypatch.setattr(train, "write_run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert train.main(arguments(text, out, *pieces, "270")) == 130
    monkeypatch.undo()
    assert train.main(arguments(text, out, *pieces, "265", "--resume")) == 2
    assert train.main(arguments(text, out, *pieces, "270", "--resume")) == 0
    assert len(read_run(out).vocabulary) == 270


def test_a_list_in_word_pieces_ends_with_its_line(tmp_path):
    text, out = tmp_path / "list.txt", tmp_path / "out"
    text.write_text("\n".join(f"item number{i:03d}" for i in range(200)), "utf-8")
    assert train.main(arguments(text, out, "--steps", "1", "--lines", "--tokenizer", "bpe")) == 0
    run = read_run(out)
    assert run.config.end_token == "\n"
    assert load_model(run, None, max_bytes=2**20).config.vocab_size == len(run.vocabulary)
    assert evaluate.main([str(out), "--text", str(text)]) == 0


def test_the_size_of_a_vocabulary_of_characters_is_not_chosen(text, tmp_path, capsys):
    assert train.main(arguments(text, tmp_path / "out", "--vocab-size", "300")) == 2
    assert "--vocab-size goes with --tokenizer bpe" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(SystemExit):
        train.main(arguments(text, tmp_path / "out", "--tokenizer", "bpe", "--vocab-size", "256"))


def test_weights_of_16_bits_have_the_losses_of_what_is_written(text, tmp_path, capsys):
    for name, more in (("whole", []), ("half", ["--float16"])):
        assert train.main(arguments(text, tmp_path / name, "--steps", "30", *more)) == 0
    whole, half = (read_run(tmp_path / name) for name in ("whole", "half"))
    assert half.checkpoints[-1].bytes < 0.6 * whole.checkpoints[-1].bytes
    assert half.checkpoints[-1].val_loss != whole.checkpoints[-1].val_loss
    assert half.checkpoints[-1].val_loss == pytest.approx(whole.checkpoints[-1].val_loss, abs=0.01)
    assert "--float16" in half.config.command
    corpus, _ = read_corpus(text, lines=False, seed=1)
    model = load_model(half, None, max_bytes=2**20)
    validation = torch.from_numpy(corpus.validation)
    assert half.checkpoints[-1].val_loss == train.validation_loss(model, validation, 64)


def test_an_interrupt_says_how_to_go_on(text, tmp_path, monkeypatch, capsys):
    update = train.Trainer.update

    def interrupted(trainer):
        if trainer.step == 15:
            raise KeyboardInterrupt
        return update(trainer)

    monkeypatch.setattr(train.Trainer, "update", interrupted)
    assert train.main(arguments(text, tmp_path / "out", "--steps", "20")) == 130
    assert "--resume" in capsys.readouterr().err
    monkeypatch.undo()
    assert train.main(arguments(text, tmp_path / "out", "--steps", "20", "--resume")) == 0


def test_a_run_is_not_resumed_with_other_options(text, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "write_run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert train.main(arguments(text, tmp_path / "out", "--steps", "2")) == 130
    assert train.main(arguments(text, tmp_path / "out", "--steps", "3", "--resume")) == 2
    assert "another text or other options" in capsys.readouterr().err


def test_a_list_is_shuffled_and_an_item_ends_with_its_line(tmp_path):
    items = [f"item{i:03d}" for i in range(200)]
    text = tmp_path / "list.txt"
    text.write_text("\n".join(items), "utf-8")
    corpus, _ = read_corpus(text, lines=True, seed=1)
    ids = [*corpus.train, *corpus.validation]
    read = corpus.vocabulary.decode(ids)
    assert read.endswith("\n")
    assert read.split() != items
    assert sorted(read.split()) == items
    out = tmp_path / "out"
    assert train.main(arguments(text, out, "--steps", "1", "--lines")) == 0
    assert read_run(out).config.end_token == "\n"
    assert evaluate.main([str(out), "--text", str(text)]) == 0


def test_half_of_a_lists_windows_begin_at_an_item():
    ids = torch.tensor([1, 2, 0, 3, 0, 1, 1, 1, 0, 2, 2, 0])  # 0 ends an item
    starts = train.window_starts(ids, 0)
    at_item = torch.isin(starts, torch.tensor([0, 3, 5, 9, 12]))
    assert 0.5 <= at_item.float().mean() <= 0.75
    assert set(starts.tolist()) >= set(range(12))


def test_checkpoint_steps_are_close_together_at_first():
    assert train.checkpoint_steps(2000) == [0, 10, 30, 100, 300, 1000, 2000]
    assert train.checkpoint_steps(100) == [0, 10, 30, 100]
    assert train.checkpoint_steps(1) == [0, 1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory."),
        (b"", "has no text in it."),
        (b"too short", "has 9 characters; at least 128 are needed."),
        (b"caf\xe9 " * 100, "not a text in UTF-8 (byte 3)."),
        (b"\x89PNG\0" * 100, "holds zero bytes."),
    ],
)
def test_a_text_that_cannot_be_used_gets_a_sentence(content, sentence, tmp_path, capsys):
    text = tmp_path / "text.txt"
    if content is not None:
        text.write_bytes(content)
    assert train.main(arguments(text, tmp_path / "out")) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert sentence in message
    assert message.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_not_overwritten(text, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work", "utf-8")
    assert train.main(arguments(text, out)) == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("more", [["--steps", "0"], ["--steps", "many"], ["--preset", "huge"]])
def test_a_wrong_option_is_refused(more, text, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        train.main(arguments(text, tmp_path / "out", *more))
    assert stopped.value.code == 2


def test_a_negative_seed_and_nothing_to_resume_are_refused(text, tmp_path):
    assert train.main(arguments(text, tmp_path / "out", "--seed", "-1")) == 2
    assert train.main(arguments(text, tmp_path / "out", "--resume")) == 2


def test_the_same_text_in_another_encoding_is_the_same_text(text, tmp_path, capsys):
    out, other = tmp_path / "out", tmp_path / "windows.txt"
    other.write_bytes(text.read_text("utf-8").replace("\n", "\r\n").encode("utf-16"))
    train.main(arguments(other, out, "--steps", "1"))
    assert read_run(out).vocabulary.characters == tuple(sorted(set(text.read_text("utf-8"))))
    assert evaluate.main([str(out), "--text", str(text)]) == 0
    trained, evaluated = capsys.readouterr().out.splitlines()
    assert trained.split("loss ")[1].split()[0] == evaluated.split("loss ")[1].split()[0]
    assert evaluated.endswith(
        f"sliding window {read_run(out).checkpoints[-1].sliding_val_loss:.4f}"
    )


def test_evaluate_refuses_another_text_and_a_folder_without_a_model(text, tmp_path, capsys):
    out, other = tmp_path / "out", tmp_path / "other.txt"
    train.main(arguments(text, out, "--steps", "1"))
    other.write_text("ANOTHER TEXT " * 50, "utf-8")
    assert evaluate.main([str(out), "--text", str(other)]) == 2
    assert evaluate.main([str(tmp_path), "--text", str(text)]) == 2
    assert capsys.readouterr().err.count("error: ") == 2


@pytest.mark.parametrize(
    ("name", "corpus", "most_params", "most_loss"),
    [
        ("shakespeare", SHAKESPEARE, 16_000, 1.85),
        ("shakespeare-large", SHAKESPEARE, 1_000_000, 1.62),
        ("names", NAMES, 30_000, 2.2),
        ("tales", TALES, 1_000_000, 1.17),
        ("shakespeare-pieces", SHAKESPEARE, 2_000_000, 1.56),
    ],
)
def test_the_bundled_models_are_as_good_as_they_say(name, corpus, most_params, most_loss, capsys):
    if not corpus.exists():
        pytest.skip(f"the corpus {corpus.name} is not here")
    run = read_run(ROOT / "models" / name)
    assert run.steps == train.checkpoint_steps(run.steps[-1])
    assert run.n_params <= most_params
    assert evaluate.main([str(run.folder), "--text", str(corpus)]) == 0
    *_, loss, _, _, sliding = capsys.readouterr().out.split()
    assert float(loss) <= most_loss
    assert float(loss) == pytest.approx(run.checkpoints[-1].val_loss, abs=2e-4)
    assert float(sliding) == pytest.approx(run.checkpoints[-1].sliding_val_loss, abs=2e-4)
    assert all(entry.sliding_val_loss is not None for entry in run.checkpoints)


@pytest.mark.parametrize(
    ("name", "preset"),
    [
        ("shakespeare", "small"),
        ("shakespeare-large", "large"),
        ("names", "names"),
        ("tales", "large"),
        ("shakespeare-pieces", "pieces"),
    ],
)
def test_the_bundled_models_are_what_their_command_makes(name, preset):
    run = read_run(ROOT / "models" / name)
    assert f" --preset {preset} --out models/{name} " in run.config.command
    assert run.model_config == PRESETS[preset].config(len(run.vocabulary))
    assert ("--tokenizer bpe" in run.config.command) == (run.vocabulary.kind == "tokens")
    assert run.config.model.items() <= dataclasses.asdict(run.model_config).items()
    card = (run.folder / "README.md").read_text("utf-8")
    assert run.config.command in card
    assert f"{run.checkpoints[-1].val_loss:.4f}" in card
    assert f"With a sliding window: {run.checkpoints[-1].sliding_val_loss:.4f}" in card
    bits = run.checkpoints[-1].sliding_val_loss / math.log(2)
    assert f"**{bits:.3f} bits per character**" in card
