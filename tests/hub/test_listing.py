"""The list of published models."""

import pytest

from playground.errors import HubError, HubRateLimited, HubTimeout
from playground.hub import listing
from tests.hub.scenarios import run


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
