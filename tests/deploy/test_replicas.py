"""Requests through the proxy: spread, led to whoever has a training, none lost with a replica."""

import asyncio
import signal
import time
import uuid

import httpx
import pytest
from gradio_client import Client

from tests.deploy.conftest import LOADS_PER_HOUR, REPLICAS
from tests.deploy.visitors import CHUNK, alone, play_together

pytestmark = pytest.mark.slow

TEXT = "the cat sat on the mat and the dog ran to the cat.\n" * 40
TINY = {"n_layer": 1, "n_head": 1, "n_embd": 16, "block_size": 16}
LONG = {"text": TEXT, "preset": "quick-15k", "steps": 2000, "batch_size": 4, "model": TINY}
HELLO = {"session_id": "plain", "context": "hello wor", "temperature": 1.0, "seed": 7}


def start(client, visitor, **options):
    body = LONG | {"visitor": visitor, "steps_per_second": 20} | options
    response = client.post("/api/trainings", params={"visitor": visitor}, json=body)
    assert response.status_code == 201, response.text
    return response.json()["session_id"]


def until_ready(client, session_id):
    deadline = time.monotonic() + 60
    while not (body := client.get(f"/api/trainings/{session_id}").json())["ready"]:
        assert time.monotonic() < deadline, body
        time.sleep(0.1)
    return body


def owner(session_id):
    return session_id.removeprefix("live-").partition(".")[0]


@pytest.fixture
def started(proxy):
    """A training of a visitor on each of the replicas: {replica: (visitor, session_id)}."""
    found = {}
    while set(found) != set(REPLICAS):
        visitor = uuid.uuid4().hex
        session_id = start(proxy, visitor)
        if owner(session_id) in found:
            proxy.delete(f"/api/trainings/{session_id}")
        else:
            found[owner(session_id)] = visitor, session_id
    yield found
    for _, session_id in found.values():
        proxy.delete(f"/api/trainings/{session_id}")


# --- Live trainings ----------------------------------------------------------------------------


def test_a_training_is_found_wherever_it_runs(proxy, direct, started):
    for replica, (visitor, session_id) in started.items():
        until_ready(proxy, session_id)
        for other in set(REPLICAS) - {replica}:
            refused = direct[other].get(f"/api/trainings/{session_id}")
            assert refused.status_code == 421
            assert refused.headers["X-Replica"] == replica
        for _ in range(6):  # more often than there are replicas to be chosen
            assert proxy.get(f"/api/trainings/{session_id}").status_code == 200
            assert proxy.get(f"/api/sessions/{session_id}").status_code == 200
            body = {"session_id": session_id, "context": "the cat", "temperature": 0, "n": 3}
            answer = proxy.post("/api/generate", json=body)
            assert answer.status_code == 200, answer.text
            assert len(answer.json()["steps"]) == 3
            listed = proxy.get("/api/trainings", params={"visitor": visitor}).json()["trainings"]
            assert [training["session_id"] for training in listed] == [session_id]
        assert proxy.post(f"/api/trainings/{session_id}/pause").json()["state"] in (
            "pausing",
            "paused",
        )
        again = proxy.post(
            "/api/trainings", params={"visitor": visitor}, json=LONG | {"visitor": visitor}
        )
        assert again.status_code == 409, "one at a time, whichever replica was asked"


def test_a_model_is_uploaded_to_where_the_visitors_others_are(proxy, started):
    for replica, (visitor, session_id) in started.items():
        until_ready(proxy, session_id)
        model = proxy.get(f"/api/trainings/{session_id}/download")
        assert model.headers["content-type"] == "application/zip"
        uploaded = proxy.post(
            "/api/trainings/upload", params={"visitor": visitor}, content=model.content
        ).json()["session_id"]
        assert owner(uploaded) == replica
        listed = proxy.get("/api/trainings", params={"visitor": visitor}).json()["trainings"]
        assert {training["session_id"] for training in listed} == {session_id, uploaded}
        proxy.delete(f"/api/trainings/{uploaded}")


def test_a_training_whose_replica_is_gone_has_ended(cluster, proxy, started):
    visitor, session_id = started["a"]
    cluster.end("a", signal.SIGKILL)
    for _ in range(4):
        gone = proxy.get(f"/api/trainings/{session_id}", headers={"X-Language": "de"})
        assert (gone.status_code, gone.headers["X-Error"]) == (404, "SessionNotFound")
        assert gone.json() == {"error": "Dieses Modell ist hier nicht zu finden"}
        body = {"session_id": session_id, "context": "the cat", "temperature": 0, "n": 3}
        assert proxy.post("/api/generate", json=body).status_code == 404
    assert start(proxy, visitor).startswith("live-b."), "and another can be started at once"
    cluster.heal()


@pytest.mark.parametrize(
    "path", ["trainings/live-{0}.{1}", "sessions/live-{0}.{1}", "loads/{0}.{1}"]
)
@pytest.mark.parametrize("name", ["a", "b", "c", "localhost", "evil.example", "a@evil"])
def test_an_id_that_was_made_up_is_not_found(proxy, path, name):
    answer = proxy.get("/api/" + path.format(name, "x" * 22))
    assert answer.status_code == 404, answer.text
    assert "error" in answer.json()


