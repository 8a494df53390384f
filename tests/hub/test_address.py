"""Addresses of repos, as they are typed and pasted."""

import pytest

from playground.errors import InvalidInput
from playground.hub.address import Address, parse_address, parse_session_id
from tests.hub.scenarios import run


@pytest.mark.parametrize(
    ("typed", "repo_id", "revision"),
    [
        ("ada/tiny", "ada/tiny", None),
        ("  ada/tiny\n", "ada/tiny", None),
        ("ada/tiny@v1.0", "ada/tiny", "v1.0"),
        ("ada/tiny@feature/x", "ada/tiny", "feature/x"),
        ("hf://ada/tiny@v1", "ada/tiny", "v1"),
        ("https://huggingface.co/ada/tiny", "ada/tiny", None),
        ("https://huggingface.co/ada/tiny/", "ada/tiny", None),
        ("huggingface.co/ada/tiny", "ada/tiny", None),
        ("https://hf.co/ada/tiny/tree/dev", "ada/tiny", "dev"),
        ("https://huggingface.co/ada/tiny/tree/refs%2Fpr%2F1", "ada/tiny", "refs/pr/1"),
        ("https://huggingface.co/ada/tiny/blob/main/config.json?x=1#L3", "ada/tiny", "main"),
        ("https://huggingface.co/ada/tiny/commit/" + "a" * 40, "ada/tiny", "a" * 40),
        ("http://hub.test:81/ada/tiny/tree/dev", "ada/tiny", "dev"),
        ("hub.test:81/ada/tiny", "ada/tiny", None),
    ],
)
def test_addresses_as_they_are_typed_and_pasted(typed, repo_id, revision):
    assert parse_address(typed, None, "http://hub.test:81") == Address(repo_id, revision)


@pytest.mark.parametrize(
    "typed",
    [
        "", "tiny", "/", "a/b/c", "ada/..", "../tiny", "ada/ti ny", "ada/tiny\0", "ada/<b>",
        "a--b/c", "https://example.com/ada/tiny", "file:///etc/passwd", "javascript:alert(1)",
        "ada/tiny@../../x", "ada/tiny@-x", "ada/tiny@x y", "ada/tiny@main\n--upload", "a" * 600,
        "https://huggingface.co/datasets/ada/tiny", "https://huggingface.co/spaces/ada/tiny",
        "https://huggingface.co/ada/tiny/settings", "https://huggingface.co/ada",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_a_request(typed, settings, hub):
    async def scenario(service):
        with pytest.raises(InvalidInput):
            await service.load_from_hub(typed)

    run(settings, scenario)
    assert hub.log == []


def test_a_revision_beside_the_address():
    assert parse_address("a/b", " v1 ", "http://hub") == Address("a/b", "v1")
    assert parse_address("a/b@v1", "v1", "http://hub") == Address("a/b", "v1")
    assert parse_address("a/b", "", "http://hub") == Address("a/b", None)
    with pytest.raises(InvalidInput, match="revision v1, the request says v2"):
        parse_address("a/b@v1", "v2", "http://hub")


def test_only_a_whole_commit_is_a_session_id():
    commit = "0123456789" * 4
    assert parse_session_id(f"a/b@{commit}") == Address("a/b", commit)
    for other in (
        "plain",
        "a/b",
        "a/b@main",
        f"a/b@{'A' * 40}",
        f"hf://a/b@{commit}",
        "../b@" + commit,
    ):
        assert parse_session_id(other) is None
