"""Atomic file writes."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that replaces it when the block ends without an error.

    The parent folder is created. Readers see the old file or the whole new one, never a part
    (os.replace is atomic on POSIX and Windows). Raises OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_bytes(target: Path, content: bytes) -> None:
    """Write a file atomically. Raises OSError, with the file's name where the disk is full."""
    try:
        with atomic_path(target) as partial:
            partial.write_bytes(content)
    except OSError as error:
        if error.filename is None:  # as of what fails after a file was opened
            error.filename = str(target)
        raise


def write_text(target: Path, content: str) -> None:
    """Write a UTF-8 file atomically, line ends as they are. Raises OSError."""
    write_bytes(target, content.encode("utf-8"))
