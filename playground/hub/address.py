"""Addresses of model repos, as visitors type or paste them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from huggingface_hub import parse_hf_uri
from huggingface_hub.errors import HfUriError

from playground.errors import InvalidInput

ADDRESS_MAX = 500  # characters
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"(?!.*\.\.)\w[\w./+-]{0,199}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """A model repo and a revision of it.

    repo_id: `owner/name`. revision: a branch, a tag or a commit; None is the main branch.
    """

    repo_id: str
    revision: str | None = None

    @property
    def commit(self) -> str | None:
        """The revision if it is a full commit hash, else None. A commit is immutable."""
        return self.revision if _COMMIT.fullmatch(self.revision or "") else None

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}" if self.revision else self.repo_id


def parse_address(text: str, revision: str | None, endpoint: str) -> Address:
    """Parse `owner/name`, `owner/name@revision`, or the URL of a repo's page.

    revision: given beside the text; may repeat the text's, not contradict it.
    endpoint: the Hub whose URLs are accepted, besides those of huggingface.co.
    Raises InvalidInput.
    """
    text = text.strip()
    if len(text) > ADDRESS_MAX:
        raise InvalidInput("hub_errors.address_too_long")
    if text.lower().startswith(_url_prefixes(endpoint)):
        text = f"https://{text}"  # browsers show URLs without their scheme
    is_url = "://" in text
    location, _, suffix = (text, "", "") if is_url else text.partition("@")
    try:
        uri = parse_hf_uri(
            location.replace("/commit/", "/tree/", 1) if is_url else f"hf://{location}",
            endpoint=endpoint,
        )
    except HfUriError:
        raise InvalidInput("hub_errors.no_address") from None
    if uri.type != "model":
        raise InvalidInput("hub_errors.no_model", type=uri.type)
    if uri.path_in_repo and not is_url:
        raise InvalidInput("hub_errors.no_address")
    return Address(uri.id, _merge_revisions(suffix or uri.revision, (revision or "").strip()))


def _merge_revisions(in_text: str | None, given: str | None) -> str | None:
    """Combine the revisions of a text and of an argument. Raises InvalidInput if they differ."""
    if in_text and given and in_text != given:
        raise InvalidInput("hub_errors.revisions_differ", named=in_text, told=given)
    revision = given or in_text or None
    if revision is not None and not _REVISION.fullmatch(revision):
        raise InvalidInput("hub_errors.no_revision")
    return revision


def parse_session_id(session_id: str) -> Address | None:
    """Parse the id of a Hub session, `owner/name@<commit>`; None for the id of any other."""
    try:
        uri = parse_hf_uri(f"hf://models/{session_id}")
    except HfUriError:
        return None
    address = Address(uri.id, uri.revision)
    return address if address.commit and str(address) == session_id else None


def _url_prefixes(endpoint: str) -> tuple[str, ...]:
    """Prefixes of a Hub URL without its scheme."""
    return "huggingface.co/", "hf.co/", endpoint.split("://")[-1] + "/"
