"""Requests made up from the OpenAPI document: none may break the server, or its promises."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

POSTS = ["/api/generate-next-token", "/api/generate", "/api/substitute"]
# These ask another server or start a process: they are tried where a test has those at hand.
ELSEWHERE = ("/api/loads", "/api/models", "/api/trainings", "/api/corpora")
GETS = ["/api/sessions", "/api/sessions/{session_id}", "/api/health"]


@pytest.fixture
def openapi(client):
    return schemathesis.openapi.from_dict(client.get("/openapi.json").json())


def send(client, case):
    """Through the client at hand, which keeps one event loop as a server does."""
    arguments = case.as_transport_kwargs()
    arguments["content"] = arguments.pop("data", None)
    arguments.pop("cookies")
    return client.request(**arguments)


def hold_to_the_document(client, cases, examples):
    """Each answer is one that the document tells of, no 500, and no stack trace."""
    answered = set()

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(cases)
    def check(case):
        response = send(client, case)
        answered.add(response.status_code)
        assert response.status_code < 500, response.text
        assert "Traceback" not in response.text
        # Which characters a model knows, a document cannot say: good form may still be refused.
        case.validate_response(response, excluded_checks=[positive_data_acceptance])

    check()
    return answered


@pytest.mark.parametrize("path", GETS)
def test_what_can_be_read(client, openapi, path):
    assert hold_to_the_document(client, openapi[path]["GET"].as_strategy(), 30) <= {200, 404}


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
            fitting = {"session_id": draw(st.sampled_from(["plain", "weird"])), "context": text}
            case.body.update({field: fitting[field] for field in fitting if field in case.body})
            case.body.pop("step", None)
        return case

    assert hold_to_the_document(client, cases(), 100) >= {200}


def test_every_route_is_fuzzed(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert set(POSTS + GETS) == {path for path in paths if not path.startswith(ELSEWHERE)}
