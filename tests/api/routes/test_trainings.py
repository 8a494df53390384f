"""The training routes: good requests do what they say, bad ones get a sentence and a status."""

import io
import json
import math
import time
import zipfile

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.service.playground import Playground
from playground.settings import Settings
from tests.api.scenarios import CORPUS

TEXT = "the cat sat on the mat and the dog ran to the cat.\n" * 40
TINY = {"n_layer": 1, "n_head": 1, "n_embd": 16, "block_size": 16}
QUICK = {"text": TEXT, "preset": "quick-15k", "steps": 12, "batch_size": 4, "model": TINY}
ME, YOU = "me-0123456789abcdef", "you-0123456789abcdef"


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    # A Hub that is never there.
    settings = Settings(
        models_dir=folder, hub_cache_dir=folder / "hub", hub_endpoint="http://127.0.0.1:9"
    )
    with TestClient(create_api(Playground(settings)), raise_server_exceptions=False) as client:
        client.get("/api/corpora")
        yield client


@pytest.fixture
def client(api):
    yield api
    for visitor in (ME, YOU):
        for training in trainings_of(api, visitor):
            api.delete(f"/api/trainings/{training['session_id']}")


def trainings_of(client, visitor):
    return client.get("/api/trainings", params={"visitor": visitor}).json()["trainings"]


def start(client, visitor=ME, **options):
    response = client.post("/api/trainings", json=QUICK | {"visitor": visitor} | options)
    assert response.status_code == 201, response.text
    return response.json()["session_id"]


