"""What the proxy does with each answer of a replica; these answer as they are told to."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.deploy.conftest import environment_of_commands, free_port, need_nginx, start_proxy

NAMES = ("a", "b")


class Answering:
    """A replica that answers `status` and counts what it was asked."""

    def __init__(self, name):
        self.name, self.status, self.headers, self.seen = name, 200, {}, []
        replica = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                replica.seen.append((self.command, self.path, dict(self.headers), body))
                if replica.status == "cut":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self.send_response(replica.status)
                for name, value in replica.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "1")
                self.end_headers()
                self.wfile.write(replica.name.encode())

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def replicas():
    found = {name: Answering(name) for name in NAMES}
    yield found
    for replica in found.values():
        replica.server.shutdown()
        replica.server.server_close()


@pytest.fixture
def proxy(tmp_path, replicas):
    need_nginx()
    port = free_port()
    ports = {name: replica.server.server_port for name, replica in replicas.items()}
    process = start_proxy(tmp_path / "proxy", port, ports, environment_of_commands())
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        deadline = time.monotonic() + 30
        while True:
            assert process.poll() is None, (tmp_path / "proxy" / "log").read_text()
            assert time.monotonic() < deadline
            try:
                client.get("/api/health")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        for replica in replicas.values():
            replica.seen.clear()
        yield client
    process.terminate()
    process.wait(30)


def post(proxy, path, **options):
    return proxy.post(path, content=b"body", **options)


def asked(replicas):
    return [seen for replica in replicas.values() for seen in replica.seen]


@pytest.mark.parametrize("path", ["/api/generate", "/v1/completions"])
def test_one_that_is_overloaded_passes_it_to_the_other(proxy, replicas, path):
    replicas["a"].status, replicas["a"].headers = 503, {"Retry-After": "2"}
    answers = [post(proxy, path) for _ in range(20)]
    assert {answer.text for answer in answers} == {"b"}
    assert replicas["a"].seen, "it is still asked"
    assert {seen[3] for seen in asked(replicas)} == {b"body"}


def test_overload_of_all_is_the_answer_and_takes_none_out_of_service(proxy, replicas):
    for replica in replicas.values():
        replica.status, replica.headers = 503, {"Retry-After": "2"}
    answers = [post(proxy, "/api/generate") for _ in range(20)]
    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in answers} == {
        (503, "2")
    }
    assert len(asked(replicas)) <= 3 * 20, "each request is tried again once, at most at both"
    for replica in replicas.values():
        replica.status = 200
    assert {post(proxy, "/api/generate").status_code for _ in range(20)} == {200}


@pytest.mark.parametrize("status", [400, 404, 413, 429, 500, 503, 504, 507])
def test_what_the_app_says_of_a_request_is_not_asked_again(proxy, replicas, status):
    for replica in replicas.values():
        replica.status, replica.headers = status, {"X-Error": "HubError"}
    answer = post(proxy, "/api/sessions")
    assert (answer.status_code, answer.headers["X-Error"]) == (status, "HubError")
    assert len(asked(replicas)) == 1


@pytest.mark.parametrize(
    "path", ["/api/generate", "/api/generate-next-token", "/api/loads", "/v1/completions"]
)
def test_what_may_be_repeated_is_when_a_replica_dies_over_it(proxy, replicas, path):
    replicas["a"].status = "cut"
    assert {post(proxy, path).text for _ in range(10)} == {"b"}


@pytest.mark.parametrize(
    "path",
    ["/api/trainings?visitor=x", "/api/trainings/upload?visitor=x", "/gradio_api/queue/join"],
)
def test_what_must_not_be_repeated_is_not(proxy, replicas, path):
    for replica in replicas.values():
        replica.status = "cut"
    assert post(proxy, path).status_code == 502
    assert len(asked(replicas)) == 1


@pytest.mark.parametrize(
    "path", ["/", "/page/main.js", "/assets/x-1.js", "/api/sessions", "/api/trainings"]
)
def test_a_page_is_got_from_whoever_is_there(proxy, replicas, path):
    replicas["a"].status = "cut"
    assert {proxy.get(path).text for _ in range(10)} == {"b"}


def test_an_asset_of_another_version_is_looked_for_in_all(proxy, replicas):
    replicas["a"].status = 404
    assert {proxy.get("/assets/new-1.js").status_code for _ in range(10)} == {200}
    replicas["b"].status = 404
    assert proxy.get("/assets/new-1.js").status_code == 404


def test_who_is_told_to_have_it_is_asked_with_the_same_body(proxy, replicas):
    replicas["a"].status, replicas["a"].headers = 421, {"X-Replica": "b"}
    for _ in range(10):
        assert post(proxy, "/api/generate", headers={"X-Language": "de"}).text == "b"
    assert {seen[3] for seen in asked(replicas)} == {b"body"}
    assert {seen[2]["X-Language"] for seen in asked(replicas)} == {"de"}


def test_nobody_is_sent_in_circles(proxy, replicas):
    replicas["a"].status, replicas["a"].headers = 421, {"X-Replica": "b"}
    replicas["b"].status, replicas["b"].headers = 421, {"X-Replica": "a"}
    assert post(proxy, "/api/generate").status_code == 421
    assert len(asked(replicas)) <= 2


def test_what_a_replica_is_told_of_the_client(proxy, replicas):
    forged = {
        "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "evil.example",
        "X-Replica-Down": "1", "Host": "play.example:8080",
    }  # fmt: skip
    for path in ("/", "/api/health", "/gradio_api/info", "/api/trainings"):
        proxy.get(path, headers=forged)
    assert len(asked(replicas)) == 4
    for _, _, headers, _ in asked(replicas):
        assert headers["X-Forwarded-For"] == "127.0.0.1"
        assert headers["Host"] == headers["X-Forwarded-Host"] == "play.example:8080"
        assert headers["X-Forwarded-Proto"] == "http"
        assert "X-Replica-Down" not in headers


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/gradio_api/queue/data", {}),
        ("POST", "/v1/completions", {"X-Accel-Buffering": "no"}),
    ],
)
def test_an_event_stream_is_passed_on_as_it_comes(tmp_path, method, path, headers):
    """The first event arrives while the second has not been sent."""
    need_nginx()
    received = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"data: 1\n\n")
            self.wfile.flush()
            if received.wait(20):
                self.wfile.write(b"data: 2\n\n")

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    port = free_port()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ports = dict.fromkeys(NAMES, server.server_port)
        process = start_proxy(tmp_path / "proxy", port, ports, environment_of_commands())
        try:
            transport = httpx.HTTPTransport(retries=5)
            with (
                httpx.Client(transport=transport, timeout=15) as client,
                client.stream(method, f"http://127.0.0.1:{port}{path}") as stream,
            ):
                lines = stream.iter_text()
                assert next(lines) == "data: 1\n\n"
                received.set()
                assert next(lines) == "data: 2\n\n"
        finally:
            process.terminate()
            process.wait(30)
            server.shutdown()
