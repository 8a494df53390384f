"""A folder that is not what it should be is refused, in a sentence, and nothing in it runs."""

import json
import os

import pytest
import torch

from playground.checkpoints.folder import load_model, read_run, write_run
from playground.errors import BadCheckpoint, StepNotFound
from playground.tokenization.byte_pairs import BytePairTokenizer
from tests.checkpoints.damage import INDEX, MEGABYTE, WEIGHTS, edit_json, refusal


def test_what_was_written_is_read(tmp_path, write_model, random_model):
    characters = '<`"\\\u0000\n\t😀\u202eéא$'
    write_model(tmp_path / "model", characters, steps=(0, 7, 1_000_000), n_layer=1)
    run = read_run(tmp_path / "model")
    assert run.vocabulary.characters == tuple(characters)
    assert run.steps == [0, 7, 1_000_000]
    assert run.model_config.n_layer == 1
    for step in run.steps:
        model = load_model(run, step, max_bytes=MEGABYTE)
        expected = random_model(seed=step, vocab_size=len(characters), n_layer=1).state_dict()
        assert model.state_dict().keys() == expected.keys()
        assert all(torch.equal(value, expected[k]) for k, value in model.state_dict().items())
        assert not model.training
    assert run.n_params == sum(p.numel() for p in model.parameters())
    assert not list(tmp_path.rglob("*.partial"))


def test_the_last_step_unless_told(folder):
    run = read_run(folder)
    assert run.checkpoint(None).step == 100
    assert run.checkpoint(50).step == 50
    with pytest.raises(StepNotFound, match=r"Step 7 not found; .* 0, 50, 100"):
        run.checkpoint(7)


def test_a_folder_without_its_files(folder, tmp_path):
    assert refusal(tmp_path / "nothing") == "config.json is missing"
    (folder / WEIGHTS).unlink()
    assert refusal(folder) == "model.safetensors is missing"
    (folder / INDEX).unlink()
    assert refusal(folder) == "checkpoints/index.json is missing"


# --- config.json -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"auto_map": {}}, "config.json: auto_map: There is no such field here"),
        ({"format": 2}, "config.json: format: This must be 1"),
        ({"format": "1"}, "config.json: format: This must be 1"),
        ({"name": ""}, "config.json: name: The text must have at least 1 character"),
        ({"name": ["x"]}, "config.json: name: This must be text"),
        ({"seed": 1.5}, "config.json: seed: This must be a whole number"),
        ({"model": []}, "config.json: model: This must be an object"),
        ({"end_token": "ab"}, "config.json: end_token: The text must have at most 1 character"),
        ({"end_token": "Z"}, "config.json: end_token is not in the vocabulary"),
        ({"description": "x" * 2001}, "config.json: description: The text must have at most 2000"),
    ],
)  # fmt: skip
def test_a_config_that_is_none(folder, change, sentence):
    edit_json(folder, "config.json", lambda config: config.update(change))
    assert refusal(folder).startswith(sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"auto_map": "x"}, "config.json: model: auto_map: There is no such field here"),
        ({"n_layer": "2"}, "config.json: model: n_layer: This must be a whole number"),
        ({"n_layer": True}, "config.json: model: n_layer: This must be a whole number"),
        ({"n_layer": 2.0}, "config.json: model: n_layer: This must be a whole number"),
        ({"tied": 1}, "config.json: model: tied: This must be true or false"),
        ({"n_layer": 1_000_000}, "config.json: model: n_layer must be"),
        ({"n_layer": 10**30}, "config.json: model: n_layer"),
        ({"block_size": 10**9}, "config.json: model: block_size must be"),
        ({"n_embd": -16}, "config.json: model: n_embd must be"),
        ({"n_embd": 18}, "config.json: model: n_embd"),
        ({"activation": "eval"}, "config.json: model: activation must be"),
        ({"vocab_size": 17}, "vocab.json lists 16 characters, config.json says vocab_size 17"),
    ],
)
def test_a_model_that_cannot_be(folder, change, sentence):
    edit_json(folder, "config.json", lambda config: config["model"].update(change))
    assert refusal(folder).startswith(sentence)


def test_a_model_without_its_vocabulary_size(folder):
    edit_json(folder, "config.json", lambda config: config["model"].pop("vocab_size"))
    assert refusal(folder) == "config.json: model: vocab_size: This field is missing"


