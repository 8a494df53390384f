"""Addresses of repos, as they are typed and pasted."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


AROUND = [
    "{}.", "{},", "{})", "({})", "<{}>", "“{}”", "„{}“", "'{}'", '"{}".', "`{}`", "**{}**", "[{}]",
    "[tiny]({})", '[tiny]({} "A model")', "[tiny](<{}>)", "\u200b{}\u200b", " {}\u00a0", "{}！",
]  # fmt: skip
URLS = [
    "https://huggingface.co/ada/tiny", "https:/huggingface.co/ada/tiny", "//hf.co/ada/tiny",
    "https:huggingface.co/ada/tiny", "https//huggingface.co/ada/tiny", "www.hf.co/ada/tiny",
    "https://www.huggingface.co/ada/tiny/", "https://hf.co/ada/tiny?library=x&amp;utm_source=y",
    "HTTPS://HuggingFace.co/ada/tiny#card", "https://huggingface.co/ada/tiny.git",
    "https%3A%2F%2Fhuggingface.co%2Fada%2Ftiny", "http://hub.test:81/ada/tiny?x=1",
]  # fmt: skip
AROUND_URLS = [
    '<a href="{}">tiny</a>', "git clone {}", "It is here: {}, and small.", "[{0}]({0})", "url={}",
]  # fmt: skip


def parsed(typed):
    return parse_address(typed, None, "http://hub.test:81")


@pytest.mark.parametrize("around", ["{}", *AROUND])
def test_what_stands_around_an_address_is_no_part_of_it(around):
    for name, revision in (("ada/tiny", None), ("ada/tiny@v1.0", "v1.0"), ("ada%2Ftiny", None)):
        if around.startswith("[tiny]"):
            continue  # a target in Markdown is a URL
        assert parsed(around.format(name)) == Address("ada/tiny", revision)
    for url in URLS:
        assert parsed(around.format(url)) == Address("ada/tiny"), url


@pytest.mark.parametrize("around", AROUND_URLS)
def test_the_one_url_of_a_text_is_its_address(around):
    assert parsed(around.format("https://hf.co/ada/tiny")) == Address("ada/tiny")
    assert parsed(around.format("https://hf.co/ada/tiny/blob/dev/x.json")) == Address(
        "ada/tiny", "dev"
    )


def test_an_address_is_read_with_spaces_and_without_a_host():
    assert parsed("ada / tiny") == parsed("ada/ tiny\n") == Address("ada/tiny")
    assert parsed("ada/tiny @ v1") == Address("ada/tiny", "v1")
    assert parsed("ada/tiny/tree/dev") == parsed("/ada/tiny/blob/dev/config.json")


HUB = "https://huggingface.co"


@pytest.mark.parametrize(
    ("typed", "revision"),
    [
        (f"{HUB}/ada/tiny/discussions", None),
        (f"{HUB}/ada/tiny/discussions/3/files", None),
        ("ada/tiny/discussions/3", None),
        (f"{HUB}/ada/tiny/colab", None),
        (f"{HUB}/ada/tiny/activity/all", None),
        (f"{HUB}/ada/tiny/commits/main", "main"),
        (f"{HUB}/ada/tiny/edit/main/README.md", "main"),
        (f"{HUB}/ada/tiny/tree/feature/new-head", "feature/new-head"),
        (f"{HUB}/ada/tiny/tree/refs/pr/1", "refs/pr/1"),
        (f"{HUB}/ada/tiny/tree/main/checkpoints", "main"),
        (f"{HUB}/ada/tiny/tree/{'a' * 40}/checkpoints/", "a" * 40),
        (f"{HUB}/api/models/ada/tiny", None),
        (f"{HUB}/api/models/ada/tiny/revision/v1", "v1"),
        (f"{HUB}/ada%2Ftiny", None),
        (f"{HUB}:443/ada/tiny", None),
        (f"{HUB}/ada/tiny%20", None),
        ("https:&#x2F;&#x2F;huggingface.co&#x2F;ada&#x2F;tiny", None),
        ("git@hf.co:ada/tiny.git", None),
        ("ssh://git@hf.co/ada/tiny", None),
        ("git clone git@hf.co:ada/tiny", None),
        ("hf.co/ada/tiny:Q4_K_M", None),
        ("ollama run hf.co/ada/tiny:Q4_K_M", None),
        ("hf download ada/tiny config.json", None),
        ("huggingface-cli download ada/tiny --revision v2", "v2"),
        ('AutoModel.from_pretrained("ada/tiny")', None),
        ("model = GPT2.from_pretrained('ada/tiny', revision='v2')", "v2"),
        ("pipeline('text-generation', model='ada/tiny')", None),
        ("https://x.hf.space/?model=ada/tiny&step=5&v=1", None),
        ("http://localhost:7860/?model=ada%2Ftiny&revision=v2&v=1", "v2"),
        ("?model=https%3A%2F%2Fhf.co%2Fada%2Ftiny", None),
        ("ada\u00a0/\u00a0tiny", None),
        ("ada\uff0ftiny", None),
        ("ada/ti\u00adny", None),
    ],
)
def test_of_a_page_a_command_or_a_link_the_model_is_read(typed, revision):
    assert parsed(typed) == Address("ada/tiny", revision)


@pytest.mark.parametrize(
    "page",
    ["settings/tokens", "blog/foo", "papers/1", "docs/hub/index", "spaces", "datasets", "settings"],
)
def test_pages_of_the_hub_that_are_no_models_are_called_so(page):
    with pytest.raises(InvalidInput) as told:
        parsed(f"{HUB}/{page}")
    assert f"This is the Hub's page {page.split('/')[0]}, not a model's" in str(told.value)


def test_a_revision_that_a_command_names_may_not_contradict_another():
    with pytest.raises(InvalidInput, match="revision v2, the request says v3"):
        parse_address("hf download ada/tiny --revision v2", "v3", "http://hub")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("tiny.", "Whose model is tiny?"),
        ("https://huggingface.co/ada.", "the page of ada, not of one of their models"),
        ("<https://github.com/ada/tiny>", "github.com is not the Hub"),
        ("https://ada-tiny.hf.space/?model=x", "ada-tiny.hf.space is not the Hub"),
        ("https://hf.co.example/ada/tiny", "hf.co.example is not the Hub"),
        ("https://huggingface.co/models", "A model's address is owner/name"),
        ("https://hf.co/ada/tiny or https://hf.co/ada/small", "A model's address is owner/name"),
        ("https://[bad/owner/name", "A model's address is owner/name"),
        ("http://[owner/name]", "A model's address is owner/name"),
        ("http://[", "A model's address is owner/name"),
    ],
)
def test_of_what_is_no_address_is_told_why(typed, sentence):
    with pytest.raises(InvalidInput) as told:
        parsed(typed)
    assert sentence in str(told.value)


@given(st.text(max_size=60))
def test_of_any_text_nothing_is_read_that_it_does_not_hold(typed):
    try:
        address = parsed(typed)
    except InvalidInput:
        return
    for part in [*address.repo_id.split("/"), *([address.revision] if address.revision else [])]:
        assert part in unquote(typed)


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
