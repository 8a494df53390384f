"""Requests made up from the OpenAPI document: none may break the server, or its promises."""

import time

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.transport.serialization import serialize_binary
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.service.playground import Playground
from playground.settings import Settings
from tests.hub.fake_hub import FakeHub, files_of

REPO = "ada/tiny"
POSTS = [
    "/api/generate-next-token",
    "/api/generate",
    "/api/score",
    "/api/corpus",
    "/api/beams",
    "/api/draws",
    "/api/compare",
    "/api/rounds",
    "/api/compare-contexts",
    "/api/tokenize",
    "/api/tokenize/{tokenizer}",
    "/api/substitute",
    "/v1/completions",
]
GETS = [
    "/api/sessions",
    "/api/sessions/{session_id}",
    "/api/health",
    "/api/qr",
    "/v1/models",
    "/v1/models/{model}",
]
LOADS = [
    ("POST", "/api/sessions"),
    ("POST", "/api/loads"),
    ("GET", "/api/loads/{load_id}"),
    ("DELETE", "/api/loads/{load_id}"),
    ("GET", "/api/models"),
]
TRAINING = "/api/trainings/{session_id}"
TRAININGS = [
    ("GET", "/api/corpora"),
    ("POST", "/api/corpora/text"),
    ("GET", "/api/trainings"),
    ("POST", "/api/trainings/upload"),
    ("GET", TRAINING),
    ("POST", f"{TRAINING}/pause"),
    ("POST", f"{TRAINING}/resume"),
    ("POST", f"{TRAINING}/step"),
    ("POST", f"{TRAINING}/stop"),
    ("POST", f"{TRAINING}/speed"),
    ("POST", f"{TRAINING}/name"),
    ("GET", f"{TRAINING}/download"),
    ("GET", f"{TRAINING}/merges"),
    ("DELETE", TRAINING),
    ("POST", "/api/trainings"),  # last: what it starts takes all places in the queue
]
# What is made up is no text, and no zip; and what waits already cannot be paused.
UNFIT = {"/api/corpora/text": {400}, "/api/trainings/upload": {422}, f"{TRAINING}/pause": {409}}
VISITOR = "fuzz-0123456789abcdef"
BRIEF = {
    "text": "the cat sat on the mat. " * 40,
    "corpus": "text",
    "preset": "quick-15k",
    "steps": 20,
    "batch_size": 1,
    "model": {"n_layer": 1, "n_head": 1, "n_embd": 16, "block_size": 16},
    "paused": True,
}
# Those that have a rule to break: of a body, or of a value in the query.
RULED = [*LOADS[:2], LOADS[4], *TRAININGS[1:5], *TRAININGS[9:11], TRAININGS[14]]
# The Hub's failures have statuses above 500 of their own; what breaks inside is a 500.
HUB_FAILURES = {502, 503, 504, 507}


@schemathesis.serializer("application/zip")
def as_it_is(_, value):
    """A made-up zip goes as the bytes it was made of."""
    return serialize_binary(value)


@pytest.fixture
def openapi(client):
    return schemathesis.openapi.from_dict(client.get("/openapi.json").json())


@pytest.fixture(scope="module")
def busy(tmp_path_factory, written_models):
    """The API with a Hub on the loopback interface; a training is one short one at a time."""
    with FakeHub() as hub:
        hub.commit(REPO, files_of(written_models / "plain"))
        small = Settings(
            models_dir=written_models,
            hub_endpoint=hub.endpoint,
            hub_cache_dir=tmp_path_factory.mktemp("fuzz") / "hub",
            hub_seconds=60.0,
            trainings_max=1,
            training_queue=2,
            trainings_kept=8,
            training_teraflops=0.001,
        )
        with TestClient(create_api(Playground(small)), raise_server_exceptions=False) as client:
            yield client


def send(client, case):
    """Through the client at hand, which keeps one event loop as a server does."""
    arguments = case.as_transport_kwargs()
    arguments["content"] = arguments.pop("data", None)
    arguments.pop("cookies")
    return client.request(**arguments)


def hold_to_the_document(client, cases, examples, may_fail=frozenset()):
    """Each answer is one that the document tells of, no 500, and no stack trace."""
    answered = set()

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(cases)
    def check(case):
        response = send(client, case)
        answered.add(response.status_code)
        assert response.status_code < 500 or response.status_code in may_fail, response.text
        assert "Traceback" not in response.text
        # Which characters a model knows, a document cannot say: good form may still be refused.
        case.validate_response(response, excluded_checks=[positive_data_acceptance])

    check()
    return answered


