"""Files that are not what they should be."""

import json
import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from playground.checkpoints.schema import INDEX, WEIGHTS
from playground.errors import (
    BadCheckpoint,
    HubError,
    HubTooLarge,
    NotAPlaygroundModel,
    SessionNotFound,
)
from tests.hub.fake_hub import files_of
from tests.hub.scenarios import REPO, STEP_0, on_disk, run, text, with_weights


def tensors(change):
    def apply(content):
        held = {name: value.copy() for name, value in load(content).items()}
        change(held)
        return save(held)

    return apply


def first(held, value):
    next(iter(held.values())).flat[0] = value


def lying_header(content):
    """A header that promises rows which the file does not hold."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    tensor = next(value for name, value in header.items() if name != "__metadata__")
    tensor["shape"] = [10**9, 10**9]
    encoded = json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + content[8 + length :]


def config(**model):
    def apply(files):
        whole = json.loads(files["config.json"])
        whole["model"] |= model
        return files | {"config.json": json.dumps(whole).encode()}

    return apply


def index(at, **changes):
    def apply(files):
        entries = json.loads(files[INDEX])
        entries[-1] |= changes
        return files | {INDEX: json.dumps(entries).encode(), at: files[WEIGHTS]}

    return apply


def weights(change):
    return lambda files: with_weights(files, change)


EVIL = {
    "NaN": (weights(tensors(lambda held: first(held, np.nan))), "not finite"),
    "infinite": (weights(tensors(lambda held: first(held, np.inf))), "not finite"),
    "a lying shape": (weights(lying_header), "not a whole safetensors file|has the shape"),
    "an extra tensor": (weights(tensors(lambda held: held.update(x=np.ones(3)))), "has extra"),
    "a missing tensor": (weights(tensors(lambda held: held.popitem())), "lacks tensors"),
    "a pickle by another name": (weights(lambda _: b"\x80\x04cos\nsystem\n."), "safetensors"),
    "lines in a name": (
        weights(tensors(lambda h: h.update({"a\nb": np.ones(3)}))),
        "extra .*: a b",
    ),
    "a million layers": (config(n_layer=1_000_000), "n_layer must be a whole number"),
    "a huge vocabulary": (config(vocab_size=10**12), "vocab"),
    "an unknown field": (config(trust_remote_code=True), "trust_remote_code"),
    "a path upwards": (index("../../../evil", path="../../../evil"), "path"),
    "an absolute path": (index("/tmp/evil", path="/tmp/evil"), "path"),
    "a path elsewhere": (index("evil.safetensors", path="evil.safetensors"), "path"),
    "a lying size": (index(WEIGHTS, bytes=7), "has .* bytes, .* says 7"),
    "a wrong sha256": (index(WEIGHTS, sha256="0" * 64), "sha256"),
    "no JSON": (lambda files: files | {"config.json": b"{"}, "config.json"),
    "deep JSON": (lambda files: files | {"vocab.json": b"[" * 10**5}, "vocab.json"),
}


@pytest.mark.parametrize("name", EVIL)
def test_what_is_not_as_it_should_be_is_refused_and_leaves_nothing(
    name, hub, settings, tiny, tmp_path
):
    change, sentence = EVIL[name]
    hub.commit(REPO, change(tiny))

    async def scenario(service):
        before = on_disk(tmp_path)
        with pytest.raises(BadCheckpoint, match=sentence):
            await service.load_from_hub(REPO)
        assert on_disk(tmp_path) == before
        assert service.session_ids() == {"plain"}
        commit = hub.repos[REPO].branches["main"]
        with pytest.raises(SessionNotFound):
            await text(service, f"{REPO}@{commit}")

    run(settings, scenario)


class Executed:
    """Unpickled, it makes a folder: of what is never to happen, a trace."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_nothing_is_executed(hub, settings, tiny, tmp_path):
    traces = [tmp_path / f"executed-{i}" for i in range(3)]
    pickles = [pickle.dumps(Executed(trace)) for trace in traces]
    code = f"import os; os.mkdir({str(traces[2])!r})".encode()
    code_files = {"config.py": code, "modeling.py": code, "__init__.py": code}
    others = {"pytorch_model.bin": pickles[0], "ckpt.pkl": pickles[0]} | code_files
    hub.commit("ada/good", tiny | others)
    hub.commit("ada/evil", with_weights(tiny, lambda _: pickles[1]) | others)

    async def scenario(service):
        assert len(await text(service, (await service.load_from_hub("ada/good")).session_id)) == 5
        with pytest.raises(BadCheckpoint, match="not a whole safetensors file"):
            await service.load_from_hub("ada/evil")

    run(settings, scenario)
    assert not any(trace.exists() for trace in traces)
    assert not any(name in line for name in others for line in hub.log)
    pickle.loads(pickles[0])  # it would have been
    assert traces[0].exists()


