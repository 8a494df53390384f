import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
import pytest

from playground.errors import HubError, HubUnavailable
from playground.hub.datasets import TINY_SHAKESPEARE, download_dataset_file
from playground.training.corpora import open_corpus


@pytest.fixture
def hub():
    """A Hub that has the file, with a text of our own: `hub.text`, `hub.asked`, `hub.endpoint`."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            hub.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(hub.text)))
            self.end_headers()
            self.wfile.write(hub.text)

        def log_message(self, *_):
            pass

    hub = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    hub.text, hub.asked = b"ROMEO:\nBut soft!\n" * 20, []
    hub.endpoint = f"http://127.0.0.1:{hub.server_port}"
    hub.file = replace(TINY_SHAKESPEARE, sha256=hashlib.sha256(hub.text).hexdigest())
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    yield hub
    hub.shutdown()
    hub.server_close()
    thread.join()


def test_shakespeare_comes_from_the_hub_once(hub, tmp_path):
    target = tmp_path / "tiny-shakespeare.txt"
    for _ in range(2):
        path = anyio.run(download_dataset_file, hub.file, target, hub.endpoint, 5)
        assert path.read_bytes() == hub.text
    assert hub.asked == ["/datasets/Trelis/tiny-shakespeare/resolve/main/input.txt"]
    corpus = open_corpus("shakespeare", seed=1, path=path)
    assert corpus.prompt == "ROMEO:\n"


@pytest.mark.parametrize("text", [b"something else", b"x" * 2_000_000])
def test_another_text_than_shakespeare_is_refused(hub, tmp_path, text):
    hub.text = text
    with pytest.raises(HubError, match="not Tiny Shakespeare"):
        anyio.run(download_dataset_file, hub.file, tmp_path / "text.txt", hub.endpoint, 5)
    assert not list(tmp_path.iterdir())


def test_no_hub_is_told_in_a_sentence(tmp_path):
    target = tmp_path / "tiny-shakespeare.txt"
    with pytest.raises(HubUnavailable, match="cannot be reached"):
        anyio.run(download_dataset_file, TINY_SHAKESPEARE, target, "http://127.0.0.1:9", 5)
