"""Files of dataset repos on the Hub, verified by their SHA-256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import get_async_session, hf_hub_url, hf_raise_for_status

from playground.errors import HubError
from playground.hub.client import request_headers
from playground.hub.disk_cache import write_file
from playground.hub.errors import deadline
from playground.i18n.translate import Message


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """A file of a dataset repo, at its main branch.

    title: subject of error messages. mismatch_key: message key for content with another SHA-256.
    """

    repo_id: str
    path: str
    n_bytes: int
    sha256: str
    title: Message
    mismatch_key: str


TINY_SHAKESPEARE = DatasetFile(
    repo_id="Trelis/tiny-shakespeare",
    path="input.txt",
    n_bytes=1_115_394,
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    title=Message.of("training.corpus_shakespeare"),
    mismatch_key="training.other_shakespeare",
)


async def download_dataset_file(
    file: DatasetFile, target: Path, endpoint: str, timeout_seconds: float
) -> Path:
    """Download a dataset file to `target` unless it is there already; returns `target`.

    Anonymous, with one request. Raises HubError, also for content with another SHA-256.
    """
    if target.is_file() and _sha256(target.read_bytes()) == file.sha256:
        return target
    url = hf_hub_url(file.repo_id, file.path, repo_type="dataset", endpoint=endpoint)
    headers = request_headers(use_token=False)
    content = b""
    with deadline(file.title, timeout_seconds):
        async with (
            get_async_session() as session,
            session.stream("GET", url, headers=headers, follow_redirects=True) as response,
        ):
            hf_raise_for_status(response)
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > file.n_bytes:
                    break
    if _sha256(content) != file.sha256:
        raise HubError(file.mismatch_key)
    write_file(target, content)
    return target


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
