"""Addresses of model repos, as visitors type or paste them."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from huggingface_hub import parse_hf_uri
from huggingface_hub.constants import HF_URI_TYPE_PREFIXES
from huggingface_hub.errors import HfUriError

from playground.errors import InvalidInput

ADDRESS_MAX = 500  # characters
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"(?!.*\.\.)\w[\w./+-]{0,199}", re.ASCII)

# What stands around an address pasted out of a sentence, of Markdown or of HTML. The ranges are of
# punctuation: general, CJK, full-width.
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")
_SLASHES = str.maketrans("\uff0f\u2215\u2044", "///")
_AROUND = r"""\s"'<>()\[\]{}`*|~\u00ab\u00bb\u2010-\u205e\u3000-\u303f\uff01-\uff0f\uff1a-\uff20"""
_START = re.compile(rf"^[{_AROUND}]+")
_END = re.compile(rf"(?:[{_AROUND}.,;:!?]|%20)+$", re.IGNORECASE)
_BEFORE_URL = rf"(?:^|(?<=[{_AROUND}=]))(?:https?(?::/{{0,2}}|//)|//)?(?:www\.)?"
_SSH = re.compile(rf"(?:ssh://)?git@([^/:{_AROUND}]+)[/:]")
# A command, a line of Python, and the link of a moment name a model and its revision alike.
_VALUE = r"""[^"'&#,()\s]"""
_MODEL_NAMED = re.compile(
    r"(?:\b(?:hf|huggingface-cli)\s+download\s|\bfrom_pretrained\(|\bmodel\s*=)"
    rf"""\s*["']?({_VALUE}+(?:/|%2F){_VALUE}+)""",
    re.IGNORECASE,
)
_REVISION_NAMED = re.compile(rf"""\brevision\s*[=\s]\s*["']?({_VALUE}+)""")

_REPO = r"[\w.-]+/[\w.-]+"
_OF_REVISION, _OF_FILE = ("tree", "commit", "commits", "revision"), ("edit",)
_OF_REPO = "discussions", "colab", "activity"  # pages that show no revision
_FILE_ROUTES = "blob", "resolve", "raw", "blame"  # as huggingface_hub reads them
_ROUTES = "|".join((*_OF_REVISION, *_OF_FILE, *_OF_REPO, *_FILE_ROUTES))
_ROUTE = re.compile(rf"({_REPO})/({_ROUTES})(?:/(.*))?")
_NAME = re.compile(r"[\w.-]+")
# What stands in a page's address where a model's has its owner.
_PAGES = frozenset({
    "blog", "chat", "collections", "docs", "enterprise", "inference", "join", "learn", "login",
    "new", "notifications", "organizations", "papers", "posts", "pricing", "search", "settings",
    "tasks",
})  # fmt: skip
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
    text, named = _named(_INVISIBLE.sub("", html.unescape(text)).translate(_SLASHES))
    text = _normalize(text, endpoint)
    is_url = "://" in text
    location, _, suffix = (text, "", "") if is_url else text.partition("@")
    try:
        uri = parse_hf_uri(text if is_url else f"hf://{location}", endpoint=endpoint)
    except (HfUriError, ValueError):  # the latter is urlsplit's
        raise _no_address(text, endpoint) from None
    if uri.type != "model":
        raise InvalidInput("hub_errors.no_model", type=uri.type)
    if is_url and (page := uri.id.split("/")[0]) in _PAGES:
        raise InvalidInput("hub_errors.other_page", page=page)
    if uri.path_in_repo and not is_url:
        raise InvalidInput("hub_errors.no_address")
    in_text = _merge_revisions(suffix or uri.revision, named)
    return Address(uri.id, _merge_revisions(in_text, (revision or "").strip()))


def _named(text: str) -> tuple[str, str | None]:
    """The address that a command or a link names, with its revision; else the text itself."""
    found = _MODEL_NAMED.search(text)
    if found is None:
        return text, None
    revision = _REVISION_NAMED.search(text)
    return unquote(found[1]), unquote(revision[1]) if revision else None


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
    if "/" not in text:
        text = unquote(text)  # encoded as a part of another address
    text = _SSH.sub(r"https://\1/", text)
    hosts = *_HOSTS, endpoint.split("://")[-1].rstrip("/")
    host = f"({'|'.join(map(re.escape, hosts))})(?::443)?"
    url = f"{_BEFORE_URL}{host}((?:/[^{_AROUND}]*)?)(?![\\w.-])"
    urls = re.findall(url, text, re.IGNORECASE)
    found = {f"https://{site}{_page(_trim(path))}" for site, path in urls}
    if len(found) == 1:
        return found.pop()
    bare = _trim(re.sub(r"[^\S\r\n]*([/@])[^\S\r\n]*", r"\1", text)).lstrip("/")
    return f"https://{_HOSTS[0]}{_page(f'/{bare}')}" if _ROUTE.fullmatch(bare) else bare


def _page(path: str) -> str:
    """The path of a Hub's page, as huggingface_hub reads one: of a repo, or of a revision of it.

    A revision may have slashes in its name. Where the first part is a revision for sure, a folder
    follows.
    """
    path = re.split(r"[?#]", path)[0].strip("/").removeprefix("api/models/")
    path = re.sub(r"^([\w.-]+)%2F", r"\1/", path, flags=re.IGNORECASE)
    path = re.sub(rf"^({_REPO}):[\w.-]+$", r"\1", path)  # a quantization, as ollama names it
    if (found := _ROUTE.fullmatch(path)) is None:
        return f"/{path}"
    repo, route, rest = found[1], found[2], found[3] or ""
    if route in _OF_REVISION:
        first = rest.split("/")[0]
        is_sure = first == "main" or _COMMIT.fullmatch(first)
        rest = quote(unquote(first if is_sure else rest.strip("/")), safe="")
        route = "tree"
    elif route in _OF_FILE:
        route = "blob"
    return f"/{repo}" if route in _OF_REPO or not rest else f"/{repo}/{route}/{rest}"


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
    page = name.split("/")[0] if url.hostname else ""
    if page != "models" and page in _PAGES | HF_URI_TYPE_PREFIXES.keys():
        return InvalidInput("hub_errors.other_page", page=page)
    if not _NAME.fullmatch(name) or name in HF_URI_TYPE_PREFIXES:
        return InvalidInput("hub_errors.no_address")
    return InvalidInput("hub_errors.no_name" if url.hostname else "hub_errors.no_owner", name=name)