def test_nobody_outside_says_that_a_replica_is_down(proxy, started):
    _, session_id = started["a"]
    answers = {
        proxy.get(f"/api/trainings/{session_id}", headers={"X-Replica-Down": "1"}).status_code
        for _ in range(6)
    }
    assert answers == {200}


# --- Loads, Gradio, addresses ------------------------------------------------------------------


def test_a_load_is_followed_wherever_it_runs(proxy):
    started = proxy.post("/api/loads", json={"repo_id": "owner/name"}).json()
    seen = {proxy.get(f"/api/loads/{started['load_id']}").status_code for _ in range(6)}
    assert seen == {200}
    assert proxy.delete(f"/api/loads/{started['load_id']}").status_code == 200


def test_gradio_clients_work_and_play_the_same(cluster, direct):
    clients = [
        Client(cluster.address, headers={"User-Agent": f"client {i}"}, verbose=False)
        for i in range(4)
    ]
    expected = direct["a"].post("/api/generate", json=HELLO | {"n": 12}).json()["steps"]
    for client in clients:
        assert client.predict(**HELLO, api_name="/next_token")["next_token"]
        made = list(client.submit(**HELLO, n=12, api_name="/generate"))
        assert [progress["step"] for progress in made] == expected
        client.close()


def test_clients_are_spread_and_each_comes_back_to_its_replica(proxy):
    """Without an id in the address, as callers of the API start trainings: by their browser."""
    replicas = []
    for i in range(12):
        agent = {"User-Agent": f"browser {i}"}
        asked = set()
        for _ in range(2):
            body = LONG | {"visitor": uuid.uuid4().hex}
            session_id = proxy.post("/api/trainings", json=body, headers=agent).json()["session_id"]
            asked.add(owner(session_id))
            proxy.delete(f"/api/trainings/{session_id}")
        replicas.append(asked)
    assert {len(asked) for asked in replicas} == {1}
    assert set.union(*replicas) == set(REPLICAS)


def test_a_client_that_forwards_other_addresses_has_no_more_loads(proxy):
    codes = [
        proxy.post(
            "/api/loads",
            json={"repo_id": f"owner/name{i}"},
            headers={"X-Forwarded-For": f"203.0.113.{i}"},
        ).status_code
        for i in range(4 * LOADS_PER_HOUR)
    ]
    assert 429 in codes
    assert codes.count(202) <= len(REPLICAS) * LOADS_PER_HOUR, "each replica counts its own"


def test_what_is_too_large_is_refused_with_the_apps_sentence(proxy):
    answer = proxy.post("/api/generate", content=b" " * (3 * 2**20))
    assert (answer.status_code, answer.json()) == (413, {"error": "The body is too large"})


def test_a_page_gets_compressed_answers_and_lasting_assets(proxy):
    document = proxy.get("/")
    assert document.headers["content-encoding"] in ("gzip", "br")
    name = document.text.split("/assets/")[1].split('"')[0]
    asset = proxy.get(f"/assets/{name}")
    assert "immutable" in asset.headers["cache-control"]
    root = httpx.get(
        f"{proxy.base_url}/config", headers={"Host": "play.example", "X-Forwarded-Proto": "https"}
    ).json()["root"]
    assert root == "https://play.example"


# --- Losing a replica --------------------------------------------------------------------------


def test_a_replica_that_is_killed_loses_nobody_a_character(cluster):
    async def kill():
        await asyncio.sleep(4)
        cluster.processes["a"].send_signal(signal.SIGKILL)

    visitors = asyncio.run(play_together(cluster.address, 100, 5, kill()))
    assert cluster.processes["a"].wait(10) == -signal.SIGKILL
    nobody_noticed(cluster, visitors, chunks=5)


def test_a_rolling_restart_loses_nobody_a_character(cluster):
    async def restart():
        for name in REPLICAS:
            await asyncio.sleep(2)
            assert await asyncio.to_thread(cluster.end, name, signal.SIGTERM) == -signal.SIGTERM
            cluster.start_replica(name)
            await asyncio.to_thread(cluster.wait_for, name)

    visitors = asyncio.run(play_together(cluster.address, 50, 15, restart()))
    nobody_noticed(cluster, visitors, chunks=15)


def test_an_open_page_does_not_keep_a_replica_from_ending(cluster):
    before = len(cluster.log("a"))
    address = f"{cluster.address_of('a')}/gradio_api/heartbeat/page"
    with httpx.stream("GET", address) as stream:
        assert "ALIVE" in next(stream.iter_text())
        assert cluster.end("a", signal.SIGTERM) == -signal.SIGTERM
    assert "Traceback" not in cluster.log("a")[before:]


def nobody_noticed(cluster, visitors, chunks):
    print(
        f"longest wait {max(max(v.waits) for v in visitors):.2f} s,",
        f"slower for a while {sum(v.busy > 0 for v in visitors)}",
    )
    assert [v.errors for v in visitors if v.errors] == []
    assert sum(v.lost for v in visitors) == 0
    expected = alone(cluster.address_of("b"), visitors)
    for visitor in visitors:
        assert len(visitor.text) == chunks * CHUNK
        assert visitor.text == expected[visitor.prompt]