def test_a_large_alphabet_and_long_groups_together(tmp_path, write_model):
    """Groups of 8 out of 20,000 characters are more than 64 bits can number."""
    characters = "".join(chr(0x4E00 + i) for i in range(20_000))
    shape = {"n_embd": 4, "n_head": 1, "n_hidden": 1, "n_layer": 1}
    write_model(tmp_path, characters, (0,), **shape, n_gram=8, n_gram_rows=7)
    assert load_model(read_run(tmp_path), None, max_bytes=MEGABYTE)


# --- JSON in general ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.json", "vocab.json", INDEX])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is no JSON: it cannot be read from line 1, column 0 on"),
        (b"{'a': 1}", "is no JSON: it cannot be read from line 1, column 2 on"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b'["\\ud800"]', "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"null", "This must be"),
        (b" " * 2**20 + b"[]", "has 1048578 bytes; the limit is 1048576"),
    ],
)
def test_json_that_is_none(folder, name, content, sentence):
    (folder / name).write_bytes(content)
    assert refusal(folder).startswith(name)
    assert sentence in refusal(folder)


@pytest.mark.parametrize("name", ["config.json", "vocab.json", INDEX])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_as_editors_and_shells_of_windows_save_it(folder, name, encoding):
    before = read_run(folder)
    (folder / name).write_bytes((folder / name).read_text("utf-8").encode(encoding))
    after = read_run(folder)
    assert (after.config, after.checkpoints) == (before.config, before.checkpoints)
    assert after.vocabulary.characters == before.vocabulary.characters


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none(folder, number):
    text = (folder / INDEX).read_text("utf-8").replace('"val_loss": 2.5', f'"val_loss": {number}')
    (folder / INDEX).write_text(text, "utf-8")
    assert "0.val_loss: This must be a finite number" in refusal(folder)


# --- vocab.json --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vocabulary", "sentence"),
    [
        ([], "vocab.json: a vocabulary needs at least one character"),
        (["a", "b", "a"], "vocab.json: a vocabulary must not list a character twice"),
        (["ab"], "vocab.json: every entry of a vocabulary must be one character"),
        (["a", 1], "vocab.json: 1: This must be text"),
        ({"a": 0}, "vocab.json: This must be a list"),
        (["a", "b"], "vocab.json lists 2 characters, config.json says vocab_size 16"),
        ([chr(c) for c in range(0x10000, 0x10000 + 20_001)], "vocab.json lists 20001 characters"),
    ],
)
def test_a_vocabulary_that_is_none(folder, vocabulary, sentence):
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    assert refusal(folder).startswith(sentence)


# --- checkpoints/index.json --------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "../model.safetensors",
        "checkpoints/../../model.safetensors",
        "checkpoints/step-000100/../../../model.safetensors",
        "/etc/passwd",
        "C:\\model.safetensors",
        "model.safetensors\n",
        "pytorch_model.bin",
        "",
    ],
)
def test_a_path_that_leads_elsewhere(folder, path):
    (folder.parent / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes())
    edit_json(folder, INDEX, lambda entries: entries[-1].update(path=path))
    assert refusal(folder).startswith(
        "checkpoints/index.json: 2.path: The text must match the pattern"
    )


@pytest.mark.parametrize("name", ["config.json", "vocab.json", INDEX, WEIGHTS])
def test_a_link_out_of_the_folder(folder, name):
    outside = folder.parent / "outside"
    (folder / name).rename(outside)
    (folder / name).symlink_to(outside)
    assert refusal(folder) == f"{name} leads out of the model's folder"


@pytest.mark.parametrize("name", ["config.json", "vocab.json", INDEX, WEIGHTS])
def test_a_link_to_itself(folder, name):
    (folder / name).unlink()
    (folder / name).symlink_to(folder / name)
    assert refusal(folder).startswith(name)


def test_a_snapshot_in_the_cache_of_hugging_face_links_to_its_blobs(folder):
    blobs, snapshot = folder.parent / "cache" / "blobs", folder.parent / "cache/snapshots/0a1b"
    blobs.mkdir(parents=True)
    for number, path in enumerate(p for p in folder.rglob("*") if p.is_file()):
        link = snapshot / path.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        path.rename(blobs / str(number))
        link.symlink_to(os.path.relpath(blobs / str(number), link.parent))
    assert load_model(read_run(snapshot), None, max_bytes=MEGABYTE)
    (blobs.parent / "vocab").write_text("[]")
    (snapshot / "vocab.json").unlink()
    (snapshot / "vocab.json").symlink_to(blobs.parent / "vocab")
    assert refusal(snapshot) == "vocab.json leads out of the model's folder"


def test_something_that_is_no_file(folder):
    (folder / WEIGHTS).unlink()
    os.mkfifo(folder / WEIGHTS)  # reading it would wait for ever
    assert refusal(folder) == "model.safetensors is missing"


