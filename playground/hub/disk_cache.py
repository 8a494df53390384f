"""Disk cache of commits: bounded in bytes, the least recently used are evicted first.

    <root>/<hash of the endpoint>/<owner>--<name>/refs/<hash of a revision>   its last commit
    <root>/<hash of the endpoint>/<owner>--<name>/<commit>/hub.json           Origin
    <root>/<hash of the endpoint>/<owner>--<name>/<commit>/config.json ...    as in the repo

Files are regular ones, no links. hub.json is written last: a folder without it is incomplete.
Several processes may share it: each use touches hub.json.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

import pydantic
from pydantic import BaseModel, ConfigDict

from playground.errors import DiskFull
from playground.files import write_bytes
from playground.hub.address import Address
from playground.hub.errors import as_disk_errors

IN_USE_SECONDS = 300.0
_MARKER = "hub.json"


class Origin(BaseModel):
    """Where the files of a commit's folder came from.

    public: readable without a token. branch_commits: commits of the weights files that came from
    a branch of their own, by their path in the folder. nanogpt: the files are in nanoGPT's format.
    transformers: they are a model of the transformers library.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    repo_id: str
    commit: str
    public: bool
    branch_commits: dict[str, str] = {}
    nanogpt: bool = False
    transformers: bool = False

    @property
    def pinned(self) -> Address:
        """The repo at this commit."""
        return Address(self.repo_id, self.commit)


class DiskCache:
    """Cached commits of one Hub. All methods block on the disk."""

    def __init__(self, root: Path, endpoint: str, max_bytes: int) -> None:
        """Reads and writes nothing yet."""
        self._root = root.expanduser() / _hash(endpoint.rstrip("/"))
        self._max_bytes = max_bytes
        self._last_used: dict[Path, float] = {}

    def folder(self, pinned: Address) -> Path:
        """The folder of a commit, whether it exists or not."""
        return self._repo_folder(pinned.repo_id) / str(pinned.revision)

    def read_origin(self, pinned: Address) -> Origin | None:
        """The origin of a commit's folder; None if it is missing or incomplete."""
        try:
            return Origin.model_validate_json((self.folder(pinned) / _MARKER).read_bytes())
        except (OSError, pydantic.ValidationError):
            return None

    def mark_complete(self, folder: Path, origin: Origin) -> None:
        """Write the marker by which a folder counts as complete."""
        write_file(folder / _MARKER, origin.model_dump_json().encode())

    def last_commit(self, address: Address) -> str | None:
        """The commit that a revision pointed to when it was last resolved, or None."""
        try:
            return self._ref(address).read_text(encoding="ascii")
        except (OSError, ValueError):
            return None

    def set_last_commit(self, address: Address, commit: str) -> None:
        """Store the commit that a revision points to."""
        if self.last_commit(address) != commit:
            write_file(self._ref(address), commit.encode())

    def mark_used(self, folder: Path) -> None:
        """Protect a folder from eviction for the next IN_USE_SECONDS."""
        self._last_used[folder] = time.monotonic()
        with suppress(OSError):
            os.utime(folder / _MARKER)

    def last_used(self, folder: Path) -> float:
        """Time of the last use, in seconds of the monotonic clock; 0 if unused by this process."""
        return self._last_used.get(folder, 0.0)

    def evict(self, needed_bytes: int) -> None:
        """Delete the least recently used commits until `needed_bytes` fit. Raises DiskFull."""
        sizes = {f: _n_bytes(f) for f in self._root.glob("*/*") if f.is_dir() and f.name != "refs"}
        excess = sum(sizes.values()) + needed_bytes - self._max_bytes
        idle = [folder for folder in sizes if not self._is_in_use(folder)]
        for folder in sorted(idle, key=_last_used_on_disk):
            if excess <= 0:
                return
            self.delete(folder)
            excess -= sizes[folder]
        if excess > 0:
            raise DiskFull("hub_errors.cache_full")

    def _is_in_use(self, folder: Path) -> bool:
        """Whether this process, or another one with the same disk, used it lately."""
        unused = time.monotonic() - self._last_used.get(folder, -math.inf)
        unused_elsewhere = time.time() - max(map(_modified_at, (folder, folder / _MARKER)))
        return min(unused, unused_elsewhere) < IN_USE_SECONDS

    def delete(self, folder: Path) -> None:
        """Delete a commit's folder and the refs that point to it."""
        with suppress(OSError):
            (folder / _MARKER).unlink(missing_ok=True)  # first: what remains is then incomplete
        shutil.rmtree(folder, ignore_errors=True)
        self._last_used.pop(folder, None)
        for ref in folder.parent.glob("refs/*"):
            with suppress(FileNotFoundError):  # written, or deleted, by another thread meanwhile
                if ref.read_bytes() == folder.name.encode():
                    ref.unlink()

    def _repo_folder(self, repo_id: str) -> Path:
        return self._root / repo_id.replace("/", "--")  # "--" is not allowed in repo names

    def _ref(self, address: Address) -> Path:
        return self._repo_folder(address.repo_id) / "refs" / _hash(address.revision or "main")


def write_file(path: Path, content: bytes) -> None:
    """Write a small file atomically. Raises DiskFull, HubUnavailable."""
    with as_disk_errors():
        write_bytes(path, content)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _n_bytes(folder: Path) -> int:
    """Total size of the files below a folder."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # a partial file may be renamed meanwhile
                total += os.stat(os.path.join(parent, name)).st_size
    return total


def _last_used_on_disk(folder: Path) -> float:
    """Modification time of the marker; 0 for an incomplete folder."""
    return _modified_at(folder / _MARKER)


def _modified_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