@pytest.mark.parametrize("path", GETS)
def test_what_can_be_read(client, openapi, path):
    assert hold_to_the_document(client, openapi[path]["GET"].as_strategy(), 30) <= {200, 400, 404}


@pytest.mark.parametrize("path", POSTS)
def test_requests_that_break_the_rules(client, openapi, path):
    cases = openapi[path]["POST"].as_strategy(generation_mode=GenerationMode.NEGATIVE)
    assert 400 in hold_to_the_document(client, cases, 100)


@pytest.mark.parametrize("path", POSTS)
def test_requests_that_keep_the_rules(client, openapi, path):
    """Made-up sessions are not found; half of the requests name one that is, in its own words."""

    @st.composite
    def cases(draw):
        case = draw(openapi[path]["POST"].as_strategy())
        if draw(st.booleans()):
            text = draw(st.text("aceg\n ilm", min_size=1, max_size=30))
            name = draw(st.sampled_from(["plain", "weird"]))
            fitting = {"session_id": name, "context": text, "text": text}
            fitting |= {"model": name, "prompt": text, "others": [text], "token": "a"}
            case.body.update({field: fitting[field] for field in fitting if field in case.body})
            case.body.pop("step", None)
            if "other" in case.body:
                case.body["other"] = {"session_id": name, "temperature": 1}
        return case

    assert hold_to_the_document(client, cases(), 100) >= {200}


@st.composite
def naming(draw, operation, fields, more=None):
    """Good requests, half of which name what is there: a value for each of these fields.

    more: what such a body has besides, whether it was drawn or not.
    """
    case = draw(operation.as_strategy())
    if draw(st.booleans()):
        for place in (case.path_parameters, case.body):
            if isinstance(place, dict):
                place.update({name: fields[name] for name in fields if name in place})
        if more:
            case.body.update(more)
    return case


def operation_of(client, method, path):
    return schemathesis.openapi.from_dict(client.get("/openapi.json").json())[path][method]


@pytest.mark.parametrize(("method", "path"), LOADS)
def test_loads(busy, method, path):
    load_id = busy.post("/api/loads", json={"repo_id": REPO}).json()["load_id"]
    fields = {"load_id": load_id, "repo_id": REPO, "revision": None}
    cases = naming(operation_of(busy, method, path), fields)
    assert hold_to_the_document(busy, cases, 30, HUB_FAILURES) & {200, 201, 202}


def until(client, session_id, condition):
    for _ in range(1000):
        if condition(client.get(f"/api/trainings/{session_id}").json()):
            return
        time.sleep(0.02)
    raise AssertionError(session_id)


@pytest.fixture
def training(busy):
    """The id of a training that has made the first of its steps, and waits."""
    session_id = busy.post("/api/trainings", json=BRIEF | {"visitor": VISITOR}).json()["session_id"]
    until(busy, session_id, lambda body: body["state"] == "paused")
    busy.post(f"/api/trainings/{session_id}/step")
    until(busy, session_id, lambda body: body["ready"])
    yield session_id
    busy.delete(f"/api/trainings/{session_id}")


@pytest.mark.parametrize(("method", "path"), TRAININGS)
def test_trainings(busy, training, method, path):
    fields = {"session_id": training, "visitor": VISITOR}
    more = BRIEF if path == "/api/trainings" and method == "POST" else None
    cases = naming(operation_of(busy, method, path), {} if more else fields, more)
    answered = hold_to_the_document(busy, cases, 30, HUB_FAILURES)
    assert answered & UNFIT.get(path, {200, 201, 204})


@pytest.mark.parametrize(("method", "path"), RULED)
def test_loads_and_trainings_that_break_the_rules(busy, method, path):
    cases = operation_of(busy, method, path).as_strategy(generation_mode=GenerationMode.NEGATIVE)
    hold_to_the_document(busy, cases, 20, HUB_FAILURES)


def test_every_route_is_fuzzed(client):
    paths = client.get("/openapi.json").json()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    tried = {("POST", path) for path in POSTS} | {("GET", path) for path in GETS}
    assert tried | set(LOADS + TRAININGS) == routes
