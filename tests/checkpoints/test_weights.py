"""Weights that are not what they should be are refused, in a sentence."""

import os
import pickle
import struct

import pytest
import torch
from safetensors.torch import load_file

from playground.checkpoints.folder import load_model, read_run
from playground.errors import BadCheckpoint
from tests.checkpoints.damage import (
    INDEX,
    MEGABYTE,
    WEIGHTS,
    edit_json,
    edit_weights,
    refusal,
    tell_the_truth,
)


def test_an_index_that_lies_about_the_size(folder):
    size = (folder / WEIGHTS).stat().st_size
    edit_json(folder, INDEX, lambda entries: entries[-1].update(bytes=size + 1))
    assert refusal(folder) == (
        f"model.safetensors has {size} bytes, checkpoints/index.json says {size + 1}"
    )


def test_an_index_that_lies_about_the_checksum(folder):
    edit_json(folder, INDEX, lambda entries: entries[-1].update(sha256="0" * 64))
    assert refusal(folder) == (
        "model.safetensors does not have the sha256 that checkpoints/index.json says"
    )


def test_weights_that_are_too_large(folder):
    with open(folder / WEIGHTS, "r+b") as file:
        file.truncate(3 * MEGABYTE)  # sparse
    tell_the_truth(folder)
    assert refusal(folder) == "model.safetensors has 3.0 MB; the limit is 1 MB"


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data[:7],
        lambda data: b"",
        lambda data: data + b"\0",
        lambda data: struct.pack("<Q", 2**62) + data[8:],
        lambda data: struct.pack("<Q", 50) + data[8:],
        lambda data: data[:8] + b"\xff" + data[9:],
    ],
    ids=["one byte", "half", "header", "empty", "longer", "huge header", "cut header", "no JSON"],
)
def test_weights_that_are_cut_off_or_garbled(folder, change):
    path = folder / WEIGHTS
    path.write_bytes(change(path.read_bytes()))
    assert refusal(folder).startswith("model.safetensors ")
    if path.stat().st_size:
        tell_the_truth(folder)
        assert refusal(folder).startswith("model.safetensors is not a whole safetensors file: ")


def test_a_pointer_of_git_lfs_says_what_it_is(folder):
    (folder / WEIGHTS).write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    )
    tell_the_truth(folder)
    assert refusal(folder).startswith("model.safetensors is not the weights but a pointer of Git")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04" + bytes(100), "it is a pickle"),
        (b"\x80\x02}q\x00." + bytes(range(100)), "it is a pickle"),
        (b"GGUF" + bytes(range(100)), "it is GGUF"),
        (b"<!DOCTYPE html><html>404</html>", "it is a page of a web site"),
    ],
)
def test_weights_of_another_kind_say_what_they_are(folder, content, sentence):
    (folder / WEIGHTS).write_bytes(content)
    tell_the_truth(folder)
    assert refusal(folder).startswith(
        f"model.safetensors is not a whole safetensors file: {sentence}"
    )


def test_a_pickle_is_not_opened(folder, tmp_path):
    proof = tmp_path / "executed"

    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(proof),)

    data = pickle.dumps(Payload())
    (folder / WEIGHTS).write_bytes(data)
    tell_the_truth(folder)
    assert refusal(folder).startswith("model.safetensors is not a whole safetensors file: ")
    torch.save(Payload(), folder / WEIGHTS)
    tell_the_truth(folder)
    assert refusal(folder).startswith("model.safetensors is not a whole safetensors file: ")
    assert not proof.exists()
    pickle.loads(data)
    assert proof.exists(), "the payload does nothing: nothing was tested"


def first_name(tensors):
    return next(iter(sorted(tensors)))


def test_weights_without_a_tensor(folder):
    edit_weights(folder, lambda tensors: tensors.pop(first_name(tensors)))
    assert refusal(folder) == "model.safetensors lacks tensors: blocks.0.down"


def test_weights_with_a_tensor_too_many(folder):
    edit_weights(folder, lambda tensors: tensors.update(backdoor=torch.zeros(1)))
    assert refusal(folder) == "model.safetensors has extra tensors: backdoor"


def test_weights_of_another_shape(folder):
    edit_weights(folder, lambda tensors: tensors.update(head=torch.zeros(16, 17)))
    assert refusal(folder) == (
        "model.safetensors: head has the shape [16, 17], config.json makes it [16, 16]"
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_another_precision_are_read_in_32_bits(folder, dtype):
    expected = {k: t.to(dtype).float() for k, t in load_file(folder / WEIGHTS).items()}

    def convert(tensors):
        tensors.update({name: tensor.to(dtype) for name, tensor in tensors.items()})

    edit_weights(folder, convert)
    state = load_model(read_run(folder), None, max_bytes=MEGABYTE).state_dict()
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}
    assert all(torch.equal(tensor, expected[name]) for name, tensor in state.items())


def test_doubles_that_32_bits_cannot_hold(folder):
    edit_weights(folder, lambda tensors: tensors.update(head=tensors["head"].double() * 1e300))
    assert refusal(folder) == "model.safetensors: head holds values that are not finite numbers"


@pytest.mark.parametrize(
    ("dtype", "name"),
    [(torch.int32, "I32"), (torch.bool, "BOOL"), (torch.int8, "I8")],
)
def test_weights_that_are_not_floats(folder, dtype, name):
    edit_weights(folder, lambda tensors: tensors.update(head=tensors["head"].to(dtype)))
    assert refusal(folder).startswith(f"model.safetensors: head is {name}, not F32; save the")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_numbers(folder, value):
    edit_weights(folder, lambda tensors: tensors["head"].view(-1)[-1].fill_(value))
    assert refusal(folder) == "model.safetensors: head holds values that are not finite numbers"


def test_weights_whose_answers_are_not_numbers(folder):
    edit_weights(folder, lambda tensors: tensors["head"].fill_(3e38))
    assert refusal(folder) == "model.safetensors: the model's answers are not finite numbers"


def test_one_bad_step_leaves_the_others_usable(folder):
    (folder / "checkpoints/step-000050" / WEIGHTS).write_bytes(b"x")
    run = read_run(folder)
    assert load_model(run, 0, max_bytes=MEGABYTE)
    assert load_model(run, None, max_bytes=MEGABYTE)
    with pytest.raises(BadCheckpoint, match="step-000050"):
        load_model(run, 50, max_bytes=MEGABYTE)
