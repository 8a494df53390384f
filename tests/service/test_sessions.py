"""Sessions that come and go."""

import pytest

from playground.errors import ModelNotInitialized, SessionNotFound
from playground.service.playground import Playground
from playground.service.sessions import Session
from tests.service.scenarios import ids, text_of


def test_a_session_without_a_model(service):
    service.register(Session("live", "live", None))
    assert ids(service)[-1] == "live"
    with pytest.raises(ModelNotInitialized):
        text_of(service, "live")


def test_sessions_come_and_go(service):
    run = service.registered_run("plain")
    service.register(Session("copy", "hub", run))
    assert text_of(service, "copy") == text_of(service, "plain")
    service.unregister("copy")
    assert ids(service) == ["plain", "weird"]
    with pytest.raises(SessionNotFound):
        service.registered_session("copy")
    with pytest.raises(SessionNotFound):
        service.unregister("copy")


def test_a_session_of_the_same_id_is_another_model(service):
    """What was remembered of the old model must not answer for the new one."""
    before = text_of(service, "plain", "!")
    service.register(Session("plain", "hub", service.registered_run("weird")))
    assert text_of(service, "plain", "=") == text_of(service, "weird", "=")
    assert before != text_of(service, "plain", "=")


def test_a_folder_that_was_written_anew_is_another_model(
    models_dir, settings, service, write_model
):
    before = text_of(service)
    service.register(Session("plain", "bundled", write_model(models_dir / "plain", n_hidden=64)))
    assert text_of(service) == text_of(Playground(settings))
    assert text_of(service) != before
