"""What a visitor types or pastes to name a model repo."""

from __future__ import annotations

import re
from dataclasses import dataclass

from huggingface_hub import parse_hf_uri
from huggingface_hub.errors import HfUriError

from playground.errors import InvalidInput

ADDRESS_MAX = 500
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"(?!.*\.\.)\w[\w./+-]{0,199}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """A model repo `owner/name`, and a branch, tag or commit of it; None is its main branch."""

    repo_id: str
    revision: str | None = None

    @property
    def commit(self) -> str | None:
        """The revision where it is a whole commit: what it names then never changes."""
        return self.revision if _COMMIT.fullmatch(self.revision or "") else None

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}" if self.revision else self.repo_id


def parse_address(text: str, revision: str | None, endpoint: str) -> Address:
    """`owner/name`, `owner/name@revision`, or an address pasted from a browser.

    endpoint: the Hub whose pages are understood, besides those of huggingface.co.
    Raises InvalidInput: for no such thing, and where `revision` contradicts the text.
    """
    text = text.strip()
    if len(text) > ADDRESS_MAX:
        raise InvalidInput("hub_errors.address_too_long")
    if text.lower().startswith(_hosts(endpoint)):
        text = f"https://{text}"  # what a browser's address bar shows
    is_page = "://" in text
    plain, _, named = (text, "", "") if is_page else text.partition("@")
    try:
        found = parse_hf_uri(
            plain.replace("/commit/", "/tree/", 1) if is_page else f"hf://{plain}",
            endpoint=endpoint,
        )
    except HfUriError:
        raise InvalidInput("hub_errors.no_address") from None
    if found.type != "model":
        raise InvalidInput("hub_errors.no_model", type=found.type)
    if found.path_in_repo and not is_page:
        raise InvalidInput("hub_errors.no_address")
    return Address(found.id, _agreed(named or found.revision, (revision or "").strip() or None))


def _agreed(named: str | None, told: str | None) -> str | None:
    """The revision, out of the address and beside it."""
    if named and told and named != told:
        raise InvalidInput("hub_errors.revisions_differ", named=named, told=told)
    revision = told or named
    if revision is not None and not _REVISION.fullmatch(revision):
        raise InvalidInput("hub_errors.no_revision")
    return revision


def parse_session_id(session_id: str) -> Address | None:
    """The address of a session from the Hub, `owner/name@<commit>`; None for any other session."""
    try:
        uri = parse_hf_uri(f"hf://models/{session_id}")
    except HfUriError:
        return None
    address = Address(uri.id, uri.revision)
    return address if address.commit and str(address) == session_id else None


def _hosts(endpoint: str) -> tuple[str, ...]:
    """How an address starts that was pasted without its https://."""
    return "huggingface.co/", "hf.co/", endpoint.split("://")[-1] + "/"
