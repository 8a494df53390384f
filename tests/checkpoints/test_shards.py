"""Folders whose weights are in several files, as `save_pretrained` writes them."""

import json
import shutil

import pytest
import torch

pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file

from playground.checkpoints.schema import INDEX, SHARD_INDEX, SHARDS_MAX, WEIGHTS
from playground.checkpoints.transformers_folder import TransformersLimits, read_any_folder
from playground.checkpoints.transformers_library import load_pretrained
from playground.errors import BadCheckpoint
from playground.service.sessions import Session
from playground.settings import Settings
from tests.inference.pretrained import reference, save

IDS = [3, 250, 17, 99, 42, 7]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The model, and its folder with shards."""
    folder = tmp_path_factory.mktemp("sharded")
    return save("gpt_neox", folder, max_shard_size="8KB"), folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved[1], tmp_path / "sharded")


def shards_of(folder):
    return sorted(set(json.loads((folder / SHARD_INDEX).read_text())["weight_map"].values()))


def change_map(folder, change):
    """Change the weight_map of a folder in place, or replace it."""
    index = json.loads((folder / SHARD_INDEX).read_text())
    index["weight_map"] = change(index["weight_map"]) or index["weight_map"]
    (folder / SHARD_INDEX).write_text(json.dumps(index))


def read(folder, **limits):
    return read_any_folder(folder, "x", TransformersLimits.from_settings(Settings(**limits)))


def load(folder, **limits):
    run = read(folder, **limits)
    return load_pretrained(run, run.checkpoint(None))


def refusal(folder, **limits):
    with pytest.raises(BadCheckpoint) as refused:
        load(folder, **limits)
    return str(refused.value)


def test_it_predicts_what_the_model_in_one_file_does(saved, folder, tmp_path):
    model, _ = saved
    assert not (folder / WEIGHTS).exists()
    assert len(shards_of(folder)) > 2
    (tmp_path / "whole").mkdir()
    save("gpt_neox", tmp_path / "whole")
    assert (tmp_path / "whole" / WEIGHTS).exists()
    run = read(folder)
    assert run.n_params == read(tmp_path / "whole").n_params
    assert run.n_params == sum(p.numel() for p in model.parameters())
    whole, found = load(tmp_path / "whole"), load(folder)
    torch.testing.assert_close(found.state_dict(), whole.state_dict(), atol=0, rtol=0)
    for other in (whole, model):
        expected = reference(other, IDS)
        torch.testing.assert_close(reference(found, IDS), expected, atol=1e-6, rtol=0)


def test_the_revision_tells_other_weights_apart(folder):
    before = Session("x", "bundled", read(folder)).revision
    path = folder / shards_of(folder)[0]
    save_file({name: t + 1 for name, t in load_file(path).items()}, path)
    assert Session("x", "bundled", read(folder)).revision != before


def test_one_file_is_read_where_there_are_both(folder):
    save("gpt_neox", folder, seed=5)
    (folder / SHARD_INDEX).write_text("{}")
    assert read(folder).checkpoint(None).path == WEIGHTS


def test_an_index_of_ours_may_list_shards(folder):
    entry = read(folder).checkpoint(None)
    (folder / INDEX).parent.mkdir()
    (folder / INDEX).write_text(f"[{entry.model_dump_json()}]")
    assert read(folder).checkpoints == (entry,)
    lost = entry.model_dump() | {"shards": entry.model_dump()["shards"][1:]}
    (folder / INDEX).write_text(json.dumps([lost]))
    assert " lacks tensors: " in refusal(folder)
    for shards in ([], entry.model_dump()["shards"] * SHARDS_MAX, [entry.model_dump()]):
        (folder / INDEX).write_text(json.dumps([entry.model_dump() | {"shards": shards}]))
        assert refusal(folder).startswith(INDEX)


@pytest.mark.parametrize(
    ("index", "sentence"),
    [
        ("{}", "does not say in weight_map"),
        ("[]", "does not say in weight_map"),
        ('{"weight_map": {}}', "does not say in weight_map"),
        ('{"weight_map": ["model-00001-of-00001.safetensors"]}', "does not say in weight_map"),
        ("{", "model.safetensors.index.json is no JSON"),
        (" " * 2**20 + "{}", "model.safetensors.index.json has 1048578 bytes"),
    ],
)
def test_an_index_that_says_nothing(folder, index, sentence):
    (folder / SHARD_INDEX).write_text(index)
    assert sentence in refusal(folder)


@pytest.mark.parametrize(
    "name",
    [
        "../model-00001-of-00003.safetensors",
        "/model-00001-of-00003.safetensors",
        "x/model-00001-of-00003.safetensors",
        "model-00001-of-00003.safetensors\n",
        "model-٠٠٠٠١-of-00003.safetensors",
        "model-1-of-3.safetensors",
        "pytorch_model-00001-of-00003.bin",
        "",
        1,
    ],
)
def test_a_shard_of_another_name(folder, name):
    change_map(folder, lambda placed: placed | {"x": name})
    assert 'model.safetensors.index.json names "' in refusal(folder)


def test_more_shards_than_are_opened(folder):
    names = [f"model-{n:05}-of-99999.safetensors" for n in range(SHARDS_MAX + 1)]
    change_map(folder, lambda _: {name: name for name in names})
    assert refusal(folder).startswith("its weights are in 17 files; the limit here is 16")
    change_map(folder, lambda _: {name: name for name in names[1:]})
    assert refusal(folder) == f"{names[1]} is missing"


def test_shards_that_are_missing_empty_or_elsewhere(folder, tmp_path):
    path = folder / shards_of(folder)[1]
    path.rename(tmp_path / "elsewhere")
    assert refusal(folder) == f"{path.name} is missing"
    path.write_bytes(b"")
    assert refusal(folder) == f"{path.name} is empty"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert refusal(folder) == f"{path.name} leads out of the model's folder"
    (folder / WEIGHTS).write_bytes(b"")
    assert refusal(folder) == "model.safetensors is empty"


def test_a_shard_that_is_cut_or_no_weights(folder):
    path = folder / shards_of(folder)[1]
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    assert refusal(folder).startswith(f"{path.name} is not a whole safetensors file: ")
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    assert refusal(folder).startswith(f"{path.name} is not the weights but a pointer of Git LFS")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_file_that_changes_after_it_was_read(folder, number):
    run = read(folder)
    file = run.checkpoint(None).files[number]
    path = folder / file.path
    content = path.read_bytes()
    for changed, sentence in (
        (content[:-1] + b"\1", f"{file.path} does not have the sha256"),
        (content + b"\1", f"{file.path} has {len(content) + 1} bytes"),
    ):
        path.write_bytes(changed)
        with pytest.raises(BadCheckpoint, match=sentence):
            load_pretrained(run, run.checkpoint(None))


def test_shards_are_too_large_together_though_each_is_small(folder):
    sizes = [(folder / name).stat().st_size for name in shards_of(folder)]
    most = max(sizes) + 1
    assert refusal(folder, token_weights_bytes=most).startswith("model-*.safetensors has ")
    assert load(folder, token_weights_bytes=sum(sizes))


def test_parameters_are_counted_over_all_shards(folder, saved):
    n_params = sum(p.numel() for p in saved[0].parameters())
    assert load(folder, token_parameters=n_params)
    path = folder / shards_of(folder)[-1]
    save_file(load_file(path) | {"extra": torch.zeros(2)}, path)
    assert "million parameters; the limit here is" in refusal(folder, token_parameters=n_params)
    save_file(load_file(path) | {"extra": torch.zeros(2**20)}, path)
    assert "but model-*.safetensors holds far more" in refusal(folder)


def test_tensors_are_where_the_index_says(folder):
    first, second, *_ = shards_of(folder)
    name = next(iter(load_file(folder / first)))
    change_map(folder, lambda placed: placed | {name: second})
    assert refusal(folder) == f"{second} lacks tensors: {name}"
    change_map(folder, lambda placed: placed | {name: first, "lost": first})
    assert refusal(folder) == f"{first} lacks tensors: lost"
    change_map(folder, lambda placed: {n: s for n, s in placed.items() if n not in ("lost", name)})
    assert refusal(folder) == f"model-*.safetensors lacks tensors: {name}"


def test_values_that_are_no_numbers(folder):
    path = folder / shards_of(folder)[0]
    save_file({name: t * torch.nan for name, t in load_file(path).items()}, path)
    assert refusal(folder).startswith("model-*.safetensors: ")