def follow(client, session_id, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        body = client.get(f"/api/trainings/{session_id}").json()
        if condition(body):
            return body
        time.sleep(0.02)
    raise AssertionError(body)


def done(body):
    return body["state"] in ("done", "stopped", "failed")


def post(client, session_id, action, **body):
    return client.post(f"/api/trainings/{session_id}/{action}", json=body or None)


def play(client, session_id, **options):
    request = {"session_id": session_id, "context": "the ", "temperature": 0, "n": 5}
    return client.post("/api/generate", json=request | options)


@pytest.mark.parametrize("n_characters", [1_500, 4_500])
def test_a_text_of_many_characters_is_learned(client, n_characters):
    text = "".join(map(chr, range(0x4E00, 0x4E00 + n_characters))) * 2
    session_id = start(client, text=text, preset="quick-100k", steps=3, model={})
    body = follow(client, session_id, done)
    assert (body["state"], body["vocab_size"]) == ("done", n_characters)
    assert body["landmarks"]["uniform"] > 7
    session = client.get(f"/api/sessions/{session_id}").json()
    assert "".join(session["vocabulary"]) == text[:n_characters]
    request = {"session_id": session_id, "context": text[:5], "temperature": 1.0}
    answer = client.post("/api/generate-next-token", json=request).json()
    assert answer["next_token"] in text


def test_what_the_form_offers(client):
    form = client.get("/api/corpora").json()
    names = [corpus["name"] for corpus in form["corpora"]]
    assert names == ["tales", "docs", "python", "arithmetic", "shakespeare", "text"]
    assert [tokenizer["name"] for tokenizer in form["tokenizers"]] == ["characters", "bpe"]
    sizes = {preset["name"]: preset["params"] for preset in form["presets"]}
    assert sizes["quick-15k"] < 20_000 < 90_000 < sizes["quick-100k"] < 150_000
    assert 700_000 < sizes["quick-800k"] < 900_000
    assert 700_000 < sizes["plain"] < 900_000
    for preset in form["presets"]:
        for name, bounds in form["bounds"].items():
            assert bounds["low"] <= preset[name] <= bounds["high"]
        rates = preset["learning_rate_bounds"]
        assert rates["low"] < preset["learning_rate"] < rates["high"]


def test_word_pieces_are_learned_first_and_the_model_plays_by_them(client):
    session_id = start(client, tokenizer="bpe")
    body = follow(client, session_id, done)
    assert (body["state"], body["tokenizer"]) == ("done", "bpe")
    merges = client.get(f"/api/trainings/{session_id}/merges").json()["merges"]
    assert body["merges"] == len(merges) == body["vocab_size"] - 256
    counts = [merge["count"] for merge in merges]
    assert counts == sorted(counts, reverse=True)
    part = TEXT[: int(len(TEXT) * 0.9)]
    assert part.count(merges[0]["left"] + merges[0]["right"]) == counts[0]
    assert body["landmarks"]["uniform"] == pytest.approx(math.log(len(set(TEXT))))
    session = client.get(f"/api/sessions/{session_id}").json()
    assert (session["tokenizer"], session["vocabulary"]) == ("tokens", [])
    steps = play(client, session_id).json()["steps"]
    assert len(steps) == 5
    assert all("token_id" in step for step in steps)
    scored = {"session_id": session_id, "text": "the cat sat"}
    assert client.post("/api/score", json=scored).json()["bits_per_character"] > 0
    packed = client.get(f"/api/trainings/{session_id}/download").content
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert "tokenizer.json" in archive.namelist()
        assert b"subword" in archive.read("README.md")
    other = client.post("/api/trainings/upload", params={"visitor": YOU}, content=packed).json()
    again = play(client, other["session_id"]).json()["steps"]
    assert [step["token"] for step in again] == [step["token"] for step in steps]


def test_characters_have_no_merges_and_too_short_a_text_of_pieces_says_so(client):
    session_id = start(client)
    assert follow(client, session_id, done)["merges"] == 0
    assert client.get(f"/api/trainings/{session_id}/merges").json() == {"merges": []}
    assert client.get("/api/trainings/live-gone/merges").status_code == 404
    short = start(client, tokenizer="bpe", text="word " * 60, model=TINY | {"block_size": 200})
    body = follow(client, short, done)
    assert body["state"] == "failed"
    assert body["note"].startswith("In word pieces this text is too short")
    assert not body["can_resume"]


def test_a_trainings_text_can_be_looked_into(client):
    session_id = start(client)
    follow(client, session_id, done)
    body = {"session_id": session_id, "context": "the c"}
    found = client.post(CORPUS, json=body).json()
    trained = TEXT[: int(len(TEXT) * 0.9)]
    assert (found["available"], found["k"]) == (True, 5)
    assert found["count"] == trained.count("the c")
    assert found["next"] == [{"token": "a", "count": found["count"], "share": 1.0}]
    packed = client.get(f"/api/trainings/{session_id}/download").content
    other = client.post("/api/trainings/upload", params={"visitor": YOU}, content=packed).json()
    assert client.post(CORPUS, json=body | {"session_id": other["session_id"]}).json()["reason"]
    client.delete(f"/api/trainings/{session_id}")
    assert client.post(CORPUS, json=body).status_code == 404


def test_a_training_from_start_to_end(client):
    session_id = start(client)
    body = follow(client, session_id, done)
    assert body["state"] == "done"
    assert body["step"] == body["steps"] == 12
    assert [point["step"] for point in body["losses"]] == list(range(1, 13))
    assert [e["step"] for e in body["evaluations"]] == [0, 5, 10, 12]
    assert body["checkpoints"] == [0, 10, 12]
    assert body["tokens"] == 12 * 4 * 16
    marks = body["landmarks"]
    assert marks["uniform"] > marks["letters"] > marks["pairs"]
    assert body["evaluations"][0]["val_loss"] == pytest.approx(marks["uniform"], abs=1e-4)
    assert body["learning_rate"] < body["peak_learning_rate"]
    assert body["whole"] is True
    later = client.get(f"/api/trainings/{session_id}", params={"since": 10}).json()
    assert [point["step"] for point in later["losses"]] == [11, 12]
    assert [e["step"] for e in later["evaluations"]] == [10, 12]
    assert later["whole"] is False
    ahead = client.get(f"/api/trainings/{session_id}", params={"since": 99}).json()
    assert ahead["whole"] is True
    assert len(ahead["losses"]) == 12


def test_it_is_a_session_for_those_who_know_its_id(client):
    session_id = start(client, paused=True)
    follow(client, session_id, lambda body: body["state"] == "paused")
    assert client.get(f"/api/sessions/{session_id}").json()["steps"] == []
    early = play(client, session_id)
    assert (early.status_code, early.json()) == (400, {"error": "Model not initialized"})
    post(client, session_id, "step")
    follow(client, session_id, lambda body: body["ready"])
    assert play(client, session_id).json()["step"] == 1
    assert play(client, session_id, step=0).json()["step"] == 0
    assert play(client, session_id, step=7).status_code == 404
    assert client.get("/api/sessions").json() == {"sessions": []}
    assert session_id not in client.get("/api/health").text
    assert client.delete(f"/api/trainings/{session_id}").status_code == 204
    for gone in (play(client, session_id), client.get(f"/api/trainings/{session_id}")):
        assert (gone.status_code, gone.json()) == (404, {"error": "Session not found"})


def test_it_is_steered(client):
    session_id = start(client, steps=5000, steps_per_second=50)
    follow(client, session_id, lambda body: body["step"] > 0)
    assert post(client, session_id, "pause").json()["state"] == "pausing"
    follow(client, session_id, lambda body: body["state"] == "paused")
    assert post(client, session_id, "pause").status_code == 409
    assert post(client, session_id, "speed", steps_per_second=-1).status_code == 400
    assert post(client, session_id, "speed", steps_per_second=5.5).status_code == 200
    assert client.get(f"/api/trainings/{session_id}").json()["speed"] == 5.5
    assert post(client, session_id, "resume").json()["state"] == "training"
    assert post(client, session_id, "resume").status_code == 409
    post(client, session_id, "stop")
    body = follow(client, session_id, done)
    assert body["state"] == "stopped"
    assert body["can_resume"] is True
    assert play(client, session_id).status_code == 200
    assert post(client, session_id, "resume").json()["state"] in ("queued", "starting")


def test_others_see_nothing_of_it(client):
    session_id = start(client)
    assert trainings_of(client, YOU) == []
    assert [t["session_id"] for t in trainings_of(client, ME)] == [session_id]
    assert client.get("/api/trainings").status_code == 400
    for answer in (client.get("/api/sessions"), client.get("/api/health")):
        assert session_id not in answer.text


def test_keep_download_and_upload_again(client):
    session_id = start(client)
    follow(client, session_id, done)
    kept = post(client, session_id, "name", name="My cats")
    assert (kept.json()["name"], kept.json()["kept"]) == ("My cats", True)
    assert client.get(f"/api/sessions/{session_id}").json()["name"] == "My cats"
    assert post(client, session_id, "name", name=" ").status_code == 400
    packed = client.get(f"/api/trainings/{session_id}/download")
    assert packed.headers["content-type"] == "application/zip"
    assert "My cats" in zipfile.ZipFile(io.BytesIO(packed.content)).read("README.md").decode()
    again = client.post("/api/trainings/upload", params={"visitor": YOU}, content=packed.content)
    assert again.status_code == 201
    other_id = again.json()["session_id"]
    assert play(client, other_id).json()["steps"] == play(client, session_id).json()["steps"]
    body = client.get(f"/api/trainings/{other_id}").json()
    assert (body["name"], body["state"], body["step"]) == ("My cats", "done", 12)
    assert post(client, other_id, "resume").status_code == 409


def test_uploads_that_are_refused(client):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.md", bytes(100_000_000))
    for content, status in (
        (b"", 422), (b"no zip", 422), (bomb.getvalue(), 413), (bytes(65 * 2**20), 413),
    ):  # fmt: skip
        response = client.post("/api/trainings/upload", params={"visitor": ME}, content=content)
        assert response.status_code == status
        assert response.json()["error"]
    assert trainings_of(client, ME) == []


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"text": ""}, 400, "The text is empty"),
        ({"text": "ab " * 33}, 400, "99 characters"),
        ({"text": "ab" * 2_500_000 + "a"}, 413, "5,000,001 characters"),
        ({"text": "a" * 200}, 400, "one character"),
        ({"text": "ab\0" * 100}, 400, "control characters"),
        ({"text": "".join(map(chr, range(0x4E00, 0x4E00 + 20_000))) * 2}, 400, "20,000 different"),
        ({"corpus": "text"}, 400, "goes with"),
        ({"corpus": "docs", "text": TEXT}, 400, "goes with"),
        ({"corpus": "wikipedia"}, 400, "corpus"),
        ({"preset": "gpt-5"}, 400, "preset"),
        ({"steps": 0}, 400, "Steps must be from"),
        ({"steps": 10**12}, 400, "Steps must be from"),
        ({"steps": 1.5}, 400, "steps"),
        ({"steps": True}, 400, "steps"),
        ({"batch_size": 100_000}, 400, "Batch size"),
        ({"learning_rate": -1}, 400, "Learning rate"),
        ({"model": {"n_embd": 7}}, 400, "Width"),
        ({"model": {"n_hidden": 7}}, 400, "n_hidden"),
        ({"visitor": "me"}, 400, "visitor"),
        ({"visitor": None}, 400, "visitor"),
        ({"steps_per_second": 0}, 400, "steps_per_second"),
        ({"spped": 1}, 400, "spped"),
    ],
)
def test_bad_requests_get_a_sentence(client, body, status, sentence):
    response = client.post("/api/trainings", json={"visitor": ME} | body)
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    assert sentence in response.json()["error"]
    assert trainings_of(client, ME) == []


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b'{"visitor": NaN}'])
def test_bodies_that_are_no_request(client, raw):
    response = client.post("/api/trainings", content=raw)
    assert response.status_code == 400
    assert response.json()["error"]


