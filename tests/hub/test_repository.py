"""The Hub, by the real client over a loopback server; what can go wrong with it, and what then."""

import asyncio
import errno
import hashlib
import json
import os
import pickle
import re
import time
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from safetensors.numpy import load, save

from playground.checkpoints.folder import INDEX, WEIGHTS
from playground.errors import (
    BadCheckpoint,
    DiskFull,
    HubCommitMoved,
    HubError,
    HubFileNotFound,
    HubForbidden,
    HubRateLimited,
    HubRepoNotFound,
    HubRevisionNotFound,
    HubTimeout,
    HubTooLarge,
    HubUnavailable,
    InvalidInput,
    NotAPlaygroundModel,
    SessionNotFound,
    TooManyLoads,
)
from playground.hub import disk_cache, listing, repository
from playground.hub.address import Address, parse_address, parse_session_id
from playground.hub.layout import STEP_BRANCHES_MAX, step_branches
from playground.lm.sampling import SamplingParams
from playground.service.playground import Playground
from playground.settings import Settings
from tests.hub.fake_hub import TOKEN, FakeHub, files_of

REPO = "ada/tiny"
STEP_0, STEP_50 = (f"checkpoints/step-{step:06d}/{WEIGHTS}" for step in (0, 50))
GREEDY = SamplingParams(temperature=0)


