"""A Hub on the loopback interface, as far as reading, listing and uploading models go.

    with FakeHub() as hub:
        hub.commit("owner/name", {"config.json": b"..."})
        hub.fail("GET", r"\\.safetensors$", status=503)

Weights are sent by a second server, another origin as the real ones are: /resolve/ answers with a
redirect. The request log has one line a request, `METHOD path`, `cdn` before those of the second.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

TOKEN = "hf_operator"


@dataclass
class Repo:
    private: bool = False
    gated: bool = False
    lfs: bool = True  # weights are in LFS, as they are wherever .gitattributes says so
    likes: int = 0
    downloads: int = 0
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def files(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        commit = self.branches.get(revision, revision)
        return (commit, self.commits[commit]) if commit in self.commits else None


@dataclass
class Rule:
    """What happens to requests whose `METHOD path` matches, `times` times.

    status: answered instead. cut: bytes after which the connection is closed. delay: seconds before
    anything is answered. headers: added to the answer. lie: bytes sent instead of the file's.
    """

    method: str
    path: re.Pattern[str]
    times: int = 1_000_000
    status: int | None = None
    cut: int | None = None
    delay: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    lie: bytes | None = None
    drip: float = 0.0


class FakeHub:
    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.log: list[str] = []
        self.tokens: list[str | None] = []
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._ports = (0, 0)

    def __enter__(self) -> FakeHub:
        self.start()
        return self

    def start(self) -> None:
        """Listen; again at the same addresses after a stop."""
        self._over.clear()
        self._hub, self._cdn = (
            _Server(self, _Hub, self._ports[0]),
            _Server(self, _Cdn, self._ports[1]),
        )
        self._ports = self._hub.server_port, self._cdn.server_port
        self.endpoint, self.cdn = self._hub.address, self._cdn.address

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Be gone: connections are refused from now on."""
        self._over.set()
        self._hub.stop()
        self._cdn.stop()

    # --- What is there -------------------------------------------------------------------------

    def commit(
        self, repo_id: str, files: Mapping[str, bytes], branch: str = "main", **repo: object
    ) -> str:
        """Make this the content of a branch; the commit."""
        there = self.repos.setdefault(repo_id, Repo())
        for name, value in repo.items():
            setattr(there, name, value)
        seed = f"{repo_id}{branch}{len(there.commits)}{sorted(files)}".encode()
        oid = hashlib.sha1(seed).hexdigest()
        there.commits[oid] = dict(files)
        there.branches[branch] = oid
        there.branches.setdefault("main", oid)
        return oid

    def publish(self, repo_id: str, folder: Path, **repo: object) -> str:
        """Make a folder the content of a repo; the commit."""
        return self.commit(repo_id, files_of(folder), **repo)

    # --- What goes wrong -----------------------------------------------------------------------

    def fail(self, method: str, path: str, **how: object) -> None:
        self._rules.append(Rule(method, re.compile(path), **how))

    def heal(self) -> None:
        self._rules.clear()

    def rule(self, method: str, path: str) -> Rule:
        with self._lock:
            for rule in self._rules:
                if rule.method == method and rule.times > 0 and rule.path.search(path):
                    rule.times -= 1
                    return rule
        return Rule(method, re.compile(""))

    # --- What was asked ------------------------------------------------------------------------

    def noted(self, line: str, token: str | None) -> None:
        with self._lock:
            self.log.append(line)
            self.tokens.append(token)

    def asked(self, pattern: str = "") -> int:
        return sum(bool(re.search(pattern, line)) for line in self.log)

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """The requests that come while the block runs."""
        start, lines = len(self.log), []
        yield lines
        lines += self.log[start:]

    def wait(self, seconds: float) -> None:
        self._over.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, hub: FakeHub, handler: type[BaseHTTPRequestHandler], port: int) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.hub = hub
        self.address = f"http://127.0.0.1:{self.server_port}"
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()
        for connection in list(self._connections):  # those that are kept open, too
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: socket.socket, client_address: object) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    origin = ""

    def log_message(self, *_: object) -> None:
        pass

    def handle_one_request(self) -> None:
        self._rule = Rule("", re.compile(""))
        super().handle_one_request()

    def _begin(self) -> bool:
        """Note the request and apply a rule; True where that has answered it already."""
        hub = self.server.hub
        authorization = self.headers.get("Authorization")
        self.token = authorization.removeprefix("Bearer ") if authorization else None
        hub.noted(f"{self.origin}{self.command} {unquote(self.path)}", self.token)
        self._rule = hub.rule(self.command, self.origin + unquote(self.path))
        if self._rule.delay:
            hub.wait(self._rule.delay)
        if self._rule.status is not None:
            self._send(self._rule.status, b"{}")
            return True
        return False

    def _send(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        rule, length = self._rule, len(body)
        if rule.lie is not None:
            body = rule.lie
            length = len(body)
        self.send_response(status)
        for name, value in {**(headers or {}), **rule.headers}.items():
            self.send_header(name, value)
        if "Content-Length" not in rule.headers:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        body = body[: rule.cut]
        if rule.drip:
            for start in range(0, len(body), 1000):
                self.wfile.write(body[start : start + 1000])
                self.wfile.flush()
                self.server.hub.wait(rule.drip)
        else:
            self.wfile.write(body)
        if rule.cut is not None:
            self.close_connection = True

    def _json(
        self, value: object, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        self._send(
            status,
            json.dumps(value).encode(),
            {"Content-Type": "application/json"} | (headers or {}),
        )

    def _error(self, status: int, code: str) -> None:
        self._json({"error": code}, status, {"X-Error-Code": code})


class _Cdn(_Handler):
    origin = "cdn "

    def do_GET(self) -> None:
        if self._begin():
            return
        _, owner, name, commit, *path = unquote(urlsplit(self.path).path).split("/")
        self._send(200, self.server.hub.repos[f"{owner}/{name}"].commits[commit]["/".join(path)])

    def do_HEAD(self) -> None:
        self.do_GET()


class _Hub(_Handler):
    def do_GET(self) -> None:
        if self._begin():
            return
        url = urlsplit(self.path)
        question = {k: v for k, v in parse_qs(url.query).items()}
        if url.path == "/api/models":
            self._json(self._models(question))
        elif match := re.fullmatch(
            r"/api/models/([^/]+/[^/]+)(?:/(revision|refs|tree)(?:/(.*))?)?", url.path
        ):
            self._about(match[1], match[2], unquote(match[3] or "main"), question)
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", url.path):
            self._resolve(match[1], unquote(match[2]), unquote(match[3]))
        else:
            self._error(404, "EntryNotFound")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _models(self, question: dict[str, list[str]]) -> list[dict[str, object]]:
        listed = []
        for repo_id, repo in self.server.hub.repos.items():
            if repo.private and self.token != TOKEN:
                continue
            body = self._info(repo_id, repo, "main", full=False)
            if set(question.get("filter", [])) <= set(body["tags"]):
                listed.append(body)
        return sorted(listed, key=lambda body: -body["likes"])

    def _about(
        self, repo_id: str, part: str, revision: str, question: dict[str, list[str]]
    ) -> None:
        repo = self.server.hub.repos.get(repo_id)
        if repo is None or (repo.private and self.token != TOKEN):
            self._error(401, "RepoNotFound")
        elif part == "refs":
            refs = [
                {"name": name, "ref": f"refs/heads/{name}", "targetCommit": commit}
                for name, commit in repo.branches.items()
            ]
            self._json({"branches": refs, "tags": [], "converts": []})
        elif repo.files(revision) is None:
            self._error(404, "RevisionNotFound")
        elif part == "tree":
            _, files = repo.files(revision)
            self._json(
                [
                    {"type": "file", "oid": _oid(c), "size": len(c), "path": p}
                    for p, c in files.items()
                ]
            )
        else:
            self._json(self._info(repo_id, repo, revision, full="blobs" in question))

    def _info(self, repo_id: str, repo: Repo, revision: str, *, full: bool) -> dict[str, object]:
        commit, files = repo.files(revision)
        card = _front_matter(files.get("README.md", b""))
        body = {
            "id": repo_id,
            "sha": commit,
            "private": repo.private,
            "gated": "manual" if repo.gated else False,
            "likes": repo.likes,
            "downloads": repo.downloads,
            "lastModified": "2026-01-02T03:04:05.000Z",
            "tags": [*card.get("tags", []), card.get("library_name", "")],
            "siblings": [{"rfilename": path} for path in files],
        }
        if "model.safetensors" in files:
            body["safetensors"] = {"parameters": {"F32": _params(files)}, "total": _params(files)}
        if full:
            for sibling in body["siblings"]:
                content = files[sibling["rfilename"]]
                sibling |= {"size": len(content), "blobId": _oid(content)}
                if repo.lfs and sibling["rfilename"].endswith(".safetensors"):
                    sha256 = hashlib.sha256(content).hexdigest()
                    sibling["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
        return body

    def _resolve(self, repo_id: str, revision: str, path: str) -> None:
        repo = self.server.hub.repos.get(repo_id)
        if repo is None or (repo.private and self.token != TOKEN):
            self._error(401, "RepoNotFound")
        elif repo.gated and self.token != TOKEN:
            self._error(403, "GatedRepo")
        elif (found := repo.files(revision)) is None:
            self._error(404, "RevisionNotFound")
        elif path not in found[1]:
            self._json({}, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": found[0]})
        else:
            self._send_file(repo_id, found[0], path, found[1][path])

    def _send_file(self, repo_id: str, commit: str, path: str, content: bytes) -> None:
        headers = {"X-Repo-Commit": commit}
        if self.server.hub.repos[repo_id].lfs and path.endswith(".safetensors"):
            headers["X-Linked-Etag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            headers["X-Linked-Size"] = str(len(content))
            headers["Location"] = f"{self.server.hub.cdn}/{repo_id}/{commit}/{path}"
            self._send(302, b"", headers)
        else:
            self._send(200, content, headers | {"ETag": f'"{_oid(content)}"'})

    # --- Uploads -------------------------------------------------------------------------------

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or self._chunked()
        if self._begin():
            return
        path = unquote(urlsplit(self.path).path)
        if path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif self.token != TOKEN:
            self._error(401, "Unauthorized")
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/(.+)", path):
            files = json.loads(body)["files"]
            self._json(
                {
                    "files": [
                        {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                        for f in files
                    ]
                }
            )
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/(.+)", path):
            self._commit(match[1], match[2], [json.loads(line) for line in body.splitlines()])
        else:
            self._error(404, "EntryNotFound")

    def _chunked(self) -> bytes:
        body = b""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return body

    def _create(self, wanted: dict[str, object]) -> None:
        hub = self.server.hub
        repo_id = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        status = 409 if repo_id in hub.repos else 200
        if status == 200:
            hub.commit(
                repo_id, {".gitattributes": b""}, private=wanted.get("visibility") == "private"
            )
        self._json({"url": f"{hub.endpoint}/{repo_id}", "id": repo_id}, status)

    def _commit(self, repo_id: str, branch: str, lines: list[dict[str, dict[str, str]]]) -> None:
        hub = self.server.hub
        _, files = hub.repos[repo_id].files("main")
        files = dict(files)
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        oid = hub.commit(repo_id, files, branch)
        self._json({"commitUrl": f"{hub.endpoint}/{repo_id}/commit/{oid}", "commitOid": oid})


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder by their paths in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _front_matter(card: bytes) -> dict[str, object]:
    match = re.match(rb"---\n(.*?)\n---\n", card, re.DOTALL)
    return yaml.safe_load(match[1]) if match else {}


def _params(files: Mapping[str, bytes]) -> int:
    return len(files["model.safetensors"]) // 4
