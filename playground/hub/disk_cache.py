"""Commits from the Hub on this disk: bounded in bytes, the least recently used deleted first.

    <root>/<hash of the Hub's address>/<owner>--<name>/refs/<hash of a revision>   its last commit
    <root>/<hash of the Hub's address>/<owner>--<name>/<commit>/hub.json           Origin
    <root>/<hash of the Hub's address>/<owner>--<name>/<commit>/config.json ...    as in the repo

Real files, no links. hub.json is written last: a folder without it is not whole.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pydantic
from pydantic import BaseModel, ConfigDict

from playground.errors import DiskFull, HubUnavailable
from playground.hub.address import Address

IN_USE_SECONDS = 300.0
_MARKER = "hub.json"


class Origin(BaseModel):
    """Where a commit's folder came from.

    public: anyone may read it, without a token. branch_commits: the commit of each weights file
    that came from a branch of its own, by its path in the folder. nanogpt: its files are nanoGPT's.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    repo_id: str
    commit: str
    public: bool
    branch_commits: dict[str, str] = {}
    nanogpt: bool = False

    @property
    def pinned(self) -> Address:
        return Address(self.repo_id, self.commit)


class DiskCache:
    """The folders of one Hub. Blocking: to be called in a thread where it matters."""

    def __init__(self, root: Path, endpoint: str, max_bytes: int) -> None:
        """Touches no disk."""
        self._root = root.expanduser() / _hash(endpoint.rstrip("/"))
        self._max_bytes = max_bytes
        self._used: dict[Path, float] = {}

    def folder(self, pinned: Address) -> Path:
        """Where a commit lies, or would."""
        return self._repo(pinned.repo_id) / str(pinned.revision)

    def origin(self, pinned: Address) -> Origin | None:
        """Where a commit's folder came from; None where it is not here, or not whole."""
        try:
            return Origin.model_validate_json((self.folder(pinned) / _MARKER).read_bytes())
        except (OSError, pydantic.ValidationError):
            return None

    def finish(self, folder: Path, origin: Origin) -> None:
        """Mark a folder as whole."""
        write(folder / _MARKER, origin.model_dump_json().encode())

    def last_commit(self, asked: Address) -> str | None:
        """Where a branch stood when it was asked for last; None where it never was."""
        try:
            return self._ref(asked).read_text(encoding="ascii")
        except (OSError, ValueError):
            return None

    def note(self, asked: Address, commit: str) -> None:
        """Remember where a branch stands."""
        if self.last_commit(asked) != commit:
            write(self._ref(asked), commit.encode())

    def use(self, folder: Path) -> None:
        """Keep a commit from being deleted for the next IN_USE_SECONDS."""
        self._used[folder] = time.monotonic()
        with suppress(OSError):
            os.utime(folder / _MARKER)

    def last_use(self, folder: Path) -> float:
        """Seconds on the monotonic clock; 0 where nobody used it since the start."""
        return self._used.get(folder, 0.0)

    def make_room(self, n_bytes: int) -> None:
        """Delete what was not used for longest until n_bytes more fit. Raises DiskFull."""
        sizes = {f: _n_bytes(f) for f in self._root.glob("*/*") if f.is_dir() and f.name != "refs"}
        excess = sum(sizes.values()) + n_bytes - self._max_bytes
        now = time.monotonic()
        idle = [f for f in sizes if now - self._used.get(f, -IN_USE_SECONDS) >= IN_USE_SECONDS]
        for folder in sorted(idle, key=_last_use_on_disk):
            if excess <= 0:
                return
            self.delete(folder)
            excess -= sizes[folder]
        if excess > 0:
            raise DiskFull("hub_errors.cache_full")

    def delete(self, folder: Path) -> None:
        """Delete a commit's folder, and what pointed to it."""
        with suppress(OSError):
            (folder / _MARKER).unlink(missing_ok=True)  # first: what is left is not whole
        shutil.rmtree(folder, ignore_errors=True)
        self._used.pop(folder, None)
        for ref in folder.parent.glob("refs/*"):
            if ref.read_bytes() == folder.name.encode():
                ref.unlink(missing_ok=True)

    def _repo(self, repo_id: str) -> Path:
        return self._root / repo_id.replace("/", "--")  # "--" is in no repo's name

    def _ref(self, asked: Address) -> Path:
        return self._repo(asked.repo_id) / "refs" / _hash(asked.revision or "main")


def write(path: Path, content: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with disk():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def disk() -> Iterator[None]:
    """Turn a disk that takes nothing into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull("hub_errors.disk_full") from error
        raise HubUnavailable("hub_errors.disk_unusable") from error


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _n_bytes(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # a download that has just ended
                total += os.stat(os.path.join(place, name)).st_size
    return total


def _last_use_on_disk(folder: Path) -> float:
    try:
        return (folder / _MARKER).stat().st_mtime
    except OSError:
        return 0.0
