"""Translation of errors of the client library and of the disk into HubError."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import httpx2
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]  # no __all__

from playground.errors import (
    DiskFull,
    HubCommitMoved,
    HubError,
    HubFileNotFound,
    HubForbidden,
    HubRateLimited,
    HubRepoNotFound,
    HubRevisionNotFound,
    HubTimeout,
    HubUnavailable,
)
from playground.hub.address import Address
from playground.i18n.translate import Message

Subject = Message | str
"""What a request is about: a parameter of error messages."""


@contextmanager
def as_hub_errors(subject: Subject) -> Iterator[None]:
    """Translate errors of huggingface_hub and httpx into HubError or a subclass."""
    try:
        yield
    except HfHubHTTPError as error:
        raise _status_error(error, subject) from error
    except OfflineModeIsEnabled as error:
        raise HubUnavailable("hub_errors.switched_off") from error
    except (httpx2.TimeoutException, TimeoutError) as error:
        raise HubTimeout("hub_errors.timeout", about=subject) from error
    except httpx2.ConnectError as error:
        raise HubUnavailable("hub_errors.unreachable") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise HubError("hub_errors.answer_cut", about=subject) from error


@contextmanager
def deadline(subject: Subject, seconds: float) -> Iterator[None]:
    """Cancel the block after some seconds and raise HubTimeout; otherwise as `as_hub_errors`."""
    with as_hub_errors(subject), anyio.fail_after(seconds):
        yield


@contextmanager
def as_disk_errors() -> Iterator[None]:
    """Translate OSError into DiskFull or HubUnavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull("hub_errors.disk_full") from error
        raise HubUnavailable("hub_errors.disk_unusable") from error


@contextmanager
def as_commit_moved(pinned: Address) -> Iterator[None]:
    """Translate HubRevisionNotFound into HubCommitMoved, for a commit that was just resolved."""
    try:
        yield
    except HubRevisionNotFound as error:
        raise HubCommitMoved("hub_errors.repo_changed", repo=pinned.repo_id) from error


def _status_error(error: HfHubHTTPError, subject: Subject) -> HubError:
    """The HubError for a response with an error status."""
    status = error.response.status_code
    # GatedRepoError is a subclass of RepositoryNotFoundError: the order matters.
    if isinstance(error, GatedRepoError):
        return HubForbidden("hub_errors.gated", about=subject)
    if isinstance(error, RepositoryNotFoundError):
        return HubRepoNotFound("hub_errors.not_found_or_private", about=subject)
    if isinstance(error, RevisionNotFoundError):
        return HubRevisionNotFound("hub_errors.revision_not_found", about=subject)
    if isinstance(error, RemoteEntryNotFoundError):
        return HubFileNotFound("hub_errors.file_not_found", about=subject)
    if isinstance(error, DisabledRepoError) or status in (401, 403):
        return HubForbidden("hub_errors.forbidden", about=subject)
    if status == 429:
        return HubRateLimited(_retry_after_seconds(error.response))
    if status == 404:
        return HubRepoNotFound("hub_errors.not_found", about=subject)
    if status >= 500:
        return HubUnavailable("hub_errors.own_problem", status=status)
    return HubError("hub_errors.refused", about=subject, status=status)


def _retry_after_seconds(response: httpx2.Response) -> int | None:
    """Seconds of the Retry-After header, else of the rate limit headers, else None."""
    header = response.headers.get("Retry-After", "").strip()
    if header.isascii() and header.isdigit():
        return int(header)
    limits = parse_ratelimit_headers(response.headers)
    return int(limits.reset_in_seconds) if limits else None
