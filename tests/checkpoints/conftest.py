"""Fixtures: an empty loopback Hub, and settings of a service over it."""

import pytest

from playground.settings import Settings
from tests.hub.fake_hub import FakeHub


@pytest.fixture
def hub():
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def settings(hub, tmp_path) -> Settings:
    return Settings(
        models_dir=tmp_path / "none",
        hub_endpoint=hub.endpoint,
        hub_cache_dir=tmp_path / "cache",
        hub_seconds=30.0,
    )


@pytest.fixture
def folder(tmp_path, write_model):
    """A checkpoint folder."""
    write_model(tmp_path / "model", "abcdefghijklmnop")
    return tmp_path / "model"
