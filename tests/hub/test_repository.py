"""Repos opened at a revision: with the Hub, without it, and with the operator's token."""

import asyncio
import time

import huggingface_hub
import pytest

from playground.checkpoints.schema import WEIGHTS
from playground.errors import (
    HubError,
    HubForbidden,
    HubRepoNotFound,
    HubUnavailable,
    SessionNotFound,
    TooManyLoads,
)
from playground.hub import repository
from tests.hub.fake_hub import TOKEN
from tests.hub.scenarios import REPO, run, text


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
