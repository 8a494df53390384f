"""What happens when the whole application starts, and what waits."""

import asyncio
import json
import socket
import subprocess
import sys

import pytest
import uvicorn
import uvloop
from starlette.responses import Response

from playground.app import listening_sockets
from playground.settings import ROOT

# In a process of its own: this one has imported everything.
START = """
import json, sys
from playground.page.gradio_patches import configure_environment
configure_environment()
from playground.app import create_app
from playground.settings import Settings
from playground.training import fork_server
from starlette.testclient import TestClient

started = []
fork_server.ForkServer.prepare = lambda self: started.append("fork server")
app = create_app(Settings())
built = list(started)
with TestClient(app) as client:
    modules = list(sys.modules)
    answered = client.get("/").status_code
print(json.dumps({"built": built, "started": started, "modules": modules, "answered": answered}))
"""


@pytest.fixture(scope="module")
def started():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", START],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_it_answers(started):
    assert started["answered"] == 200


@pytest.mark.parametrize("module", ["torch._dynamo", "torch._inductor", "sympy", "transformers"])
def test_a_start_imports_nothing_that_takes_long_and_can_wait(started, module):
    """Each takes half a second or more."""
    assert "torch" in started["modules"]
    assert module not in started["modules"]


def test_the_process_for_trainings_starts_when_the_first_page_can_be_served(started):
    assert started["built"] == []
    assert started["started"] == ["fork server"]


def test_a_crowd_that_comes_at_once_is_accepted_in_a_few_rounds_of_the_loop():
    """Otherwise each of them would wait for as many rounds as came before."""

    async def scenario(sockets_of):
        config = uvicorn.Config(Response("here"), port=0, log_level="critical", lifespan="off")
        bound = config.bind_socket()
        config.load()
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets_of(bound)))
        while not server.started:
            await asyncio.sleep(0.01)
        # The kernel completes each of them; the loop learns of all in its next round.
        crowd = [socket.create_connection(bound.getsockname()) for _ in range(96)]
        rounds = 0
        while len(server.server_state.connections) < len(crowd):
            await asyncio.sleep(0)
            rounds += 1
        for one in crowd:
            one.close()
        server.should_exit = True
        await serving
        return rounds

    assert uvloop.run(scenario(listening_sockets)) < 32
    assert uvloop.run(scenario(lambda bound: [bound])) >= 96  # of which this keeps us
