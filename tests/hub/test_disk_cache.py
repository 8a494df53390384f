"""The disk: full, unusable, changed, bounded."""

import errno
import os
from pathlib import Path

import pytest

from playground.checkpoints.schema import INDEX, WEIGHTS
from playground.errors import BadCheckpoint, DiskFull, HubUnavailable
from playground.hub import disk_cache
from playground.hub.address import Address
from playground.hub.disk_cache import DiskCache
from tests.hub.scenarios import REPO, on_disk, run, text


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


def test_what_another_server_with_the_same_disk_uses_stays(hub, changed, tiny):
    repos = [f"ada/tiny{n}" for n in range(3)]
    for repo in repos:
        hub.commit(repo, tiny)
    size = sum(len(tiny[name]) for name in ("config.json", "vocab.json", INDEX, WEIGHTS))
    settings = changed(hub_cache_bytes=3 * size)

    def folder(repo):
        return next(settings.hub_cache_dir.glob(f"*/{repo.replace('/', '--')}/*/hub.json")).parent

    async def load(service, *names):
        return [await service.load_from_hub(name) for name in names]

    run(settings, lambda service: load(service, *repos[:2]))
    with pytest.raises(DiskFull, match="in use"):
        run(settings, lambda service: load(service, repos[2]))
    # Still incomplete there, and being written; the other one is idle.
    (folder(repos[0]) / "hub.json").unlink()
    os.utime(folder(repos[1]) / "hub.json", (1, 1))
    os.utime(folder(repos[1]), (1, 1))
    run(settings, lambda service: load(service, repos[2]))
    kept = {path.split("/")[1] for path in on_disk(settings.hub_cache_dir) if WEIGHTS in path}
    assert kept == {"ada--tiny0", "ada--tiny2"}


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


def test_a_ref_that_another_process_deletes_meanwhile_is_none(tmp_path):
    cache = DiskCache(tmp_path, "http://hub.test", 2**20)
    folder = cache.folder(Address(REPO, "a" * 40))
    folder.mkdir(parents=True)
    refs = folder.parent / "refs"
    refs.mkdir()
    (refs / "gone").symlink_to(refs / "nowhere")
    (refs / "main").write_bytes(folder.name.encode())
    cache.delete(folder)
    assert not folder.exists()
    assert not (refs / "main").exists()
