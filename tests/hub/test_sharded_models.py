"""Models of the Hub whose weights are in several files, as `save_pretrained` writes them."""

import asyncio
import json

import pytest

pytest.importorskip("transformers")

from playground.checkpoints.schema import SHARD_INDEX, WEIGHTS
from playground.errors import BadCheckpoint, HubFileNotFound, HubTooLarge, HubUnavailable
from playground.lm.sampling import SamplingParams
from tests.hub.fake_hub import files_of
from tests.hub.scenarios import on_disk, run
from tests.inference.pretrained import reference, save

REPO = "ada/shards"
TEXT = "the house of the mouse"
GREEDY = SamplingParams(temperature=0)
SHARD = r"cdn .*model-[0-9]{5}-of-[0-9]{5}.safetensors"


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    """The model, and its files in shards; of which each has a part of the tensors."""
    folder = tmp_path_factory.mktemp("sharded")
    model, files = save("llama", folder, max_shard_size="8KB"), files_of(folder)
    assert WEIGHTS not in files
    assert 3 <= len(shards_of(files)) <= 16
    return model, files


def shards_of(files):
    return sorted(set(json.loads(files[SHARD_INDEX])["weight_map"].values()))


async def probs(service, session_id, step=None):
    generation = await service.generate(session_id, TEXT, GREEDY, n=3, step=step)
    return generation.steps.token.tolist(), generation.steps.prob.tolist()


def check(model, vocabulary, found):
    """Compare with the library's own forward of the whole model."""
    tokens, values = found
    ids = vocabulary.encode(TEXT)
    expected = reference(model, [*ids, *tokens])[len(ids) - 1 : -1]
    assert values == pytest.approx([float(row.max()) for row in expected], abs=1e-5)


def test_it_is_fetched_once_by_two_told_as_one_and_opened_again_without_the_hub(
    hub, settings, sharded
):
    model, files = sharded
    hub.commit(REPO, files)
    told = []

    async def first(service):
        session, same = await asyncio.gather(
            service.load_from_hub(REPO, progress=lambda *n: told.append(n)),
            service.load_from_hub(REPO),
        )
        assert same.session_id == session.session_id
        found = await probs(service, session.session_id)
        check(model, session.run.vocabulary, found)
        assert session.run.n_params == sum(p.numel() for p in model.parameters())
        return session.session_id, found

    session_id, found = run(settings, first)
    assert hub.asked(SHARD) == len(shards_of(files))
    whole = sum(len(files[name]) for name in shards_of(files))
    assert {total for _, total in told} == {whole}
    assert told == sorted(told)
    assert told[0][0] == 0
    assert told[-1] == (whole, whole)

    async def again(service):
        with hub.counted() as asked:
            again = await probs(service, session_id)
        assert asked == []
        return again

    assert run(settings, again) == found


def test_what_came_before_a_failure_is_kept(hub, settings, sharded):
    model, files = sharded
    address = f"{REPO}@{hub.commit(REPO, files)}"
    last = shards_of(files)[-1]
    hub.fail("GET", f"cdn .*{last}", status=503)

    async def scenario(service):
        with pytest.raises(HubUnavailable):
            await service.load_from_hub(address)
        hub.heal()
        with hub.counted() as asked:
            session = await service.load_from_hub(address)
        assert session.run.n_params == sum(p.numel() for p in model.parameters())
        assert [line.rpartition("/")[2] for line in asked if "cdn" in line] == [last]

    run(settings, scenario)


def test_a_shard_of_other_bytes_is_refused_and_fetched_again(hub, settings, sharded):
    model, files = sharded
    hub.commit(REPO, files)
    name = shards_of(files)[1]
    hub.fail("GET", f"cdn .*{name}", lie=files[name][:-1] + b"!")

    async def scenario(service):
        with pytest.raises(BadCheckpoint, match=f"{name} does not have the sha256"):
            await service.load_from_hub(REPO)
        assert not any("safetensors" in path for path in on_disk(service.settings.hub_cache_dir))
        hub.heal()
        session = await service.load_from_hub(REPO)
        check(model, session.run.vocabulary, await probs(service, session.session_id))

    run(settings, scenario)


def test_a_tensor_that_no_shard_has_is_named(hub, settings, sharded):
    _, files = sharded
    index = json.loads(files[SHARD_INDEX])
    index["weight_map"]["model.lost"] = shards_of(files)[0]
    hub.commit(REPO, files | {SHARD_INDEX: json.dumps(index).encode()})

    async def scenario(service):
        with pytest.raises(BadCheckpoint, match=r"-00001-of-.* lacks tensors: model.lost"):
            await service.load_from_hub(REPO)
        assert [session.session_id for session in service.sessions()] == ["plain"]

    run(settings, scenario)


def test_a_shard_that_the_repo_lacks_is_named_before_any_is_fetched(hub, settings, sharded):
    _, files = sharded
    last = shards_of(files)[-1]
    hub.commit(REPO, {name: content for name, content in files.items() if name != last})

    async def scenario(service):
        with pytest.raises(HubFileNotFound, match=f"has no {last}, which its {SHARD_INDEX} lists"):
            await service.load_from_hub(REPO)

    run(settings, scenario)
    assert not hub.asked(SHARD)


def test_shards_are_too_large_together_though_each_is_small(hub, changed, sharded):
    _, files = sharded
    hub.commit(REPO, files)
    sizes = [len(files[name]) for name in shards_of(files)]

    async def scenario(service):
        with pytest.raises(HubTooLarge, match="MB of weights in all; the limit here"):
            await service.load_from_hub(REPO)

    run(changed(token_weights_bytes=max(sizes) + 1, hub_seconds=60.0), scenario)
    assert not hub.asked(SHARD)


@pytest.mark.parametrize("lfs", [True, False])
def test_branches_in_shards_are_steps(hub, settings, sharded, tmp_path, lfs):
    model, files = sharded
    (tmp_path / "other").mkdir()
    other = save("llama", tmp_path / "other", seed=5, max_shard_size="8KB")
    save("llama", tmp_path, seed=6)
    hub.commit(REPO, files, lfs=lfs)
    for step, folder in ((0, tmp_path / "other"), (50, tmp_path)):
        hub.commit(REPO, files_of(folder), branch=f"step{step}")
    hub.commit(REPO, files, branch="step100")

    async def scenario(service):
        session = await service.load_from_hub(REPO)
        assert session.run.steps == [0, 50, 100]
        assert hub.asked(SHARD) == (len(shards_of(files)) if lfs else 0)
        for step, expected in ((0, other), (100, model)):
            found = await probs(service, session.session_id, step)
            check(expected, session.run.vocabulary, found)
        await probs(service, session.session_id, 50)
        entry = session.run.checkpoint(0)
        service._hub.delete_weights(session.run, entry)
        kept = on_disk(session.run.folder)
        assert not kept & {file.path for file in entry.files}
        assert kept >= {file.path for n in (50, 100) for file in session.run.checkpoint(n).files}
        await service._hub.fetch_weights(session.run, session.origin, 0)
        assert on_disk(session.run.folder) >= {file.path for file in entry.files}

    run(settings, scenario)
