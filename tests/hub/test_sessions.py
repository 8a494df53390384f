"""Sessions of the Hub, as the service keeps them."""

import asyncio
import time

import pytest

from playground.errors import SessionNotFound
from tests.hub.scenarios import REPO, run, text


def test_what_a_visitor_opens_is_not_listed_for_others(hub, changed):
    async def scenario(service):
        opened = await service.load_from_hub(REPO)
        assert [session.session_id for session in service.sessions()] == ["plain"]
        assert (await service.get_session(opened.session_id)).run == opened.run
        service.open_featured()
        await asyncio.gather(*service._background)
        listed = service.sessions()
        assert {session.session_id for session in listed} == {"plain", opened.session_id}
        await service.load_from_hub(opened.session_id)
        assert service.sessions() == listed  # a visitor who opens a featured one changes nothing

    run(changed(featured_repos=(REPO,)), scenario)


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


def test_featured_repos_are_opened_in_the_background(hub, changed):
    hub.fail("GET", "/api/models/ada/missing", delay=0.3)
    settings = changed(featured_repos=("ada/missing", "no address", REPO))

    async def scenario(service):
        start = time.monotonic()
        service.open_featured()
        await service.warm_up()
        assert time.monotonic() - start < 0.3
        await asyncio.gather(*service._background)
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
