"""The models that are bundled: one session a folder."""

import asyncio
import logging

import pytest

from playground.errors import SessionNotFound
from playground.i18n.translate import Message
from playground.service.playground import Playground
from playground.settings import Settings
from tests.checkpoints.gpt2 import draw, files_with
from tests.service.scenarios import ids, text_of


def test_every_folder_of_the_models_is_a_session_smallest_first(service):
    assert ids(service) == ["plain", "weird"]
    sizes = [session.run.n_params for session in service.sessions()]
    assert sizes == sorted(sizes)
    assert service.refused == {}
    assert {session.source for session in service.sessions()} == {"bundled"}


def test_a_folder_that_is_refused_leaves_the_others(models_dir, settings, caplog):
    (models_dir / "broken").mkdir()
    (models_dir / "broken" / "config.json").write_text("{}")
    (models_dir / ".hidden").mkdir()
    (models_dir / "notes.txt").write_text("not a model")
    with caplog.at_level(logging.WARNING):
        service = Playground(settings)
    assert ids(service) == ["plain", "weird"]
    assert list(service.refused) == ["broken"]
    assert str(service.refused["broken"]).startswith("config.json: ")
    assert "models/broken is refused" in caplog.text
    assert len(text_of(service)) == 12


def test_a_link_out_of_the_models_is_refused(models_dir, settings, tmp_path, write_model):
    write_model(tmp_path / "elsewhere")
    (models_dir / "link").symlink_to(tmp_path / "elsewhere")
    (models_dir / "alias").symlink_to("plain")
    service = Playground(settings)
    assert ids(service) == ["alias", "plain", "weird"]
    assert service.refused == {"link": Message.of("checkpoint.folder_leads_out")}


def test_no_models_at_all(tmp_path):
    service = Playground(Settings(models_dir=tmp_path / "nothing"))
    assert service.sessions() == []
    asyncio.run(service.warm_up())
    with pytest.raises(SessionNotFound):
        text_of(service)


def test_what_systems_leave_among_the_models_is_no_model(models_dir, settings):
    for name in ("__MACOSX", ".DS_Store", "System Volume Information"):
        (models_dir / name).mkdir()
    (models_dir / "Thumbs.db").write_bytes(b"\0")
    assert Playground(settings).refused == {}


def test_a_folder_in_the_format_of_nanogpt_is_a_model_too(models_dir, settings):
    for name, content in files_with(draw(bias=True)).items():
        (models_dir / "nano").mkdir(exist_ok=True)
        (models_dir / "nano" / name).write_bytes(content)
    service = Playground(settings)
    asyncio.run(service.warm_up())
    assert service.refused == {}
    assert service.registered_run("nano").config.name == "nano"
