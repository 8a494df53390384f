"""Sizes and names of files, checked before they are read."""

import pytest

from playground.checkpoints.schema import INDEX, SHARD_INDEX, WEIGHTS
from playground.errors import HubTooLarge, NotAPlaygroundModel
from playground.hub.layout import check_required_files
from tests.hub.scenarios import REPO, STEP_0, on_disk, run, text

SHARD = "model-00001-of-00002.safetensors"


def test_only_the_files_of_the_layout_are_fetched_and_the_steps_lazily(hub, settings, tiny):
    hub.commit(REPO, tiny | {"evil.py": b"x", "pytorch_model.bin": b"x", "checkpoints/a.bin": b"x"})

    async def scenario(service):
        session = await service.load_from_hub(REPO)
        fetched = {line.split("/", 5)[-1] for line in hub.log if "/resolve/" in line}
        assert fetched == {"config.json", "vocab.json", INDEX, WEIGHTS}
        with hub.counted() as asked:
            texts = {await text(service, session.session_id, step) for step in (0, 0, 100)}
        assert len(texts) == 2
        assert len(asked) == 2
        assert all(STEP_0 in line for line in asked)

    run(settings, scenario)


def test_sizes_are_checked_before_a_byte_is_read(hub, settings, changed, tiny):
    async def too_large(service):
        limit = rf"^{REPO} is too large: [0-9.]+ MB of weights .*; the limit here is [0-9.]+ MB$"
        with pytest.raises(HubTooLarge, match=limit):
            await service.load_from_hub(REPO)

    run(changed(hub_repo_bytes=len(tiny[WEIGHTS])), too_large)
    run(changed(checkpoint_bytes=len(tiny[WEIGHTS]) - 1), too_large)
    hub.commit(REPO, tiny | {"vocab.json": b" " * (2**20 + 1)})

    async def large_json(service):
        with pytest.raises(HubTooLarge, match=r"^vocab.json of ada/tiny has 1 MB; the"):
            await service.load_from_hub(REPO)
        assert len(await text(service, "plain")) == 5

    run(settings, large_json)
    assert hub.asked("resolve") == 0


def test_too_much_work_for_one_forward_is_too_large(changed, hub):
    async def scenario(service):
        with pytest.raises(HubTooLarge, match=r"GFLOP for a character; the limit here is 1e-06"):
            await service.load_from_hub(REPO)

    run(changed(hub_gigaflops=1e-6), scenario)
    assert hub.asked("safetensors") == 0


def test_file_names_that_lead_out_are_not_fetched(hub, settings, tiny, tmp_path):
    upwards = ["../evil.json", "checkpoints/../../evil.json", "/etc/evil", "~/evil", "a/./b"]
    hub.commit(REPO, tiny | dict.fromkeys(upwards, b"evil"))

    async def scenario(service):
        await service.load_from_hub(REPO)

    run(settings, scenario)
    assert not any("evil" in line for line in hub.log)
    assert not any("evil" in path for path in on_disk(tmp_path))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["out/config.json", "out/vocab.json"], "lies in a folder of the repo: move its files"),
        (["config.json", "vocab.json", "pytorch_model.bin"], "save them as model.safetensors"),
        (["config.json", "vocab.json", "model.onnx"], "for ONNX, TensorFlow or Flax: save those"),
        (["config.json", "vocab.json", "tf_model.h5"], "for ONNX, TensorFlow or Flax: save those"),
        (["config.json", "vocab.json", SHARD_INDEX, SHARD], "in several files: save them in one"),
        (["config.json", "vocab.json", "ckpt.safetensors"], "all weights, call it model.safe"),
        (["config.json", WEIGHTS, "meta.pkl"], "write the characters to vocab.json, with"),
        ([], "no files$"),
    ],
)
def test_what_is_there_instead_of_a_missing_file_tells_what_to_do(names, sentence):
    with pytest.raises(NotAPlaygroundModel, match=rf"found .*{sentence}"):
        check_required_files(REPO, names, ["config.json", "vocab.json", WEIGHTS])
