"""Models from the Hub through the API, against a loopback Hub."""

import threading
import time
from contextlib import contextmanager

import httpx2
import huggingface_hub
import pytest
import uvicorn
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.checkpoints.schema import WEIGHTS
from playground.cli.publish import main
from playground.service import loads
from playground.service.playground import Playground
from playground.settings import Settings
from tests.hub.fake_hub import TOKEN, FakeHub, files_of

REPO = "ada/tiny"


@pytest.fixture
def hub(models_dir):
    with FakeHub() as hub:
        hub.commit(REPO, files_of(models_dir / "plain"))
        yield hub


@pytest.fixture
def app(hub, models_dir, tmp_path, monkeypatch):
    """`with app(hub_seconds=1) as client`: the API over a service with these settings."""
    monkeypatch.delenv("HF_TOKEN", raising=False)

    def start(**values):
        values = {"hub_seconds": 60.0} | values
        settings = Settings(
            models_dir=models_dir,
            hub_endpoint=hub.endpoint,
            hub_cache_dir=tmp_path / "cache",
            **values,
        )
        return TestClient(create_api(Playground(settings)))

    return start


def load(client, repo_id=REPO, **more):
    return client.post("/api/sessions", json={"repo_id": repo_id, **more})


def generate(client, session_id, **more):
    body = {"session_id": session_id, "context": "hello", "temperature": 0, "n": 5} | more
    return client.post("/api/generate", json=body)


def followed(client, load_id, *states):
    """Ask for a load until it is in one of the states."""
    for _ in range(500):
        body = client.get(f"/api/loads/{load_id}").json()
        if body["state"] in states:
            return body
        time.sleep(0.02)
    raise AssertionError(body)


def test_publish_list_load_play_and_move_along_the_steps(app, hub, models_dir, monkeypatch):
    folder = models_dir / "weird"
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    told = [str(folder), "ada/weird", "--endpoint", hub.endpoint, "--license", "mit"]
    assert main(told) == 0
    monkeypatch.delenv("HF_TOKEN")
    with app() as client:
        (found,) = client.get("/api/models", params={"search": "WEIRD"}).json()["models"]
        assert found["repo_id"] == "ada/weird"
        assert found.keys() == {"repo_id", "likes", "downloads", "params", "last_modified"}
        response = load(client, f"{hub.endpoint}/{found['repo_id']}/tree/main")
        assert response.status_code == 201
        session = response.json()
        commit = hub.repos["ada/weird"].branches["main"]
        assert session["session_id"] == f"ada/weird@{commit}"
        assert (session["repo_id"], session["commit"]) == ("ada/weird", commit)
        assert (session["source"], session["cached"]) == ("hub", False)
        assert session["steps"] == [0, 50, 100]
        for step in session["steps"]:
            bundled = generate(client, "weird", context="<$", step=step).json()["steps"]
            pulled = generate(client, session["session_id"], context="<$", step=step)
            assert pulled.json()["steps"] == bundled
        listed = client.get("/api/sessions").json()["sessions"]
        assert {item["session_id"] for item in listed} == {"plain", "weird"}  # it is a visitor's
        assert client.get(f"/api/sessions/{session['session_id']}").json() == session
        substituted = client.post(
            "/api/substitute", json={"session_id": session["session_id"], "text": "<Z>"}
        )
        assert substituted.status_code == 200


def test_what_is_there_already_is_200_and_costs_no_request(app, hub):
    with app() as client:
        first = load(client)
        with hub.counted() as asked:
            for address in (REPO, first.json()["session_id"]):
                again = load(client, address)
                assert again.status_code == 200
                assert again.json() == first.json() | {"cached": True}
        assert asked == []


def test_a_session_by_its_id_after_a_restart(app, hub):
    with app() as client:
        session_id = load(client).json()["session_id"]
    hub.stop()
    with app(hub_seconds=1.0) as client:
        assert client.get(f"/api/sessions/{session_id}").json()["cached"] is True
        assert generate(client, session_id).status_code == 200
        body = load(client)
        assert body.status_code == 200
        assert body.json()["cached"] is True
        assert generate(client, session_id, step=50).status_code == 503
        assert generate(client, "plain").status_code == 200
        assert client.get("/api/models").status_code == 503


