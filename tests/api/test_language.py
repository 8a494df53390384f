"""Who asks with X-Language is answered in that language, whatever it was that was kept for them."""

import json
import logging

import pytest
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.api.gradio_endpoints import as_gradio_errors
from playground.i18n.translate import Message, catalog, use_locale
from playground.service.playground import Playground
from playground.service.sessions import Session
from playground.settings import ROOT, Settings

GERMAN = {"X-Language": "de"}
NEXT = "/api/generate-next-token"
HELLO = {"session_id": "plain", "context": "hello wor", "temperature": 1.0}
ME = "me-0123456789abcdef"
TEXT = "the cat sat on the mat and the dog ran to the cat.\n" * 40
TINY = {"n_layer": 1, "n_head": 1, "n_embd": 16, "block_size": 16}
TRAINING = {"visitor": ME, "text": TEXT, "preset": "quick-15k", "model": TINY}


def post(client, body, path=NEXT, **headers):
    return client.post(path, content=body, headers={"content-type": "application/json"} | headers)


BAD = {
    "an unknown session": (
        lambda c, h: post(c, json.dumps(HELLO | {"session_id": "none"}), **h),
        ("Session not found", "Dieses Modell ist hier nicht zu finden"),
    ),
    "unknown characters": (
        lambda c, h: post(c, json.dumps(HELLO | {"context": "😀"}), **h),
        ("Unknown characters: ['😀']", "Unbekannte Zeichen: ['😀']"),
    ),
    "a step that is not there": (
        lambda c, h: post(c, json.dumps(HELLO | {"step": 7}), **h),
        (
            "Step 7 not found; this session has the steps 0, 50, 100",
            "Schritt 7 gibt es nicht; dieses Modell hat die Schritte 0, 50, 100",
        ),
    ),
    "a number out of bounds": (
        lambda c, h: post(c, json.dumps(HELLO | {"temperature": -1}), **h),
        (
            "temperature: The value must be at least 0",
            "temperature: Der Wert muss mindestens 0 sein",
        ),
    ),
    "no text": (
        lambda c, h: post(c, json.dumps(HELLO | {"context": ""}), **h),
        (
            "context: The text must have at least 1 character",
            "context: Der Text muss mindestens 1 Zeichen haben",
        ),
    ),
    "no object": (
        lambda c, h: post(c, "1", **h),
        (
            "body: This must be an object with fields, in curly brackets",
            "body: Hier muss ein Objekt mit Feldern stehen, in geschweiften Klammern",
        ),
    ),
    "no JSON": (
        lambda c, h: post(c, "{", **h),
        (
            "The body is not valid JSON: something is wrong at line 1, column 2",
            "Die Anfrage ist kein gültiges JSON: In Zeile 1, Spalte 2 stimmt etwas nicht",
        ),
    ),
    "a body that nothing can read": (
        lambda c, h: post(c, b'"\xff"', **h),
        ("The body is not text in UTF-8", "Die Anfrage ist kein Text in UTF-8"),
    ),
    "too long a body": (
        lambda c, h: post(c, b"x" * 2_100_000, **h),
        ("The body is too large", "Die Anfrage ist zu groß"),
    ),
    "no such page": (
        lambda c, h: c.get("/api/nothing", headers=h),
        ("Not Found", "Nicht gefunden"),
    ),
    "no such method": (
        lambda c, h: c.put(NEXT, headers=h),
        ("Method Not Allowed", "Diese Methode ist hier nicht erlaubt"),
    ),
    "no address": (
        lambda c, h: post(c, '{"repo_id": "no address"}', "/api/loads", **h),
        (
            "A model's address is owner/name, owner/name@revision, or the address of its page",
            "Die Adresse eines Modells ist besitzer/name, besitzer/name@revision oder die Adresse "
            "seiner Seite",
        ),
    ),
    "a Hub that is not there": (
        lambda c, h: c.get("/api/models", headers=h),
        (
            "The Hub cannot be reached right now; try again",
            "Der Hub ist gerade nicht zu erreichen; versuch es noch einmal",
        ),
    ),
    "too long a link": (
        lambda c, h: c.get("/api/qr", params={"text": "😀" * 1000}, headers=h),
        ("text: too long for a QR code", "text: zu lang für einen QR-Code"),
    ),
    "too many steps": (
        lambda c, h: post(c, json.dumps(TRAINING | {"steps": 10**100}), "/api/trainings", **h),
        (
            f"Steps must be from 1 to 20,000, not {10**100:,}.",
            "Schritte: Möglich ist 1 bis 20.000, nicht 10" + 33 * ".000" + ".",
        ),
    ),
    "too high a rate": (
        lambda c, h: post(
            c, json.dumps(TRAINING | {"learning_rate": 0.5e6}), "/api/trainings", **h
        ),
        (
            "Learning rate must be from 0.0005 to 5, not 500000.",
            "Lernrate: Möglich ist 0,0005 bis 5, nicht 500000.",
        ),
    ),
    "another file": (
        lambda c, h: c.post("/api/corpora/text", params={"filename": "x.pdf"}, headers=h),
        (
            "Upload a text file that ends in .txt or .md.",
            "Lade eine Textdatei hoch, deren Name auf .txt oder .md endet.",
        ),
    ),
    "no zip": (
        lambda c, h: c.post("/api/trainings/upload", params={"visitor": ME}, headers=h),
        (
            "The upload is not a zip that can be read: File is not a zip file",
            "Die hochgeladene Datei ist kein Zip, das sich lesen lässt: File is not a zip file",
        ),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_an_error_is_told_in_the_language_of_its_request(name, client):
    ask, sentences = BAD[name]
    answers = [ask(client, headers) for headers in ({}, GERMAN)]
    assert tuple(answer.json()["error"] for answer in answers) == sentences
    assert len({answer.status_code for answer in answers}) == 1
    assert len({answer.headers.get("X-Error") for answer in answers}) == 1
    assert answers[0].status_code >= 400


@pytest.mark.parametrize(
    "headers", [{"Accept-Language": "de"}, {"X-Language": "xx"}, {"X-Language": "../de"}]
)
def test_without_a_language_that_there_is_the_answer_is_in_english(client, headers):
    answer = client.get("/api/sessions/none", headers=headers)
    assert answer.json() == {"error": "Session not found"}


def test_a_load_that_failed_says_why_in_the_language_of_who_asks(client):
    load_id = client.post("/api/loads", json={"repo_id": "ada/none"}, headers=GERMAN).json()[
        "load_id"
    ]
    while client.get(f"/api/loads/{load_id}").json()["state"] == "loading":
        pass
    told = [client.get(f"/api/loads/{load_id}", headers=h).json()["error"] for h in ({}, GERMAN)]
    assert told == [
        "The Hub cannot be reached right now; try again",
        "Der Hub ist gerade nicht zu erreichen; versuch es noch einmal",
    ]


def test_a_training_is_told_of_in_the_language_of_who_asks(client, service):
    asked = TRAINING | {"steps": 2, "batch_size": 2}
    id = client.post("/api/trainings", json=asked, headers=GERMAN).json()["session_id"]
    at = f"/api/trainings/{id}"

    def told(path, *names):
        for headers in ({}, GERMAN):
            body = client.get(path, headers=headers).json()
            yield tuple(body[name] for name in names)

    while client.get(at).json()["state"] not in ("done", "failed"):
        pass
    own = ("Your own text", "Dein eigener Text")
    assert [*told(at, "name", "note")] == [(own[0], None), (own[1], None)]
    about = ("Trained live on: Your own text.", "Live trainiert mit: Dein eigener Text.")
    session = [*told(f"/api/sessions/{id}", "name", "description", "corpus")]
    assert session == [(own[i], about[i], own[i]) for i in (0, 1)]

    service.trainings.of_visitor(ME)[0].note = Message.of("training.unseen")
    notes = [note for (note,) in told(at, "note")]
    assert [note.split()[0] for note in notes] == ["Stopped,", "Gestoppt,"]
    paused = client.post(f"{at}/pause", headers=GERMAN)
    assert paused.json() == {"error": "Dieses Training ist fertig; es gibt nichts anzuhalten."}

    client.post(f"{at}/name", json={"name": "Mein Modell"}, headers=GERMAN)
    assert [*told(at, "name")] == [*told(f"/api/sessions/{id}", "name")] == [("Mein Modell",)] * 2
    # What is downloaded, by a link that tells no language:
    config = service.registered_run(id).config
    assert (config.description, config.corpus) == (about[0], own[0])


def test_the_texts_and_presets_on_offer(client):
    english, german = (client.get("/api/corpora", headers=h).json() for h in ({}, GERMAN))
    titles = [entry["title"] for entry in english["corpora"] + english["presets"]]
    assert titles == [
        "Fairy tales",
        "Python's documentation",
        "Python source code",
        "Sums",
        "Tiny Shakespeare",
        "Your own text",
        "100K",
        "15K",
        "800K",
        "Textbook",
    ]
    own = "100 to 5,000,000 characters, .txt or .md in UTF-8."
    assert english["corpora"][-1]["description"] == own
    assert german["corpora"][-1]["description"] == (
        "100 bis 5.000.000 Zeichen, .txt oder .md in UTF-8."
    )
    for offered in ("corpora", "presets"):
        for one, other in zip(english[offered], german[offered], strict=True):
            assert one["name"] == other["name"]
            assert one["description"] != other["description"]


def test_the_bundled_models_are_described_in_both_languages():
    service = Playground(Settings(models_dir=ROOT / "models"))
    client = TestClient(create_api(service))  # not entered: no weights are read
    english, german = (
        {
            body["session_id"]: body
            for body in client.get("/api/sessions", headers=h).json()["sessions"]
        }
        for h in ({}, GERMAN)
    )
    for id, body in english.items():
        config = json.loads((ROOT / "models" / id / "config.json").read_text("utf-8"))
        assert [body[name] for name in ("name", "description", "corpus")] == [
            config[name] for name in ("name", "description", "corpus")
        ]
        assert german[id]["description"] == catalog("de")[f"models.{id}_description"]
        assert german[id]["name"] == config["name"]
    assert german["names"]["corpus"] == "32.033 Vornamen"
    of_bundled = {key for key in catalog("en") if key.startswith("models.")}
    of_bundled -= {"models.nanogpt", "models.transformers"}
    assert all(key.split(".")[1].rsplit("_", 1)[0] in english for key in of_bundled)


def test_another_model_in_the_place_of_a_bundled_one_is_described_by_itself(models_dir, settings):
    (models_dir / "plain").rename(models_dir / "names")
    with use_locale("de"), TestClient(create_api(Playground(settings))) as client:
        assert client.get("/api/sessions/names", headers=GERMAN).json()["description"] == ""


def test_a_model_in_nanogpts_form_is_called_one(client, service):
    words = {"description": Message.of("models.nanogpt")}
    run = service.registered_run("plain")
    service.register(Session("someone/gpt@abc", "hub", run, localized_fields=words))
    told = [
        client.get("/api/sessions/someone/gpt@abc", headers=h).json()["description"]
        for h in ({}, GERMAN)
    ]
    assert told == ["A nanoGPT model.", "Ein nanoGPT-Modell."]


def test_what_is_refused_is_told_in_each_language_and_logged_in_english(
    models_dir, settings, caplog
):
    (models_dir / "empty").mkdir()
    with use_locale("de"), caplog.at_level(logging.WARNING):
        service = Playground(settings)
    assert "models/empty is refused: config.json is missing" in caplog.text
    with TestClient(create_api(service)) as client:
        told = [client.get("/api/health", headers=h).json()["refused"] for h in ({}, GERMAN)]
    assert told == [{"empty": "config.json is missing"}, {"empty": "config.json fehlt"}]


def test_gradios_endpoints_speak_english(service):
    with (
        use_locale("de"),
        pytest.raises(Exception, match=r"^'Session not found'$"),
        as_gradio_errors(),
    ):
        service.registered_session("none")
