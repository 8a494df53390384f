"""The app on a real server, as README says to run it."""

import os
import socket
import subprocess
import sys
import time

import httpx
import pytest

from playground.settings import ROOT


@pytest.fixture(scope="session")
def server(tmp_path_factory, write_model):
    """The address of `python app.py`, run as README says, over small models."""
    folder = tmp_path_factory.mktemp("served")
    write_model(folder / "models" / "plain")
    write_model(folder / "models" / "weird", "<>&\"'`${}\\\n😀\u202eא")
    (folder / "models" / "plain" / "checkpoints" / "step-000050" / "model.safetensors").unlink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = os.environ | {
        "PLAYGROUND_MODELS_DIR": str(folder / "models"),
        "GRADIO_SERVER_PORT": str(port),
    }
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environ, stdout=log, stderr=log
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address, process, folder / "log")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert "Traceback" not in (folder / "log").read_text()


def wait_for(address, process, log):
    for _ in range(600):
        try:
            if httpx.get(f"{address}/api/health").status_code == 200:
                return
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
    raise AssertionError(f"no answer from app.py: {log.read_text()}")