def test_a_body_beyond_all_texts_is_refused(client):
    response = client.post("/api/trainings", content=json.dumps({"text": "a" * 61_000_000}))
    assert response.status_code == 413


def test_files_become_texts(client):
    def upload(filename, raw):
        return client.post("/api/corpora/text", params={"filename": filename}, content=raw)

    good = upload("a.md", ("Grüße\r\n" * 40).encode("utf-8-sig"))
    assert good.json() == {
        "text": "Grüße\n" * 40, "characters": 240, "different_characters": 6,
    }  # fmt: skip
    for filename, raw, status, sentence in (
        ("a.txt", ("Grüße\n" * 40).encode("latin-1"), 400, "UTF-8"),
        ("a.txt", b"\x89PNG\0" * 40, 400, "zero bytes"),
        ("a.exe", b"text " * 40, 400, ".txt"),
        ("a.txt", b"ab" * 10_000_001, 413, "20,000,000"),
    ):
        refused = upload(filename, raw)
        assert refused.status_code == status
        assert sentence in refused.json()["error"]


def test_a_pasted_text_is_learned_as_its_file_would_be(client):
    session_id = start(client, text="\ufeff" + TEXT.replace("\n", "\r"))
    follow(client, session_id, done)
    assert client.get(f"/api/sessions/{session_id}").json()["vocabulary"] == sorted(set(TEXT))


