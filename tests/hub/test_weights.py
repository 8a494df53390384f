"""Weights, downloaded a step at a time."""

import asyncio

import pytest

from playground.errors import HubError, HubTimeout, HubUnavailable
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
