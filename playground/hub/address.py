"""Addresses of model repos, as visitors type or paste them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from huggingface_hub import parse_hf_uri
from huggingface_hub.constants import HF_URI_TYPE_PREFIXES
from huggingface_hub.errors import HfUriError

from playground.errors import InvalidInput

ADDRESS_MAX = 500  # characters
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"(?!.*\.\.)\w[\w./+-]{0,199}", re.ASCII)

# What stands around an address pasted out of a sentence, of Markdown or of HTML. The ranges are of
# punctuation: general, CJK, full-width.
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff]")
_AROUND = r"""\s"'<>()\[\]{}`*|~\u00ab\u00bb\u2010-\u205e\u3000-\u303f\uff01-\uff0f\uff1a-\uff20"""
_START, _END = re.compile(rf"^[{_AROUND}]+"), re.compile(rf"[{_AROUND}.,;:!?]+$")
_BEFORE_URL = rf"(?:^|(?<=[{_AROUND}=]))(?:https?(?::/{{0,2}}|//)|//)?(?:www\.)?"
_ROUTE = re.compile(r"[\w.-]+/[\w.-]+/(tree|blob|resolve|raw|blame|commit)/.+")
_NAME = re.compile(r"[\w.-]+")
_HOSTS = "huggingface.co", "hf.co"


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
    if len(text.strip()) > ADDRESS_MAX:
        raise InvalidInput("hub_errors.address_too_long")
    text = _normalize(text, endpoint)
    is_url = "://" in text
    location, _, suffix = (text, "", "") if is_url else text.partition("@")
    try:
        uri = parse_hf_uri(
            location.replace("/commit/", "/tree/", 1) if is_url else f"hf://{location}",
            endpoint=endpoint,
        )
    except HfUriError:
        raise _no_address(text, endpoint) from None
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


def _normalize(text: str, endpoint: str) -> str:
    """An address alone: without what was pasted with it, and a URL with its scheme.

    Only removes what no address has, and the text that stands around the one URL of a Hub's page.
    """
    text = _INVISIBLE.sub("", text)
    if "/" not in text:
        text = unquote(text)  # encoded as a part of another address
    hosts = *_HOSTS, endpoint.split("://")[-1].rstrip("/")
    url = f"{_BEFORE_URL}((?:{'|'.join(map(re.escape, hosts))})(?:/[^{_AROUND}]*)?)(?![\\w.-])"
    found = {_trim(one) for one in re.findall(url, text, re.IGNORECASE)}
    if len(found) == 1:
        return f"https://{found.pop()}"
    bare = _trim(re.sub(r"[ \t]*([/@])[ \t]*", r"\1", text)).lstrip("/")
    return f"https://{_HOSTS[0]}/{bare}" if _ROUTE.fullmatch(bare) else bare


def _trim(text: str) -> str:
    """Without the punctuation around it; no repo may be called anything.git."""
    return _END.sub("", _START.sub("", text)).removesuffix(".git")


def _no_address(text: str, endpoint: str) -> InvalidInput:
    """What is wrong with a text that is no address."""
    try:
        url = urlsplit(text if "://" in text else "")
    except ValueError:
        return InvalidInput("hub_errors.no_address")
    if url.hostname and url.hostname not in (*_HOSTS, urlsplit(endpoint).hostname):
        return InvalidInput("hub_errors.other_site", host=url.hostname)
    name = url.path.strip("/") if url.hostname else text
    if not _NAME.fullmatch(name) or name in HF_URI_TYPE_PREFIXES:
        return InvalidInput("hub_errors.no_address")
    return InvalidInput("hub_errors.no_name" if url.hostname else "hub_errors.no_owner", name=name)