@pytest.mark.parametrize(
    "body",
    [
        {}, [], {"repo_id": ""}, {"repo_id": 3}, {"repo_id": "tiny"}, {"repo_id": "x" * 501},
        {"repo_id": REPO, "revision": 1}, {"repo_id": REPO, "revision": "../x"},
        {"repo_id": REPO, "token": "hf_visitor"}, {"repo_id": "ada/tiny@v1", "revision": "v2"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/sessions", "/api/loads"])
def test_what_is_no_request_is_400(app, hub, path, body):
    with app() as client:
        response = client.post(path, json=body)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert hub.log == []


@pytest.mark.parametrize(
    ("path", "rule", "status"),
    [
        ("/api/models/", {"status": 404, "headers": {"X-Error-Code": "RepoNotFound"}}, 404),
        ("resolve", {"status": 403, "headers": {"X-Error-Code": "GatedRepo"}}, 403),
        ("/api/models/", {"status": 429, "headers": {"Retry-After": "9"}}, 429),
        ("cdn", {"cut": 100}, 502),
        ("cdn", {"status": 503}, 503),
        ("/api/models/", {"delay": 60}, 504),
    ],
)
def test_failures_have_their_status_and_the_others_play_on(app, hub, path, rule, status):
    hub.fail("GET", path, **rule)
    with app(hub_seconds=2.0) as client:
        response = load(client)
        assert response.status_code == status
        assert list(response.json()) == ["error"]
        assert response.headers.get("Retry-After") == ("9" if status == 429 else None)
        assert generate(client, "plain").status_code == 200
        hub.heal()
        assert load(client).status_code == 201


def test_a_load_is_followed_to_its_end(app, hub, models_dir):
    hub.fail("GET", "cdn", drip=0.05)
    total = (models_dir / "plain" / WEIGHTS).stat().st_size
    with app() as client:
        response = client.post("/api/loads", json={"repo_id": REPO})
        assert response.status_code == 202
        assert response.json().keys() == {
            "load_id", "state", "bytes", "total_bytes", "error", "session",
        }  # fmt: skip
        load_id = response.json()["load_id"]
        seen = set()
        while (body := client.get(f"/api/loads/{load_id}").json())["state"] == "loading":
            assert body["session"] is None
            seen.add(body["bytes"])
            time.sleep(0.02)
        assert len(seen) > 2
        assert (body["state"], body["error"]) == ("done", None)
        assert body["bytes"] == body["total_bytes"] == total
        assert body["session"] | {"cached": True} == load(client).json()


def test_a_load_that_fails_says_why(app):
    with app() as client:
        load_id = client.post("/api/loads", json={"repo_id": "ada/none"}).json()["load_id"]
        body = followed(client, load_id, "failed")
        assert body["error"] == "ada/none is not on the Hub, or it is private"
        assert body["session"] is None


def test_a_cancelled_load_ends_the_download(app, hub):
    hub.fail("GET", "cdn", drip=0.2)
    with app() as client:
        load_id = client.post("/api/loads", json={"repo_id": REPO}).json()["load_id"]
        while not hub.asked("cdn"):
            time.sleep(0.01)
        body = client.delete(f"/api/loads/{load_id}").json()
        assert (body["state"], body["error"]) == ("cancelled", "Loading was cancelled")
        assert client.get(f"/api/loads/{load_id}").json() == body
        assert len(client.get("/api/sessions").json()["sessions"]) == 2
        hub.heal()
        assert load(client).status_code == 201


def test_a_load_that_has_ended_is_not_cancelled(app):
    with app() as client:
        load_id = client.post("/api/loads", json={"repo_id": REPO}).json()["load_id"]
        done = followed(client, load_id, "done")
        assert client.delete(f"/api/loads/{load_id}").json() == done


def test_unknown_loads_and_too_many(app, monkeypatch):
    monkeypatch.setattr(loads, "LOADS_MAX", 2)
    with app() as client:
        assert client.get("/api/loads/nothing").status_code == 404
        assert client.delete("/api/loads/nothing").status_code == 404
        statuses = [client.post("/api/loads", json={"repo_id": REPO}).status_code for _ in range(3)]
        assert statuses == [202, 202, 503]


def test_a_load_that_nobody_asks_about_is_given_up(app, hub, monkeypatch):
    monkeypatch.setattr(loads, "POLL_TIMEOUT_SECONDS", 0.2)
    hub.fail("GET", "cdn", drip=0.2)
    with app() as client:
        load_id = client.post("/api/loads", json={"repo_id": REPO}).json()["load_id"]
        time.sleep(0.5)
        assert client.get(f"/api/loads/{load_id}").status_code == 404


def test_who_hangs_up_ends_what_was_loaded_for_them(hub, models_dir, tmp_path):
    hub.fail("GET", "cdn", drip=0.2)
    settings = Settings(
        models_dir=models_dir, hub_endpoint=hub.endpoint, hub_cache_dir=tmp_path / "cache"
    )
    server = uvicorn.Server(
        uvicorn.Config(create_api(Playground(settings)), port=0, log_level="error")
    )
    with running(server) as port:
        with pytest.raises(httpx2.ReadTimeout):
            httpx2.post(
                f"http://127.0.0.1:{port}/api/sessions", json={"repo_id": REPO}, timeout=1.0
            )
        assert hub.asked("cdn") == 1
        for _ in range(100):
            if not list((tmp_path / "cache").rglob("*.partial")):
                break
            time.sleep(0.05)
        assert not list((tmp_path / "cache").rglob("*safetensors*"))


@contextmanager
def running(server):
    """The port of a uvicorn server that runs in a thread."""
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("offline", [True, False])
def test_the_start_waits_for_no_hub(app, hub, offline, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)
    hub.fail("GET", "", delay=60)
    start = time.monotonic()
    with app(hub_seconds=60.0, featured_repos=(REPO, "ada/other")) as client:
        assert client.get("/api/sessions").status_code == 200
        assert generate(client, "plain").status_code == 200
        assert time.monotonic() - start < 3


def test_a_featured_repo_that_fails_is_named_for_the_operator(app, hub):
    with app(featured_repos=("ada/none", REPO)) as client:
        for _ in range(200):
            body = client.get("/api/health").json()
            if body["sessions"] == 3:
                break
            time.sleep(0.02)
        assert body["sessions"] == 3
        assert list(body["refused"]) == ["ada/none"]


def test_what_the_hub_does_not_have_names_the_field_it_was_asked_in(app):
    with app() as client:
        asked = {"repo_id": load(client, "ada/none"), "revision": load(client, revision="none")}
    for field, response in asked.items():
        assert (response.status_code, response.headers["X-Error-Field"]) == (404, field)
