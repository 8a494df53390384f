"""What goes wrong with the Hub, and what then."""

import asyncio
import json
import re
import time

import pytest

from playground.checkpoints.schema import INDEX, WEIGHTS
from playground.errors import (
    BadCheckpoint,
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
    NotAPlaygroundModel,
)
from tests.hub.scenarios import REPO, STEP_0, STEP_50, on_disk, run, text


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


def test_no_such_revision(hub, settings):
    async def scenario(service):
        for revision in ("nowhere", "c" * 40):
            with pytest.raises(
                HubRevisionNotFound, match=f"^{REPO}@{revision} .* no such revision"
            ):
                await service.load_from_hub(REPO, revision)

    run(settings, scenario)


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