def largest(files):
    """A config within the ranges, of a model that takes a gigabyte."""
    return config(n_layer=16, n_embd=512, n_hidden=2048, n_gram=8, n_gram_rows=65536)(files)


def many_names(content):
    """A header of a million tensors without a number in them."""
    tensor = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    encoded = json.dumps({f"x{i}": tensor for i in range(300_000)}).encode()
    return len(encoded).to_bytes(8, "little") + encoded


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (config(n_layer=1_000_000), "n_layer must be a whole number"),
        (largest, "lacks tensors"),
        (weights(lying_header), "not a whole safetensors file|has the shape"),
        (weights(many_names), "its header would have"),
    ],
    ids=["a million layers", "a gigabyte", "a lying shape", "many names"],
)
def test_what_is_refused_takes_no_memory(change, sentence, hub, changed, tiny):
    hub.commit(REPO, change(tiny))

    async def scenario(service):
        before = peak_bytes(reset=True)
        with pytest.raises(BadCheckpoint, match=sentence):
            await service.load_from_hub(REPO)
        assert peak_bytes() - before < 2**27  # what a file may have, twice

    run(changed(hub_gigaflops=1e9), scenario)


def peak_bytes(*, reset=False):
    """The most memory that this process had, since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


# --- Weights that are in git itself, not in LFS -------------------------------------------------


def in_git(hub, tiny):
    """A repo of steps in branches, none of whose files is in LFS."""
    texts = {name: tiny[name] for name in ("config.json", "vocab.json")}
    hub.commit("ada/git", texts | {WEIGHTS: tiny[WEIGHTS]}, lfs=False)
    hub.commit("ada/git", texts | {WEIGHTS: tiny[STEP_0]}, branch="step0")
    hub.commit("ada/git", texts | {WEIGHTS: tiny[WEIGHTS]}, branch="step100")


def test_weights_in_git_are_read(hub, settings, tiny):
    in_git(hub, tiny)

    async def scenario(service):
        session = await service.load_from_hub("ada/git")
        assert session.run.steps == [0, 100]
        same = await service.load_from_hub(REPO)
        for step in (0, 100):
            expected = await text(service, same.session_id, step)
            assert await text(service, session.session_id, step) == expected

    run(settings, scenario)
    assert hub.asked("cdn .*ada/git") == 0


def test_weights_in_git_of_an_index_are_read(hub, settings, tiny):
    hub.commit("ada/indexed", tiny, lfs=False)

    async def scenario(service):
        session = await service.load_from_hub("ada/indexed")
        assert len(await text(service, session.session_id, 50)) == 5

    run(settings, scenario)


def test_weights_in_git_are_those_that_git_lists(hub, settings, tiny):
    in_git(hub, tiny)
    hub.fail("GET", r"/resolve/.*safetensors", lie=tiny[WEIGHTS][:-1] + b"\x07")

    async def scenario(service):
        with pytest.raises(HubError, match=r"^model.safetensors of ada/git is not the file that"):
            await service.load_from_hub("ada/git")

    run(settings, scenario)
    assert not any("safetensors" in path for path in on_disk(settings.hub_cache_dir))


def test_weights_in_git_are_not_read_where_they_are_too_large(hub, changed, tiny):
    in_git(hub, tiny)

    async def scenario(service):
        with pytest.raises(HubTooLarge):
            await service.load_from_hub("ada/git")

    run(changed(hub_repo_bytes=len(tiny[WEIGHTS])), scenario)
    assert hub.asked(r"/resolve/.*safetensors") == 0


def test_word_pieces_open_with_their_tokenizer(hub, settings, tmp_path, write_model, word_pieces):
    files = files_of(write_model(tmp_path / "pieces", tokenizer=word_pieces).folder)
    hub.commit("ada/pieces", files)
    hub.commit("ada/none", {name: c for name, c in files.items() if name != "tokenizer.json"})

    async def scenario(service):
        session = await service.load_from_hub("ada/pieces")
        assert session.run.vocabulary.kind == "tokens"
        assert len(await text(service, session.session_id)) > 0
        with pytest.raises(NotAPlaygroundModel, match=r"it has no vocab\.json"):
            await service.load_from_hub("ada/none")

    run(settings, scenario)
