"""Weights, downloaded a step at a time."""

import asyncio
import time

import pytest
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.errors import HubError, HubTimeout, HubUnavailable, ModelLoading
from playground.service.model_loader import model_wait
from playground.service.playground import Playground
from tests.hub.scenarios import REPO, on_disk, run, text


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
        assert not any("000050" in path for path in on_disk(service.settings.hub_cache_dir))
        assert len(service._hub._weights._downloads) == 0
        hub.heal()
        assert len(await text(service, session_id, 50)) == 5

    run(changed(hub_seconds=8.0), scenario)


def test_a_caller_who_says_how_long_it_waits_is_told_that_a_step_is_being_loaded(hub, settings):
    """And finds it there later: leaving does not end the download."""
    ask = {"context": "abc", "step": 50, "n": 1, "temperature": 0}
    with TestClient(create_api(Playground(settings))) as client:
        loaded = client.post("/api/loads", json={"repo_id": REPO}).json()
        while (load := client.get(f"/api/loads/{loaded['load_id']}").json())["state"] == "loading":
            time.sleep(0.02)
        ask["session_id"] = load["session"]["session_id"]
        hub.fail("GET", "cdn.*000050", delay=1.5)
        with hub.counted() as asked:
            refused = client.post("/api/generate", json=ask, headers={"Prefer": "wait=0"})
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert refused.headers["X-Error"] == "ModelLoading"
            assert refused.json() == {
                "error": "The model is still being loaded; try again in a moment"
            }
            german = {"Prefer": "respond-async, wait=0", "X-Language": "de"}
            refused = client.post("/api/generate", json=ask, headers=german)
            assert "wird noch geladen" in refused.json()["error"]
            start = time.monotonic()
            while client.post("/api/generate", json=ask, headers=german).status_code == 503:
                assert time.monotonic() - start < 30
                time.sleep(0.1)
            # Who does not say it waits as before.
            assert client.post("/api/generate", json=ask).status_code == 200
        assert len(asked) == 2


def test_a_download_that_nobody_waits_for_any_more_ends(hub, settings, monkeypatch):
    monkeypatch.setattr("playground.service.model_loader.LINGER_SECONDS", 0.2)

    async def scenario(service):
        session = await service.load_from_hub(REPO)
        hub.fail("GET", "cdn.*000050", delay=60)
        model_wait.set(0.1)
        with pytest.raises(ModelLoading):
            await text(service, session.session_id, 50)
        downloads = service._hub._weights._downloads
        assert len(downloads) == 1
        await asyncio.sleep(0.5)
        assert len(downloads) == 0

    run(settings, scenario)