@pytest.fixture(autouse=True)
def no_token_of_this_machine(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", os.devnull)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, write_model) -> dict[str, bytes]:
    """The files of a small model with the steps 0, 50 and 100."""
    return files_of(write_model(tmp_path_factory.mktemp("published") / "tiny").folder)


@pytest.fixture(scope="session")
def bundled(tmp_path_factory, write_model) -> Path:
    """A models folder with the session `plain`: the one that always plays on."""
    folder = tmp_path_factory.mktemp("bundled")
    write_model(folder / "plain", steps=(0,))
    return folder


@pytest.fixture
def hub(tiny):
    with FakeHub() as hub:
        hub.commit(REPO, tiny)
        yield hub


@pytest.fixture
def settings(hub, bundled, tmp_path) -> Settings:
    return Settings(
        models_dir=bundled,
        hub_endpoint=hub.endpoint,
        hub_cache_dir=tmp_path / "cache",
        hub_seconds=5.0,
    )


@pytest.fixture
def changed(settings):
    """`changed(hub_seconds=1)`: the settings with other values."""

    def change(**values) -> Settings:
        own = {name: getattr(settings, name) for name in Settings.__slots__}
        return Settings(**own | values)

    return change


def run(settings, scenario):
    """What `await scenario(service)` returns, the service closed afterwards."""

    async def whole():
        service = Playground(settings)
        try:
            return await scenario(service)
        finally:
            await service.close()

    return asyncio.run(whole())


async def text(service, session_id, step=None) -> str:
    generation = await service.generate(session_id, "abc", GREEDY, n=5, step=step)
    return "".join([step.token async for step in generation.steps])


def on_disk(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def with_weights(files, change, path=WEIGHTS, **entry_changes) -> dict[str, bytes]:
    """The files with other weights, about which the index tells the truth."""
    content = change(files[path])
    index = json.loads(files[INDEX])
    for entry in index:
        if entry["path"] == path:
            truth = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            entry |= truth | entry_changes
    return files | {path: content, INDEX: json.dumps(index).encode()}


# --- Addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "repo_id", "revision"),
    [
        ("ada/tiny", "ada/tiny", None),
        ("  ada/tiny\n", "ada/tiny", None),
        ("ada/tiny@v1.0", "ada/tiny", "v1.0"),
        ("ada/tiny@feature/x", "ada/tiny", "feature/x"),
        ("hf://ada/tiny@v1", "ada/tiny", "v1"),
        ("https://huggingface.co/ada/tiny", "ada/tiny", None),
        ("https://huggingface.co/ada/tiny/", "ada/tiny", None),
        ("huggingface.co/ada/tiny", "ada/tiny", None),
        ("https://hf.co/ada/tiny/tree/dev", "ada/tiny", "dev"),
        ("https://huggingface.co/ada/tiny/tree/refs%2Fpr%2F1", "ada/tiny", "refs/pr/1"),
        ("https://huggingface.co/ada/tiny/blob/main/config.json?x=1#L3", "ada/tiny", "main"),
        ("https://huggingface.co/ada/tiny/commit/" + "a" * 40, "ada/tiny", "a" * 40),
        ("http://hub.test:81/ada/tiny/tree/dev", "ada/tiny", "dev"),
        ("hub.test:81/ada/tiny", "ada/tiny", None),
    ],
)
def test_addresses_as_they_are_typed_and_pasted(typed, repo_id, revision):
    assert parse_address(typed, None, "http://hub.test:81") == Address(repo_id, revision)


@pytest.mark.parametrize(
    "typed",
    [
        "", "tiny", "/", "a/b/c", "ada/..", "../tiny", "ada/ti ny", "ada/tiny\0", "ada/<b>",
        "a--b/c", "https://example.com/ada/tiny", "file:///etc/passwd", "javascript:alert(1)",
        "ada/tiny@../../x", "ada/tiny@-x", "ada/tiny@x y", "ada/tiny@main\n--upload", "a" * 600,
        "https://huggingface.co/datasets/ada/tiny", "https://huggingface.co/spaces/ada/tiny",
        "https://huggingface.co/ada/tiny/settings", "https://huggingface.co/ada",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_a_request(typed, settings, hub):
    async def scenario(service):
        with pytest.raises(InvalidInput):
            await service.load_from_hub(typed)

    run(settings, scenario)
    assert hub.log == []


def test_a_revision_beside_the_address():
    assert parse_address("a/b", " v1 ", "http://hub") == Address("a/b", "v1")
    assert parse_address("a/b@v1", "v1", "http://hub") == Address("a/b", "v1")
    assert parse_address("a/b", "", "http://hub") == Address("a/b", None)
    with pytest.raises(InvalidInput, match="revision v1, the request says v2"):
        parse_address("a/b@v1", "v2", "http://hub")


def test_only_a_whole_commit_is_a_session_id():
    commit = "0123456789" * 4
    assert parse_session_id(f"a/b@{commit}") == Address("a/b", commit)
    for other in (
        "plain",
        "a/b",
        "a/b@main",
        f"a/b@{'A' * 40}",
        f"hf://a/b@{commit}",
        "../b@" + commit,
    ):
        assert parse_session_id(other) is None


# --- Loading -----------------------------------------------------------------------------------


def test_a_repo_is_pinned_to_its_commit_and_then_there_like_any_other(hub, settings, tiny):
    async def scenario(service):
        told = []
        session = await service.load_from_hub(REPO, progress=lambda *n: told.append(n))
        commit = hub.repos[REPO].branches["main"]
        assert session.session_id == f"{REPO}@{commit}"
        assert (session.source, session.cached) == ("hub", False)
        assert (session.origin.repo_id, session.origin.commit) == (REPO, commit)
        assert service.registered_session(session.session_id) == session
        assert [offered.session_id for offered in service.sessions()] == ["plain"]
        assert told[0] == (0, len(tiny[WEIGHTS]))
        assert told[-1] == (len(tiny[WEIGHTS]), len(tiny[WEIGHTS]))
        assert len(await text(service, session.session_id)) == 5

    run(settings, scenario)
    assert not any(hub.tokens)


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


def test_50_at_once_cost_one_download_and_the_next_visitor_no_request(hub, settings):
    hub.fail("GET", "resolve", delay=0.05)

    async def scenario(service):
        sessions = await asyncio.gather(*(service.load_from_hub(REPO) for _ in range(50)))
        assert len({session.session_id for session in sessions}) == 1
        assert hub.asked("GET /api/models") == 1
        assert hub.asked("cdn GET") == 1
        assert len(hub.log) == len(set(hub.log)) == 6
        with hub.counted() as asked:
            await service.load_from_hub(sessions[0].session_id)
            await service.load_from_hub(REPO)
        assert asked == []
        return sessions[0].session_id

    session_id = run(settings, scenario)

    async def next_process(service):
        with hub.counted() as asked:
            await service.load_from_hub(session_id)
            assert len(await text(service, session_id)) == 5
        assert asked == []

    run(settings, next_process)


def test_50_at_once_for_a_step_cost_one_download(hub, settings):
    async def scenario(service):
        session = await service.load_from_hub(REPO)
        with hub.counted() as asked:
            texts = await asyncio.gather(
                *(text(service, session.session_id, 50) for _ in range(50))
            )
        assert len(set(texts)) == 1
        assert len(asked) == 2

    run(settings, scenario)


def test_a_moved_branch_is_a_new_session_and_the_old_one_plays_on(hub, settings, tiny, monkeypatch):
    monkeypatch.setattr(repository, "_RESOLVED_SECONDS", 0.0)

    async def scenario(service):
        old = await service.load_from_hub(REPO)
        hub.commit(REPO, tiny | {"README.md": b"better"})
        new = await service.load_from_hub(REPO)
        assert new.session_id != old.session_id
        assert await text(service, old.session_id, 50) == await text(service, new.session_id, 50)

    run(settings, scenario)


def test_a_revision_is_a_branch_a_tag_or_a_commit(hub, settings, tiny):
    commit = hub.commit(REPO, tiny | {"README.md": b"dev"}, branch="feature/x")

    async def scenario(service):
        for address, revision in ((REPO, "feature/x"), (f"{REPO}@{commit}", None), (REPO, commit)):
            assert (await service.load_from_hub(address, revision)).origin.commit == commit
        page = f"{hub.endpoint}/{REPO}/tree/feature%2Fx"
        assert (await service.load_from_hub(page)).origin.commit == commit

    run(settings, scenario)


def test_steps_in_branches(hub, settings, tiny):
    hub.commit("ada/branches", {k: tiny[k] for k in ("config.json", "vocab.json", WEIGHTS)})
    for step, path in ((0, STEP_0), (50, STEP_50), (100, WEIGHTS)):
        hub.commit("ada/branches", {WEIGHTS: tiny[path]}, branch=f"step{step}")
    main = hub.repos["ada/branches"].branches["main"]

    async def scenario(service):
        session = await service.load_from_hub("ada/branches")
        assert session.session_id == f"ada/branches@{main}"
        assert session.run.steps == [0, 50, 100]
        same = await service.load_from_hub(REPO)
        for step in (0, 50, 100):
            expected = await text(service, same.session_id, step)
            assert await text(service, session.session_id, step) == expected
        return session.session_id

    session_id = run(settings, scenario)

    async def next_process(service):
        assert len(await text(service, session_id, 0)) == 5

    run(settings, next_process)


def test_many_step_branches_are_thinned_out_evenly():
    steps = step_branches({f"step{n}": str(n) for n in range(0, 143_001, 1000)} | {"main": "x"})
    assert len(steps) == STEP_BRANCHES_MAX
    assert next(iter(steps)) == 0
    assert [*steps][-1] == 143_000
    assert [*steps] == sorted(steps)
    assert all(commit == str(step) for step, commit in steps.items())


# --- What goes wrong, and what then -------------------------------------------------------------


def refuse(hub, tiny):
    hub.stop()


def hang(path):
    return lambda hub, tiny: hub.fail("GET", path, delay=60)


def answer(path, status, **headers):
    return lambda hub, tiny: hub.fail("GET", path, status=status, headers=headers)


def replace(*gone, repo=None, **files):
    """The repo with other content."""
    changed = {name.replace("__", "."): content for name, content in files.items()}

    def apply(hub, tiny):
        there = {k: v for k, v in tiny.items() if k not in gone} | changed
        hub.commit(REPO, there, **repo or {})

    return apply


FAILURES = {
    "no such repo": (lambda hub, _: hub.repos.pop(REPO), HubRepoNotFound, 404, "not on the Hub"),
    "no such revision": (
        answer("/api/models/", 404, **{"X-Error-Code": "RevisionNotFound"}),
        HubRevisionNotFound, 404, "no such revision",
    ),
    "private": (replace(repo={"private": True}), HubRepoNotFound, 404, "or it is private"),
    "gated": (replace(repo={"gated": True}), HubForbidden, 403, "is gated"),
    "gated at the file": (
        answer("resolve.*json", 403, **{"X-Error-Code": "GatedRepo"}),
        HubForbidden, 403, "is gated",
    ),
    "file missing": (replace(STEP_50), HubFileNotFound, 404, f"has no {STEP_50}"),
    "file gone": (
        answer("resolve.*vocab", 404, **{"X-Error-Code": "EntryNotFound"}),
        HubFileNotFound, 404, "vocab.json of .* no such file",
    ),
    "pickle": (
        replace(INDEX, WEIGHTS, STEP_0, STEP_50, "vocab.json", pytorch_model__bin=b"", a__pkl=b""),
        NotAPlaygroundModel, 422,
        r"no vocab.json\. Expected config.json, vocab.json, .*; found .*a\.pkl.*pytorch_model\.bin",
    ),
    "no index": (replace(INDEX), NotAPlaygroundModel, 422, f"has no {INDEX}"),
    "refused": (refuse, HubUnavailable, 503, "cannot be reached"),
    "hangs": (hang("/api/models/"), HubTimeout, 504, "takes too long"),
    "hangs at a file": (hang("resolve.*config"), HubTimeout, 504, "takes too long"),
    "hangs at the weights": (hang("cdn"), HubTimeout, 504, "takes too long"),
    "too many requests": (
        answer("/api/models/", 429, **{"Retry-After": "300"}),
        HubRateLimited, 429, "again in 300 s",
    ),
    "too many downloads": (
        answer("cdn", 429, **{"Retry-After": "7"}), HubRateLimited, 429, "again in 7 s",
    ),
    "overloaded": (answer("/api/models/", 503), HubUnavailable, 503, "status 503"),
    "503 at the weights": (answer("cdn", 503), HubUnavailable, 503, "status 503"),
    "cut off": (
        lambda hub, _: hub.fail("GET", "cdn", cut=500), HubError, 502, "was cut off",
    ),
    "cut off at a file": (
        lambda hub, _: hub.fail("GET", "resolve.*index", cut=9), HubError, 502, "was cut off",
    ),
    "shorter than told": (
        lambda hub, _: hub.fail("GET", "cdn", lie=b"x" * 500), HubError, 502, "cut off at 500 of",
    ),
    "longer than told": (
        lambda hub, _: hub.fail("GET", "cdn", lie=b"x" * 10**6), HubTooLarge, 413, "larger than",
    ),
    "an endless answer": (
        lambda hub, _: hub.fail("GET", "/api/models/", lie=b" " * 2**25),
        HubTooLarge, 413, "larger",
    ),
    "no JSON": (
        lambda hub, _: hub.fail("GET", "/api/models/", lie=b"<html>"), HubError, 502, "no sense",
    ),
    "other JSON": (
        lambda hub, _: hub.fail("GET", "/api/models/", lie=b"[3]"), HubError, 502, "no sense",
    ),
    "no commit": (
        lambda hub, _: hub.fail("GET", "/api/models/", lie=b'{"id": "x", "sha": "../../x"}'),
        HubError, 502, "does not name its commit",
    ),
    "a list of errors": (
        lambda hub, _: hub.fail("GET", "/api/models/", status=500, lie=b"[1]"),
        HubError, 502, "no sense",
    ),
    "commit gone": (
        answer("resolve.*json", 404, **{"X-Error-Code": "RevisionNotFound"}),
        HubCommitMoved, 409, "changed while it was read",
    ),
    "commit moved": (
        lambda hub, _: hub.fail("GET", "resolve.*json", headers={"X-Repo-Commit": "b" * 40}),
        HubCommitMoved, 409, "changed while it was read",
    ),
    "redirected in a circle": (
        lambda hub, _: hub.fail("GET", "resolve.*json", status=302, headers={"Location": ""}),
        HubError, 502, "cut off",
    ),
    "wrong sha256": (
        lambda hub, tiny: hub.fail("GET", "cdn", lie=tiny[WEIGHTS][:-1] + b"\x07"),
        BadCheckpoint, 422, "sha256",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_a_sentence_in_time_and_nothing_is_lost(name, hub, changed, tiny, tmp_path):
    go_wrong, kind, status, sentence = FAILURES[name]
    settings = changed(hub_seconds=3.0)

    async def scenario(service):
        await service.warm_up()
        before = on_disk(tmp_path)
        go_wrong(hub, tiny)
        playing = asyncio.create_task(text(service, "plain"))
        start = time.monotonic()
        with pytest.raises(kind, match=sentence) as caught:
            await service.load_from_hub(REPO)
        assert time.monotonic() - start < settings.hub_seconds + 0.5  # a busy machine
        assert type(caught.value) is kind
        assert caught.value.status == status
        assert "\n" not in str(caught.value)
        assert len(await playing) == 5
        assert service.session_ids() == {"plain"}
        kept = on_disk(tmp_path) - before
        assert not any("partial" in path or path.endswith(WEIGHTS) for path in kept)

        hub.heal()
        if name == "refused":
            hub.start()
        hub.repos.pop(REPO, None)
        hub.commit(REPO, tiny, private=False, gated=False)
        service._hub._resolved.clear()  # as if a while had passed
        session = await service.load_from_hub(REPO)
        assert len(await text(service, session.session_id)) == 5

    run(settings, scenario)


def test_a_failing_step_is_a_sentence_and_the_session_plays_on(hub, changed):
    async def scenario(service):
        session_id = (await service.load_from_hub(REPO)).session_id
        for fail, kind in (
            ({"status": 503}, HubUnavailable),
            ({"delay": 60}, HubTimeout),
            ({"cut": 100}, HubError),
            ({"lie": b"x"}, HubError),
        ):
            hub.fail("GET", "cdn.*000050", **fail)
            with pytest.raises(kind):
                await text(service, session_id, 50)
            assert len(await text(service, session_id)) == 5
            hub.heal()
        assert len(await text(service, session_id, 50)) == 5

    run(changed(hub_seconds=3.0), scenario)


def test_no_such_revision(hub, settings):
    async def scenario(service):
        for revision in ("nowhere", "c" * 40):
            with pytest.raises(
                HubRevisionNotFound, match=f"^{REPO}@{revision} .* no such revision"
            ):
                await service.load_from_hub(REPO, revision)

    run(settings, scenario)


def test_a_full_disk(hub, settings, monkeypatch):
    async def scenario(service):
        plain_open = Path.open

        class Full:
            def __init__(self, file):
                self.file = file

            def __enter__(self):
                return self

            def __exit__(self, *_):
                self.file.close()

            def write(self, _):
                raise OSError(errno.ENOSPC, "No space left on device")

        def opened(path, *how, **more):
            file = plain_open(path, *how, **more)
            return Full(file) if path.name.endswith(".partial") else file

        for method, failing in ((Path.open, opened), (Path.write_bytes, None)):
            with monkeypatch.context() as patch:
                if failing:
                    patch.setattr(Path, method.__name__, failing)
                else:
                    patch.setattr(Path, "write_bytes", lambda *_: Full(None).write(b""))
                with pytest.raises(DiskFull, match="The disk here is full; the operator"):
                    await service.load_from_hub(REPO)
            assert not any("partial" in path for path in on_disk(settings.hub_cache_dir))
            assert len(await text(service, "plain")) == 5
            service._hub._cache.delete(service._hub._cache.folder(Address(REPO, "x")))
        await service.load_from_hub(REPO)

    run(settings, scenario)


def test_a_disk_that_cannot_be_written(hub, changed, tmp_path):
    (tmp_path / "file").write_text("no folder")

    async def scenario(service):
        with pytest.raises(HubUnavailable, match="cannot be kept on this disk"):
            await service.load_from_hub(REPO)

    run(changed(hub_cache_dir=tmp_path / "file"), scenario)


def test_who_leaves_takes_nothing_from_the_others_and_the_last_ends_the_work(hub, changed):
    hub.fail("GET", "cdn", drip=0.03)

    async def scenario(service):
        first, second = (asyncio.create_task(service.load_from_hub(REPO)) for _ in range(2))
        while not hub.asked("cdn"):
            await asyncio.sleep(0.01)
        first.cancel()
        assert len(await text(service, (await second).session_id)) == 5
        assert first.cancelled()

        session_id = (await second).session_id
        third = asyncio.create_task(text(service, session_id, 50))
        while not hub.asked("cdn.*000050"):
            await asyncio.sleep(0.01)
        third.cancel()
        await asyncio.wait({third})
        await asyncio.sleep(0.05)
        assert not any("000050" in path for path in on_disk(service._settings.hub_cache_dir))
        assert len(service._hub._weights._downloads) == 0
        hub.heal()
        assert len(await text(service, session_id, 50)) == 5

    run(changed(hub_seconds=8.0), scenario)


def test_too_many_loads_at_once(hub, settings, monkeypatch):
    monkeypatch.setattr(repository, "_CONCURRENT_OPENS_MAX", 2)
    hub.fail("GET", "/api/models/", delay=0.5)

    async def scenario(service):
        loads = [service.load_from_hub(f"ada/tiny{n}") for n in range(5)]
        ends = await asyncio.gather(*loads, return_exceptions=True)
        kinds = sorted(type(end).__name__ for end in ends)
        assert kinds == ["HubRepoNotFound"] * 2 + ["TooManyLoads"] * 3
        assert TooManyLoads.status == 503

    run(settings, scenario)


# --- Files that are not what they should be ------------------------------------------------------


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


def test_file_names_that_lead_out_are_not_fetched(hub, settings, tiny, tmp_path):
    upwards = ["../evil.json", "checkpoints/../../evil.json", "/etc/evil", "~/evil", "a/./b"]
    hub.commit(REPO, tiny | dict.fromkeys(upwards, b"evil"))

    async def scenario(service):
        await service.load_from_hub(REPO)

    run(settings, scenario)
    assert not any("evil" in line for line in hub.log)
    assert not any("evil" in path for path in on_disk(tmp_path))


# --- Without the Hub -----------------------------------------------------------------------------


def test_a_cached_commit_opens_with_the_hub_gone_and_says_so(hub, changed):
    settings = changed(hub_seconds=1.5)

    async def load(service):
        return (await service.load_from_hub(REPO)).session_id

    session_id = run(settings, load)
    hub.stop()

    async def scenario(service):
        for address in (REPO, session_id):
            session = await service.load_from_hub(address)
            assert (session.session_id, session.cached) == (session_id, True)
        assert len(await text(service, session_id)) == 5
        with pytest.raises(HubUnavailable, match="cannot be reached"):
            await text(service, session_id, 0)
        with pytest.raises(HubUnavailable, match="cannot be reached"):
            await service.load_from_hub(REPO, "other-branch")
        assert len(await text(service, session_id)) == 5

    run(settings, scenario)


@pytest.mark.parametrize("pinned", [True, False], ids=["a moment ago", "a while ago"])
def test_what_was_opened_with_the_hub_there_says_so_when_it_is_gone(pinned, hub, changed):
    async def scenario(service):
        first = await service.load_from_hub(REPO)
        assert not first.cached
        hub.stop()
        if not pinned:
            service._hub._resolved.clear()
        for address in (REPO, first.session_id):
            again = await service.load_from_hub(address)
            assert (again.session_id, again.cached) == (first.session_id, True)
        assert not service.registered_session(
            first.session_id
        ).cached  # the first visitor's is as it was

    run(changed(hub_seconds=1.5), scenario)


def test_what_the_hub_still_sent_is_not_called_cached(hub, settings):
    hub.fail("GET", "cdn", cut=100, times=1)

    async def scenario(service):
        with pytest.raises(HubError):
            await service.load_from_hub(REPO)
        assert not (await service.load_from_hub(REPO)).cached  # its weights came just now

    run(settings, scenario)


def test_what_a_visitor_opens_is_not_listed_for_others(hub, changed):
    async def scenario(service):
        opened = await service.load_from_hub(REPO)
        assert [session.session_id for session in service.sessions()] == ["plain"]
        assert (await service.get_session(opened.session_id)).run == opened.run
        service.open_featured()
        await service._featured_task
        listed = service.sessions()
        assert {session.session_id for session in listed} == {"plain", opened.session_id}
        await service.load_from_hub(opened.session_id)
        assert service.sessions() == listed  # a visitor who opens a featured one changes nothing

    run(changed(featured_repos=(REPO,)), scenario)


@pytest.mark.parametrize(
    "how", [{"delay": 60}, {"status": 500}, {"status": 429}, {"cut": 9}, {"lie": b"<html>"}]
)
def test_a_hub_that_does_not_answer_leaves_the_last_known_commit(how, hub, changed):
    settings = changed(hub_seconds=1.5)

    async def scenario(service):
        return await service.load_from_hub(REPO)

    known = run(settings, scenario)
    hub.fail("GET", "/api/models/", **how)
    again = run(settings, scenario)
    assert (again.session_id, again.cached) == (known.session_id, True)


def test_what_the_hub_refuses_is_not_opened_from_the_cache(hub, settings):
    async def scenario(service):
        return await service.load_from_hub(REPO)

    run(settings, scenario)
    hub.repos[REPO].gated = True
    with pytest.raises(HubForbidden):
        run(settings, scenario)
    del hub.repos[REPO]
    with pytest.raises(HubRepoNotFound):
        run(settings, scenario)


def test_a_generation_reopens_a_commit_by_its_id_without_a_request(hub, settings):
    async def load(service):
        session = await service.load_from_hub(REPO)
        return session.session_id, await text(service, session.session_id)

    session_id, written = run(settings, load)

    async def scenario(service):
        with hub.counted() as asked:
            assert await text(service, session_id) == written
        assert asked == []
        assert service.registered_session(session_id).cached
        for unknown in (
            f"{REPO}@{'0' * 40}",
            "ada/other@" + session_id[-40:],
            REPO,
            "../x@" + "a" * 40,
        ):
            with pytest.raises(SessionNotFound):
                await text(service, unknown)

    run(settings, scenario)


def test_offline_nothing_is_asked_and_nothing_is_waited_for(hub, changed, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    async def scenario(service):
        start = time.monotonic()
        service.open_featured()
        assert time.monotonic() - start < 0.1
        with pytest.raises(HubUnavailable, match="switched off here"):
            await service.load_from_hub(REPO)
        with pytest.raises(HubUnavailable, match="switched off here"):
            await service.search_hub()
        assert len(await text(service, "plain")) == 5

    run(changed(featured_repos=(REPO,)), scenario)
    assert hub.log == []


def test_featured_repos_are_opened_in_the_background(hub, changed):
    hub.fail("GET", "/api/models/ada/missing", delay=0.3)
    settings = changed(featured_repos=("ada/missing", "no address", REPO))

    async def scenario(service):
        start = time.monotonic()
        service.open_featured()
        await service.warm_up()
        assert time.monotonic() - start < 0.3
        await service._featured_task
        assert [s.session_id.split("@")[0] for s in service.sessions() if s.source == "hub"] == [
            REPO
        ]
        assert set(service.refused) == {"ada/missing", "no address"}

    run(settings, scenario)


def test_a_service_that_closes_gives_up_what_it_loads(hub, changed):
    hub.fail("GET", "/api/models/", delay=60)

    async def scenario(service):
        service.open_featured()
        service.start_load("ada/other")
        await asyncio.sleep(0.1)

    start = time.monotonic()
    run(changed(featured_repos=(REPO,), hub_seconds=60), scenario)
    assert time.monotonic() - start < 5


# --- What only the operator may read -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["private", "gated"])
def test_what_only_the_operators_token_reads_is_not_shown(kind, hub, changed, tiny, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.commit(REPO, tiny, **{kind: True})

    async def refused(service):
        for address in (REPO, f"{REPO}@{hub.repos[REPO].branches['main']}"):
            with pytest.raises((HubForbidden, HubRepoNotFound)):
                await service.load_from_hub(address)
        with pytest.raises(SessionNotFound):
            await text(service, f"{REPO}@{hub.repos[REPO].branches['main']}")

    run(changed(), refused)
    assert not any(hub.tokens)

    async def shown(service):
        session = await service.load_from_hub(REPO)
        assert len(await text(service, session.session_id, 0)) == 5

    run(changed(show_private=True), shown)
    assert {token for line, token in zip(hub.log, hub.tokens, strict=True) if "cdn" in line} == {
        None
    }
    run(changed(), refused)  # with the commit on the disk


def test_a_public_repo_is_read_without_the_token(hub, changed, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    async def scenario(service):
        await service.load_from_hub(REPO)

    run(changed(show_private=True), scenario)
    assert not any(hub.tokens)


# --- Bounds ---------------------------------------------------------------------------------------


def test_the_disk_cache_is_bounded_and_what_is_in_use_stays(hub, changed, tiny, monkeypatch):
    repos = [f"ada/tiny{n}" for n in range(4)]
    for repo in repos:
        hub.commit(repo, tiny)
    size = sum(len(tiny[name]) for name in ("config.json", "vocab.json", INDEX, WEIGHTS))
    settings = changed(hub_cache_bytes=3 * size)

    def there():
        return {path.split("/")[1] for path in on_disk(settings.hub_cache_dir) if WEIGHTS in path}

    async def scenario(service):
        sessions = [(await service.load_from_hub(repo)).session_id for repo in repos[:2]]
        with pytest.raises(DiskFull, match="in use"):
            await service.load_from_hub(repos[2])
        assert there() == {"ada--tiny0", "ada--tiny1"}
        assert len(await text(service, sessions[0])) == 5
        monkeypatch.setattr(disk_cache, "IN_USE_SECONDS", 0.0)
        os.utime(next(settings.hub_cache_dir.glob("*/ada--tiny0/*/hub.json")), (1, 1))
        await service.load_from_hub(repos[2])
        assert there() == {"ada--tiny1", "ada--tiny2"}
        # What is gone from the disk still plays from memory, and its steps are fetched anew.
        assert len(await text(service, sessions[0])) == 5
        assert len(await text(service, sessions[0], 50)) == 5
        used = sum(p.stat().st_size for p in settings.hub_cache_dir.rglob("*") if p.is_file())
        assert used <= settings.hub_cache_bytes + size

    run(settings, scenario)


def test_sessions_are_bounded_and_a_dropped_one_opens_again_by_its_id(hub, changed, tiny):
    for n in range(3):
        hub.commit(f"ada/tiny{n}", tiny)

    async def scenario(service):
        ids = [(await service.load_from_hub(f"ada/tiny{n}")).session_id for n in (0, 1)]
        await text(service, ids[0])
        ids.append((await service.load_from_hub("ada/tiny2")).session_id)

        def at_hand():
            return service.session_ids() - {"plain"}

        assert at_hand() == {ids[0], ids[2]}
        with hub.counted() as asked:
            assert len(await text(service, ids[1])) == 5
        assert asked == []
        assert at_hand() == {ids[1], ids[2]}
        assert "plain" in service.session_ids()

    run(changed(hub_sessions=2), scenario)


def test_a_cache_that_somebody_has_been_at_is_fetched_again(hub, settings):
    async def load(service):
        return await service.load_from_hub(REPO)

    folder = run(settings, load).run.folder
    (folder / "vocab.json").write_text("[")
    assert not run(settings, load).cached
    (folder / WEIGHTS).write_bytes(b"cut")
    with pytest.raises(BadCheckpoint):
        run(settings, load)
    assert not run(settings, load).cached


# --- The list -------------------------------------------------------------------------------------


def card(**fields):
    return f"---\nlibrary_name: {fields.pop('library', 'token-playground')}\n---\n".encode()


def test_published_models_are_listed_searched_and_remembered(hub, settings, tiny):
    hub.commit("ada/tiny", tiny | {"README.md": card()}, likes=3, downloads=9)
    hub.commit("bob/Verse-large", tiny | {"README.md": card()}, likes=5)
    hub.commit("bob/other", tiny | {"README.md": card(library="transformers")}, likes=50)
    hub.commit("bob/private", tiny | {"README.md": card()}, private=True)
    hub.commit("bob/gated", tiny | {"README.md": card()}, gated=True)

    async def scenario(service):
        found = await service.search_hub()
        assert [model.repo_id for model in found] == ["bob/Verse-large", "ada/tiny"]
        tiny_one = found[1]
        assert (tiny_one.likes, tiny_one.downloads) == (3, 9)
        assert tiny_one.params > 0
        assert tiny_one.last_modified.year == 2026
        with hub.counted() as asked:
            assert [m.repo_id for m in await service.search_hub("VERSE bob")] == ["bob/Verse-large"]
            assert await service.search_hub("nothing") == []
        assert asked == []

    run(settings, scenario)
    assert hub.asked() == 1


def test_a_list_that_was_there_serves_on_when_the_hub_does_not_answer(
    hub, settings, tiny, monkeypatch
):
    hub.commit("ada/tiny", tiny | {"README.md": card()})
    monkeypatch.setattr(listing, "_TTL_SECONDS", 0.0)

    async def scenario(service):
        assert len(await service.search_hub()) == 1
        hub.fail("GET", "/api/models", status=503)
        assert len(await service.search_hub()) == 1
        with hub.counted() as asked:
            assert len(await service.search_hub()) == 1
        assert asked == []  # not again for a while

    run(settings, scenario)


@pytest.mark.parametrize(
    ("how", "kind"),
    [({"status": 429}, HubRateLimited), ({"delay": 60}, HubTimeout), ({"lie": b"{}"}, HubError)],
)
def test_without_a_list_the_failure_is_a_sentence(how, kind, hub, changed):
    hub.fail("GET", "/api/models", **how)

    async def scenario(service):
        with pytest.raises(kind):
            await service.search_hub()
        hub.heal()
        assert await service.search_hub() == []

    run(changed(hub_seconds=1.0), scenario)


def test_the_sentences_hold_nothing_of_what_the_hub_wrote(hub, settings):
    evil = "<img src=x onerror=alert(1)>"
    hub.fail(
        "GET", "/api/models/", status=500, lie=json.dumps({"error": evil}).encode(),
        headers={"X-Error-Message": evil},
    )  # fmt: skip

    async def scenario(service):
        with pytest.raises(HubUnavailable) as caught:
            await service.load_from_hub(REPO)
        assert not re.search("img|http|Traceback", str(caught.value))

    run(settings, scenario)
