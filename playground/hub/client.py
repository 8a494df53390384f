"""HTTP client of the Hub: single requests with timeouts, size limits and HubErrors.

Uses huggingface_hub's session, headers, URLs and errors, but not its downloads: those retry for up
to six minutes, cannot be cancelled, and compare a file's size only once it is on disk. Here a
request is made once, is cancelled with the awaiting task, and never reads more than its limit.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import ModelInfo, get_async_session, hf_hub_url, hf_raise_for_status
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # no __all__

from playground.errors import HubCommitMoved, HubError, HubTooLarge
from playground.files import atomic_path
from playground.hub.address import Address
from playground.hub.errors import Subject, as_disk_errors, as_hub_errors
from playground.i18n.translate import Message

ReceivedCallback = Callable[[int], None]
"""Called with the number of bytes received so far."""

MODEL_LIST = Message.of("hub_errors.list_of_models")
"""Subject of error messages about `list_models`."""

_JSON_MAX_BYTES = 16 * 2**20  # a list of a thousand models has about 1 MB


class HubClient:
    """Async client of one Hub. Requests are anonymous unless `use_token` is set.

    Bound to one event loop. All methods raise HubError or a subclass of it.
    """

    def __init__(self, endpoint: str, timeout_seconds: float) -> None:
        """timeout_seconds: for the connection, and for each read."""
        self._endpoint = endpoint.rstrip("/")
        self._timeout = httpx2.Timeout(timeout_seconds)
        self._session: httpx2.AsyncClient | None = None

    async def model_info(self, address: Address, *, use_token: bool) -> ModelInfo:
        """A repo at a revision: its commit, its files and their sizes."""
        url = f"{self._endpoint}/api/models/{address.repo_id}"
        if address.revision:
            url += f"/revision/{_quote_revision(address.revision)}"
        body = await self._get_json(url, str(address), use_token, {"blobs": "true"})
        try:
            return _parse_model_info(body)
        except (TypeError, KeyError, ValueError):
            raise HubError("hub_errors.senseless", about=address) from None

    async def list_models(self, tag: str, limit: int, *, use_token: bool) -> list[ModelInfo]:
        """The repos with a tag, most liked first."""
        properties = ["downloads", "gated", "lastModified", "likes", "private", "safetensors"]
        query = {"filter": tag, "sort": "likes", "limit": limit, "expand": properties}
        url = f"{self._endpoint}/api/models"
        body = await self._get_json(url, MODEL_LIST, use_token, query)
        try:
            if not isinstance(body, list):
                raise TypeError
            return [_parse_model_info(item) for item in body]
        except (TypeError, KeyError, ValueError):
            raise HubError("hub_errors.senseless_list") from None

    async def list_branches(self, repo_id: str, *, use_token: bool) -> dict[str, str]:
        """The branches of a repo: name -> commit."""
        url = f"{self._endpoint}/api/models/{repo_id}/refs"
        body = await self._get_json(url, repo_id, use_token)
        try:
            commits = {branch["name"]: branch["targetCommit"] for branch in body["branches"]}
            if not all(isinstance(text, str) for pair in commits.items() for text in pair):
                raise TypeError
            return commits
        except (TypeError, KeyError):
            raise HubError("hub_errors.senseless_branches", repo=repo_id) from None

    async def read_file(
        self, pinned: Address, path: str, max_bytes: int, *, use_token: bool
    ) -> bytes:
        """The content of a small file of a commit."""
        async with self._stream_file(pinned, path, use_token) as response:
            return await _read_limited(response, path, max_bytes)

    async def download_file(
        self,
        pinned: Address,
        path: str,
        target: Path,
        n_bytes: int,
        received: ReceivedCallback,
        *,
        use_token: bool,
    ) -> None:
        """Download a file of a commit to `target`, atomically.

        n_bytes: its exact size; any other is an error.
        """
        with as_disk_errors(), atomic_path(target) as partial:
            done_bytes = 0
            received(0)
            with partial.open("wb") as file:
                async with self._stream_file(pinned, path, use_token) as response:
                    async for chunk in _iter_limited(response, path, n_bytes):
                        file.write(chunk)
                        done_bytes += len(chunk)
                        received(done_bytes)
            if done_bytes != n_bytes:
                raise HubError("hub_errors.download_cut", file=path, done=done_bytes, total=n_bytes)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.aclose()
            self._session = None

    @asynccontextmanager
    async def _stream_file(
        self, pinned: Address, path: str, use_token: bool
    ) -> AsyncIterator[httpx2.Response]:
        """Stream a file of a commit. Raises HubCommitMoved if it is served from another one."""
        url = hf_hub_url(pinned.repo_id, path, revision=pinned.revision, endpoint=self._endpoint)
        subject = Message.of("hub_errors.file_of", file=path, repo=pinned)
        async with self._stream(url, subject, use_token) as response:
            for each in (*response.history, response):
                if each.headers.get("X-Repo-Commit", pinned.revision) != pinned.revision:
                    raise HubCommitMoved("hub_errors.repo_changed", repo=pinned.repo_id)
            yield response

    async def _get_json(
        self, url: str, subject: Subject, use_token: bool, query: dict[str, Any] | None = None
    ) -> Any:
        async with self._stream(url, subject, use_token, query) as response:
            body = await _read_limited(response, subject, _JSON_MAX_BYTES)
        try:
            return json.loads(body)
        except ValueError:
            raise HubError("hub_errors.senseless", about=subject) from None

    @asynccontextmanager
    async def _stream(
        self, url: str, subject: Subject, use_token: bool, query: dict[str, Any] | None = None
    ) -> AsyncIterator[httpx2.Response]:
        """Stream the response of a GET request; its status is checked, its body not yet read."""
        headers = request_headers(use_token=use_token)
        headers["Accept-Encoding"] = "identity"  # size limits count the decoded bytes
        with as_hub_errors(subject):
            if self._session is None:
                self._session = get_async_session()
            async with self._session.stream(
                "GET", url, params=query, headers=headers, timeout=self._timeout
            ) as response:
                try:
                    hf_raise_for_status(response)
                except AttributeError as error:  # it assumes that an error's body is an object
                    raise HubError("hub_errors.senseless", about=subject) from error
                yield response


def request_headers(*, use_token: bool) -> dict[str, str]:
    """Headers of a request to the Hub, with or without the operator's token."""
    headers: dict[str, str] = build_hf_headers(token=None if use_token else False)
    return headers


def _parse_model_info(body: dict[str, Any]) -> ModelInfo:
    return ModelInfo(**body)  # type: ignore[no-untyped-call]  # its __init__ has no annotations


async def _iter_limited(
    response: httpx2.Response, subject: Subject, max_bytes: int
) -> AsyncIterator[bytes]:
    """Iterate over the body's chunks. Raises HubTooLarge beyond `max_bytes`."""
    left = max_bytes
    async for chunk in response.aiter_raw():
        left -= len(chunk)
        if left < 0:
            raise HubTooLarge("hub_errors.answer_too_large", about=subject, most=max_bytes)
        yield chunk


async def _read_limited(response: httpx2.Response, subject: Subject, max_bytes: int) -> bytes:
    """Read the whole body. Raises HubTooLarge beyond `max_bytes`."""
    return b"".join([chunk async for chunk in _iter_limited(response, subject, max_bytes)])


def _quote_revision(revision: str) -> str:
    return revision.replace("/", "%2F").replace("+", "%2B")
