"""The wire to the Hub: questions with a deadline, and every failure as one plain sentence.

The client library's session, headers, addresses and errors, but not its downloads: those retry for
up to six minutes, cannot be stopped, and look at a file's size when it is on the disk. Here a
request is made once, is cancelled with the task that waits for it, and never reads more bytes than
it was told to expect.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx2
from huggingface_hub import ModelInfo, get_async_session, hf_hub_url, hf_raise_for_status
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import build_hf_headers, parse_ratelimit_headers

from playground.errors import (
    HubCommitMoved,
    HubError,
    HubFileNotFound,
    HubForbidden,
    HubRateLimited,
    HubRepoNotFound,
    HubRevisionNotFound,
    HubTimeout,
    HubTooLarge,
    HubUnavailable,
)
from playground.hub.address import Address
from playground.hub.disk_cache import disk
from playground.i18n.translate import Message

Received = Callable[[int], None]
"""Told the bytes that have arrived so far."""

About = Message | str
"""What is asked for, as a sentence about it names it."""

LIST_OF_MODELS = Message.of("hub_errors.list_of_models")

_ANSWER_BYTES = 16 * 2**20  # of JSON: a list of a thousand models has about 1 MB


class HubClient:
    """One Hub, asked anonymously unless told otherwise. For one event loop.

    Raises HubError, or one of its kinds, and nothing else.
    """

    def __init__(self, endpoint: str, wait_seconds: float) -> None:
        """wait_seconds: for a connection, and for each piece of an answer."""
        self._endpoint = endpoint.rstrip("/")
        self._timeout = httpx2.Timeout(wait_seconds)
        self._session: httpx2.AsyncClient | None = None

    async def info(self, address: Address, *, use_token: bool) -> ModelInfo:
        """What a repo is at a revision: its commit, its files and their sizes."""
        url = f"{self._endpoint}/api/models/{address.repo_id}"
        if address.revision:
            url += f"/revision/{_quoted(address.revision)}"
        found = await self._json(url, str(address), use_token, {"blobs": "true"})
        try:
            return ModelInfo(**found)
        except (TypeError, KeyError, ValueError):
            raise HubError("hub_errors.senseless", about=address) from None

    async def models(self, tag: str, limit: int, *, use_token: bool) -> list[ModelInfo]:
        """The repos that carry a tag, those with the most likes first."""
        properties = ["downloads", "gated", "lastModified", "likes", "private", "safetensors"]
        question = {"filter": tag, "sort": "likes", "limit": limit, "expand": properties}
        url = f"{self._endpoint}/api/models"
        found = await self._json(url, LIST_OF_MODELS, use_token, question)
        try:
            if not isinstance(found, list):
                raise TypeError
            return [ModelInfo(**item) for item in found]
        except (TypeError, KeyError, ValueError):
            raise HubError("hub_errors.senseless_list") from None

    async def branches(self, repo_id: str, *, use_token: bool) -> dict[str, str]:
        """The commit of each branch of a repo."""
        url = f"{self._endpoint}/api/models/{repo_id}/refs"
        found = await self._json(url, repo_id, use_token)
        try:
            commits = {branch["name"]: branch["targetCommit"] for branch in found["branches"]}
            if not all(isinstance(text, str) for pair in commits.items() for text in pair):
                raise TypeError
            return commits
        except (TypeError, KeyError):
            raise HubError("hub_errors.senseless_branches", repo=repo_id) from None

    async def read(self, pinned: Address, path: str, max_bytes: int, *, use_token: bool) -> bytes:
        """A small file of a commit."""
        pieces = []
        async with self._file(pinned, path, use_token) as response:
            async for piece in _pieces(response, path, max_bytes):
                pieces.append(piece)
        return b"".join(pieces)

    async def download(
        self,
        pinned: Address,
        path: str,
        target: Path,
        n_bytes: int,
        received: Received,
        *,
        use_token: bool,
    ) -> None:
        """Write a file of a commit to `target`; it is there whole, with n_bytes, or not at all."""
        partial = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.partial")
        try:
            with disk():
                target.parent.mkdir(parents=True, exist_ok=True)
                file = partial.open("wb")
            done_bytes = 0
            received(0)
            with file:
                async with self._file(pinned, path, use_token) as response:
                    async for piece in _pieces(response, path, n_bytes):
                        with disk():
                            file.write(piece)
                        done_bytes += len(piece)
                        received(done_bytes)
                with disk():
                    file.flush()
            if done_bytes != n_bytes:
                raise HubError("hub_errors.download_cut", file=path, done=done_bytes, total=n_bytes)
            os.replace(partial, target)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.aclose()
            self._session = None

    @asynccontextmanager
    async def _file(
        self, pinned: Address, path: str, use_token: bool
    ) -> AsyncIterator[httpx2.Response]:
        url = hf_hub_url(pinned.repo_id, path, revision=pinned.revision, endpoint=self._endpoint)
        about = Message.of("hub_errors.file_of", file=path, repo=pinned)
        async with self._answer(url, about, use_token) as response:
            for answer in (*response.history, response):
                if answer.headers.get("X-Repo-Commit", pinned.revision) != pinned.revision:
                    raise HubCommitMoved("hub_errors.repo_changed", repo=pinned.repo_id)
            yield response

    async def _json(
        self, url: str, about: About, use_token: bool, question: dict[str, Any] | None = None
    ) -> Any:
        pieces = []
        async with self._answer(url, about, use_token, question) as response:
            async for piece in _pieces(response, about, _ANSWER_BYTES):
                pieces.append(piece)
        try:
            return json.loads(b"".join(pieces))
        except ValueError:
            raise HubError("hub_errors.senseless", about=about) from None

    @asynccontextmanager
    async def _answer(
        self, url: str, about: About, use_token: bool, question: dict[str, Any] | None = None
    ) -> AsyncIterator[httpx2.Response]:
        """An answer whose body is still to come."""
        headers = build_hf_headers(token=None if use_token else False)
        headers["Accept-Encoding"] = "identity"  # what is counted is what would be unpacked
        with sentences(about):
            if self._session is None:
                self._session = get_async_session()
            async with self._session.stream(
                "GET", url, params=question, headers=headers, timeout=self._timeout
            ) as response:
                try:
                    hf_raise_for_status(response)
                except AttributeError as error:  # it expects an object in the body of an error
                    raise HubError("hub_errors.senseless", about=about) from error
                yield response


@contextmanager
def deadline(about: About, seconds: float) -> Iterator[None]:
    """Whatever is awaited inside is given up after so many seconds, with a HubTimeout."""
    with sentences(about), anyio.fail_after(seconds):
        yield


@contextmanager
def sentences(about: About) -> Iterator[None]:
    """Turn what can go wrong with the Hub into a HubError that a visitor understands."""
    try:
        yield
    except HfHubHTTPError as error:
        raise _refusal(error, about) from error
    except OfflineModeIsEnabled as error:
        raise HubUnavailable("hub_errors.switched_off") from error
    except (httpx2.TimeoutException, TimeoutError) as error:
        raise HubTimeout("hub_errors.timeout", about=about) from error
    except httpx2.ConnectError as error:
        raise HubUnavailable("hub_errors.unreachable") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise HubError("hub_errors.answer_cut", about=about) from error


def _refusal(error: HfHubHTTPError, about: About) -> HubError:
    """The sentence for an answer with an error status."""
    status = error.response.status_code
    # A gated repo counts as one that is not found, too: the order matters.
    if isinstance(error, GatedRepoError):
        return HubForbidden("hub_errors.gated", about=about)
    if isinstance(error, RepositoryNotFoundError):
        return HubRepoNotFound("hub_errors.not_found_or_private", about=about)
    if isinstance(error, RevisionNotFoundError):
        return HubRevisionNotFound("hub_errors.revision_not_found", about=about)
    if isinstance(error, RemoteEntryNotFoundError):
        return HubFileNotFound("hub_errors.file_not_found", about=about)
    if isinstance(error, DisabledRepoError) or status in (401, 403):
        return HubForbidden("hub_errors.forbidden", about=about)
    if status == 429:
        return HubRateLimited(_retry_after_seconds(error.response))
    if status == 404:
        return HubRepoNotFound("hub_errors.not_found", about=about)
    if status >= 500:
        return HubUnavailable("hub_errors.own_problem", status=status)
    return HubError("hub_errors.refused", about=about, status=status)


def _retry_after_seconds(response: httpx2.Response) -> int | None:
    told = response.headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdigit():
        return int(told)
    limits = parse_ratelimit_headers(response.headers)
    return limits.reset_in_seconds if limits else None


async def _pieces(response: httpx2.Response, about: About, max_bytes: int) -> AsyncIterator[bytes]:
    """The body as it comes, as long as it keeps to its size."""
    left = max_bytes
    async for piece in response.aiter_raw():
        left -= len(piece)
        if left < 0:
            raise HubTooLarge("hub_errors.answer_too_large", about=about, most=max_bytes)
        yield piece


def _quoted(revision: str) -> str:
    return revision.replace("/", "%2F").replace("+", "%2B")
