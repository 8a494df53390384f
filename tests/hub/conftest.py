"""Fixtures: a loopback Hub with one model, and settings of a service over it."""

import os
from pathlib import Path

import huggingface_hub
import pytest

from playground.settings import Settings
from tests.hub.fake_hub import FakeHub, files_of
from tests.hub.scenarios import REPO


@pytest.fixture(autouse=True)
def no_token_of_this_machine(monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", os.devnull)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, write_model) -> dict[str, bytes]:
    """The files of a small model with the steps 0, 50 and 100."""
    return files_of(write_model(tmp_path_factory.mktemp("published") / "tiny").folder)


@pytest.fixture(scope="session")
def bundled(tmp_path_factory, write_model) -> Path:
    """A models folder with the session `plain`: the one that always plays on."""
    folder = tmp_path_factory.mktemp("bundled")
    write_model(folder / "plain", steps=(0,))
    return folder


@pytest.fixture
def hub(tiny):
    with FakeHub() as hub:
        hub.commit(REPO, tiny)
        yield hub


@pytest.fixture
def settings(hub, bundled, tmp_path) -> Settings:
    return Settings(
        models_dir=bundled,
        hub_endpoint=hub.endpoint,
        hub_cache_dir=tmp_path / "cache",
        hub_seconds=60.0,  # a busy machine is not a bug; a test of the deadline sets its own
    )


@pytest.fixture
def changed(settings):
    """`changed(hub_seconds=1)`: the settings with other values."""

    def change(**values) -> Settings:
        own = {name: getattr(settings, name) for name in Settings.model_fields}
        return Settings(**own | values)

    return change