def test_one_visitor_waits_for_another_and_sees_the_place(client):
    ids = [start(client, f"visitor-{i}-0123456789", steps=3000) for i in range(5)]
    try:
        waiting = [client.get(f"/api/trainings/{id}").json() for id in ids[2:]]
        assert [body["position"] for body in waiting] == [1, 2, 3]
        assert all(body["estimate_seconds"] > 0 for body in waiting)
        assert all(body["state"] == "queued" for body in waiting)
        again = client.post("/api/trainings", json=QUICK | {"visitor": "visitor-0-0123456789"})
        assert again.status_code == 409
    finally:
        for id in reversed(ids):
            client.delete(f"/api/trainings/{id}")


ROUTES = [
    ("/api/trainings", "POST"),
    ("/api/trainings", "GET"),
    ("/api/trainings/{session_id}", "GET"),
    ("/api/trainings/{session_id}/speed", "POST"),
    ("/api/trainings/{session_id}/name", "POST"),
    ("/api/corpora/text", "POST"),
]


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_requests_made_up_to_break_the_rules(client, path, method):
    document = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    cases = document[path][method].as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @hypothesis_settings(max_examples=15, suppress_health_check=list(HealthCheck))
    @given(cases)
    def check(case):
        arguments = case.as_transport_kwargs()
        arguments["content"] = arguments.pop("data", None)
        arguments.pop("cookies")
        response = client.request(**arguments)
        assert response.status_code < 500, response.text
        if response.status_code >= 400:
            assert set(response.json()) == {"error"}

    check()
