"""The API over the bundled models."""

import pytest
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.service.playground import Playground
from playground.settings import Settings


@pytest.fixture(scope="module")
def bundled():
    with TestClient(create_api(Playground(Settings(hub_endpoint="http://127.0.0.1:9")))) as client:
        yield client