def test_a_link_within_the_folder_is_fine(folder):
    (folder / WEIGHTS).rename(folder / "weights-1")
    (folder / WEIGHTS).symlink_to("weights-1")
    assert load_model(read_run(folder), None, max_bytes=MEGABYTE)


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries.reverse(),
        lambda entries: entries[1].update(step=0),
        lambda entries: entries.clear(),
        lambda entries: entries.extend(entries[-1] | {"step": 101 + i} for i in range(998)),
    ],
    ids=["descending", "twice", "none", "too many"],
)
def test_steps_that_are_not_a_history(folder, change):
    edit_json(folder, INDEX, change)
    assert refusal(folder) == (
        "checkpoints/index.json must list 1 to 1000 checkpoints in ascending steps"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"url": "https://example.test"}, "2.url: There is no such field here"),
        ({"step": "100"}, "2.step: This must be a whole number"),
        ({"step": -1}, "2.step: The value must be at least 0"),
        ({"val_loss": -1.0}, "2.val_loss: The value must be at least 0"),
        ({"sliding_val_loss": -1.0}, "2.sliding_val_loss: The value must be at least 0"),
        ({"bytes": 0}, "2.bytes: The value must be greater than 0"),
        ({"sha256": "0" * 63}, "2.sha256: The text must match the pattern"),
    ],
)
def test_a_line_of_the_index_that_is_none(folder, change, sentence):
    edit_json(folder, INDEX, lambda entries: entries[-1].update(change))
    assert refusal(folder).startswith(f"checkpoints/index.json: {sentence}")


def test_an_index_of_before_the_sliding_loss_opens_and_is_written_as_it_was(folder):
    def forget(entries):
        for entry in entries:
            entry.pop("sliding_val_loss", None)

    edit_json(folder, INDEX, forget)
    before = json.loads((folder / INDEX).read_text("utf-8"))
    run = read_run(folder)
    assert [entry.sliding_val_loss for entry in run.checkpoints] == [None, None, None]
    write_run(folder, run.config, run.vocabulary, run.checkpoints, "")
    assert json.loads((folder / INDEX).read_text("utf-8")) == before


@pytest.fixture
def pieces_folder(tmp_path, write_model, word_pieces):
    return write_model(tmp_path / "pieces", tokenizer=word_pieces).folder


def test_a_model_of_word_pieces_has_its_tokenizer_beside_it(pieces_folder, word_pieces):
    run = read_run(pieces_folder)
    assert not (pieces_folder / "vocab.json").exists()
    assert (pieces_folder / "tokenizer.json").read_bytes() == word_pieces.content
    assert run.config.characters_per_token == 2.5
    assert load_model(run, None, max_bytes=MEGABYTE).config.vocab_size == len(word_pieces)
    ids = run.vocabulary.encode("the café 😀")
    assert ids == word_pieces.encode("the café 😀")
    assert run.vocabulary.decode(ids) == "the café 😀"


def test_a_config_of_characters_has_no_field_of_word_pieces(folder):
    assert "characters_per_token" not in json.loads((folder / "config.json").read_text("utf-8"))


def test_where_there_are_characters_a_tokenizer_beside_them_is_not_read(folder):
    (folder / "tokenizer.json").write_text("{}", "utf-8")
    assert read_run(folder).vocabulary.kind == "characters"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda f: (f / "tokenizer.json").unlink(), "vocab.json is missing"),
        (lambda f: (f / "tokenizer.json").write_text("{}", "utf-8"), "tokenizer.json cannot be"),
        (
            lambda f: edit_json(f, "config.json", lambda c: c.update(end_token="é")),
            "end_token is not in the vocabulary",
        ),
        (
            lambda f: edit_json(f, "config.json", lambda c: c.update(characters_per_token=0)),
            "characters_per_token",
        ),
    ],
)
def test_word_pieces_that_do_not_fit_are_refused(harm, said, pieces_folder):
    harm(pieces_folder)
    with pytest.raises(BadCheckpoint) as refused:
        load_model(read_run(pieces_folder), None, max_bytes=MEGABYTE)
    assert said in str(refused.value)


def test_a_tokenizer_of_another_model_is_refused(pieces_folder):
    other = BytePairTokenizer.learn("another text, another text, another", 270)
    (pieces_folder / "tokenizer.json").write_bytes(other.content)
    with pytest.raises(BadCheckpoint) as refused:
        load_model(read_run(pieces_folder), None, max_bytes=MEGABYTE)
    assert f"tokenizer.json has {len(other)} tokens" in str(refused.value)
