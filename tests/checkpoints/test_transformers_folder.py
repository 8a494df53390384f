"""What is read of a model of the transformers library before its weights are."""

import json
import shutil

import pytest

pytest.importorskip("transformers")

from playground.checkpoints.transformers_folder import (
    TransformersLimits,
    check_files,
    read_transformers_run,
)
from playground.errors import BadCheckpoint
from playground.settings import Settings
from tests.inference.pretrained import PADDED, TOKENS, WINDOW, save

END = "<|end|>"  # its id is 0


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    save("llama", folder)
    for name in ("tokenizer_config.json", "generation_config.json"):
        (folder / name).unlink()
    return folder


@pytest.fixture
def read(saved, tmp_path):
    """`read(changes of config.json, file=content, …)`: the run of such a folder."""

    def opened(config=None, token_window=1024, **files):
        folder = tmp_path / "model"
        shutil.copytree(saved, folder)
        known = json.loads((folder / "config.json").read_text()) | (config or {})
        values = {name: value for name, value in known.items() if value != "absent"}
        (folder / "config.json").write_text(json.dumps(values))
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / f"{name}.json").write_text(text)
        limits = TransformersLimits.from_settings(Settings(token_window=token_window))
        return read_transformers_run(folder, "name", limits)

    return opened


NONE = {"eos_token_id": None, "bos_token_id": None}


@pytest.mark.parametrize(
    ("config", "files"),
    [
        (NONE, {"tokenizer_config": {"eos_token": END}}),
        (NONE, {"tokenizer_config": {"eos_token": {"content": END}}}),
        ({"eos_token_id": 0}, {"tokenizer_config": {"eos_token": None}}),
        ({"eos_token_id": [50256, 0]}, {}),
        ({"eos_token_id": 5}, {"generation_config": {"eos_token_id": 0}}),
        (NONE, {"generation_config": {"eos_token_id": [9999, 0]}}),
        (NONE, {"special_tokens_map": {"eos_token": END}}),
        (NONE, {"special_tokens_map": {"eos_token": {"content": END}}}),
    ],
)
def test_a_text_ends_with_the_token_that_any_file_names(read, config, files):
    run = read(config, **files)
    assert run.config.end_token == END
    assert run.end_tokens == (END,)
    assert run.config.start_token is None or "bos_token_id" not in config


def test_each_token_that_a_file_names_ends_a_text(read, saved):
    tokenizer = json.loads((saved / "tokenizer.json").read_text())
    added = tokenizer["added_tokens"][0]
    tokenizer["added_tokens"] += [added | {"id": 270, "content": "<turn>"}]
    tokenizer["added_tokens"] += [added | {"id": 271, "content": "<call>"}]
    run = read(
        {"eos_token_id": 0},
        tokenizer=tokenizer,
        tokenizer_config={"eos_token": "<turn>"},
        generation_config={"eos_token_id": [271, 70, 270, 9999, True]},
    )
    assert run.end_tokens == ("<turn>", "<call>")
    assert run.config.end_token == "<turn>"


def test_end_tokens_without_end_are_not_all_kept(read, saved):
    tokenizer = json.loads((saved / "tokenizer.json").read_text())
    added = tokenizer["added_tokens"][0]
    ids = range(TOKENS, TOKENS + 50)
    tokenizer["added_tokens"] += [added | {"id": id, "content": f"<{id}>"} for id in ids]
    run = read(
        {"vocab_size": 400},
        tokenizer=tokenizer,
        generation_config={"eos_token_id": [*ids] * 1000},
    )
    assert run.end_tokens == tuple(f"<{id}>" for id in ids[:16])


def test_an_id_of_a_letter_ends_and_begins_nothing(read):
    run = read({"eos_token_id": 70, "bos_token_id": [71, -1, True, 50256, "0"]})
    assert (run.end_tokens, run.config.end_token, run.config.start_token) == ((), None, None)


@pytest.mark.parametrize("content", ["null", "[1]", "{broken", "", "\ufeff3"])
def test_files_that_may_be_missing_may_be_broken(read, content):
    names = ("tokenizer_config", "generation_config", "special_tokens_map")
    run = read(**dict.fromkeys(names, content))
    assert run.config.end_token == END
    assert run.config.sampling is None


def test_only_tokens_of_the_tokenizer_count(read):
    assert read({"vocab_size": PADDED}).model_config.vocab_size == TOKENS


FACTORS = {"short_factor": [1.0] * 4, "long_factor": [3.0] * 4}
LONGROPE = {"rope_scaling": FACTORS | {"type": "longrope"}}
PHI3 = LONGROPE | {"model_type": "phi3"}


@pytest.mark.parametrize(
    ("config", "window"),
    [
        ({}, WINDOW),
        ({"max_position_embeddings": 10**12}, 8192),
        ({"max_position_embeddings": "absent", "model_type": "ctrl"}, 256),
        ({"max_position_embeddings": "absent", "model_type": "bert", "is_decoder": True}, 512),
        (LONGROPE | {"original_max_position_embeddings": 6}, 6),
        ({"rope_parameters": FACTORS | {
            "rope_type": "longrope", "original_max_position_embeddings": 8}}, 8),
        (LONGROPE | {"max_position_embeddings": 40}, 40),
        (PHI3 | {"max_position_embeddings": 2**17, "original_max_position_embeddings": 20}, 20),
        (PHI3 | {"max_position_embeddings": 2**17}, 4096),  # of its library's config
        (PHI3 | {"max_position_embeddings": "absent"}, 4096),
        ({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}, WINDOW),
        ({"rope_parameters": {
            "rope_type": "yarn", "original_max_position_embeddings": 5}}, WINDOW),
    ],
)  # fmt: skip
def test_the_window_is_what_the_model_can_read_exactly(read, config, window):
    assert read(config, token_window=8192).model_config.block_size == window


def test_stretched_positions_that_the_library_cannot_read_are_told_as_such(read):
    with pytest.raises(BadCheckpoint, match=r"makes no model: .*original_max_position_embeddings"):
        read(PHI3 | {"rope_scaling": FACTORS | {"type": "su"}})


@pytest.mark.parametrize("window", [1, 0, -3])
def test_a_window_of_one_token_is_told_as_such(read, window):
    with pytest.raises(BadCheckpoint, match=f"sets its window to {window}: .* two tokens"):
        read({"max_position_embeddings": window})


@pytest.mark.parametrize("auto_map", [None, {}])
def test_an_empty_auto_map_is_no_code(read, auto_map):
    assert read({"auto_map": auto_map}).model_config.vocab_size == TOKENS


def test_a_whole_model_beside_which_an_adapter_was_left(read):
    assert read(adapter_config={}).model_config.vocab_size == TOKENS


@pytest.mark.parametrize(
    "name", ["onnx/model.onnx", "tf_model.h5", "flax_model.msgpack", "model.tflite"]
)
def test_weights_for_other_libraries_alone(name):
    with pytest.raises(BadCheckpoint, match=r"not read here .* which writes model\.safetensors"):
        check_files(["config.json", "tokenizer.json", name])
