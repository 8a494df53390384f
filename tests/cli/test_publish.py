import json
import shutil

import huggingface_hub
import pytest

from playground.checkpoints.folder import read_run
from playground.checkpoints.schema import INDEX, WEIGHTS
from playground.cli.publish import main, model_card, model_url
from tests.checkpoints.gpt2 import draw, files_with
from tests.hub.fake_hub import TOKEN, FakeHub, files_of

REPO = "ada/tiny"
STEP_50 = f"checkpoints/step-000050/{WEIGHTS}"


@pytest.fixture
def hub():
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def folder(tmp_path, write_model):
    write_model(tmp_path / "tiny")
    (tmp_path / "tiny" / "README.md").write_text("---\nlicense: cc0-1.0\n---\n# Tiny\n")
    (tmp_path / "tiny" / "notes.txt").write_text("not of the layout")
    return tmp_path / "tiny"


@pytest.fixture
def publish(hub, folder, monkeypatch, capsys):
    """`publish("--private")`: the command's exit code, and what it printed."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    monkeypatch.delenv("SPACE_ID", raising=False)

    def run(*arguments, repo=REPO):
        code = main([str(folder), repo, "--endpoint", hub.endpoint, *arguments])
        told = capsys.readouterr()
        return code, told.err if code else told.out

    return run


def test_the_layout_goes_up_in_one_commit(publish, hub, folder):
    code, told = publish()
    assert code == 0
    assert f"{hub.endpoint}/{REPO}\n" in told
    assert f"http://127.0.0.1:7860?model={REPO}\n" in told
    there = hub.repos[REPO].files("main")[1]
    here = files_of(folder)
    assert there.keys() == here.keys() - {"notes.txt"} | {".gitattributes"}
    for name in there.keys() - {"README.md", ".gitattributes"}:
        assert there[name] == here[name]
    assert hub.asked("POST .*/commit/") == 1
    assert not hub.repos[REPO].private


def test_the_card_is_how_the_playground_finds_it(publish, hub):
    publish()
    card = huggingface_hub.ModelCard(hub.repos[REPO].files("main")[1]["README.md"].decode())
    assert card.data.license == "cc0-1.0"
    assert card.data.library_name == "token-playground"
    assert card.data.pipeline_tag == "text-generation"
    assert card.data.tags == ["char-level", "token-playground"]
    assert card.text.strip() == "# Tiny"


def test_publishing_again_replaces_the_steps_and_keeps_the_rest(publish, hub, folder):
    publish()
    files = hub.repos[REPO].files("main")[1] | {"demo.gif": b"x"}
    hub.commit(REPO, files)
    entries = [e for e in json.loads((folder / INDEX).read_text()) if e["path"] != STEP_50]
    (folder / INDEX).write_text(json.dumps(entries))
    assert publish()[0] == 0
    assert hub.repos[REPO].files("main")[1].keys() == files.keys() - {STEP_50}


def test_a_private_repo(publish, hub):
    assert publish("--private")[0] == 0
    assert hub.repos[REPO].private


def test_a_folder_that_would_be_refused_is_not_sent(publish, hub, folder):
    (folder / STEP_50).write_bytes(b"x" * 10)
    code, told = publish()
    assert code == 2
    assert told.startswith(f"Not published: {STEP_50} has 10 bytes")
    (folder / "config.json").unlink()
    assert publish() == (2, "Not published: config.json is missing\n")
    assert hub.log == []


def test_a_folder_of_nanogpt_is_not_sent_and_says_how_it_is_published(publish, hub, folder):
    shutil.rmtree(folder)
    folder.mkdir()
    for name, content in files_with(draw(bias=True)).items():
        (folder / name).write_bytes(content)
    code, told = publish()
    assert code == 2
    assert f"upload it with `hf upload owner/name {folder}`" in told
    assert hub.log == []


@pytest.mark.parametrize(
    "repo", ["tiny", "ada/tiny@v1", "https://huggingface.co/ada/tiny", "a/../b"]
)
def test_what_is_no_repo_is_refused(repo, publish, hub):
    code, told = publish(repo=repo)
    assert code == 2
    assert told.startswith("Not published: ")
    assert hub.log == []


def test_without_a_token(publish, hub, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    code, told = publish()
    assert code == 2
    assert "hf auth login" in told
    assert hub.log == []


def test_a_token_that_may_not(publish, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    assert publish() == (2, f"Not published: your token may not write to {REPO}\n")


def test_a_failing_hub_is_a_sentence(publish, hub):
    hub.fail("POST", "/commit/", status=400)
    code, told = publish()
    assert code == 2
    assert told.startswith("Not published: The Hub refused")
    assert told.count("\n") == 1


def test_a_model_needs_a_licence(publish, hub, folder):
    (folder / "README.md").write_text("# Tiny\n")
    code, told = publish()
    assert code == 2
    assert "licence" in told
    (folder / "README.md").unlink()
    assert publish("--license", "mit")[0] == 0
    card = hub.repos[REPO].files("main")[1]["README.md"].decode()
    assert "license: mit" in card
    assert "# tiny" in card


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        (
            "---\ntitle: My model: the best\n---\n",
            "is not valid YAML (line 2); a value with a colon",
        ),
        ("---\nlicense: [mit\n---\n", "is not valid YAML"),
        ("---\nlicense: mit\n\ttags: x\n---\n", "is not valid YAML (line 3)"),
        ("---\nlicense: mit\n\ttags: x\n---\n", "(line 3); take spaces instead of the tab"),
        ("---\n\tlicense: mit\n---\n", "(line 2); take spaces instead of the tab"),
        (
            '---\ntitle: "My model\nlicense: mit\n---\n',
            "is not valid YAML (line 2); a quotation mark that is opened here is never closed",
        ),
        ("---\nlicense: 5\n---\n", "license must be a word, such as mit"),
        ("---\nlicense: [mit, {a: b}]\n---\n", "license must be a word, such as mit"),
        ("---\n- mit\n---\n", "is no model card's"),
        ("---\n1: mit\n---\n", "is no model card's"),
        ("---\nlicense: mit\ntags: 5\n---\n", "is no model card's"),
        ("---\nlicense: mit\nmodel-index: 5\n---\n", "is no model card's"),
        ("---\nlicense: mit\n", "has no end"),
        ("---\ntags:\n- {a: b}\n---\n", "tags must be a list of words"),
        ("---\nlicense: mit\ntags: 5\n---\n", "tags must be a list of words"),
        ("---\n5: 6\n---\n", "each with the name of a field"),
        (f"---\na: {'[' * 2000}{']' * 2000}\n---\n", "lie too deep inside each other"),
        ("---\na: !!timestamp x\n---\n", "is not what its !!tag says"),
        ("---\ndate: 2024-99-99\n---\n", "a value in it cannot be: month must be in 1..12"),
        ("---\nmodel-index:\n- name: x\n---\n", "its model-index is not as the Hub describes one"),
        ("---\na: *x\n---\n", "is not valid YAML (line 2)\n"),
        ("---\nlicense:\n---\n", "names no licence"),
        (b"---\nlicense: m\xeft\n---\n", "not a text in UTF-8 (byte 14)"),
        (None, "README.md cannot be read: Is a directory"),
    ],
)
def test_a_card_that_is_none(publish, hub, folder, card, sentence):
    readme = folder / "README.md"
    readme.unlink()
    if card is None:
        readme.mkdir()
    else:
        readme.write_bytes(card.encode() if isinstance(card, str) else card)
    code, told = publish()
    assert code == 2
    assert told.startswith("Not published: ")
    assert sentence in told
    assert told.count("\n") == 1
    assert hub.log == []


@pytest.mark.parametrize(
    ("readme", "text"),
    [
        ("---\n---\n# Tiny\n", "# Tiny"),
        ("--- \nlicense: apache-2.0\n--- \n# Tiny\n", "# Tiny"),
        ("----\n# Tiny\n", "----\n# Tiny"),
        ("---\ntags: verse\n---\n# Tiny\n", "# Tiny"),
    ],
)
def test_front_matter_may_be_empty_or_none_and_end_in_spaces(folder, readme, text):
    (folder / "README.md").write_text(readme)
    card = model_card(read_run(folder), "mit")
    assert (card.text.strip(), card.data.license) == (text, "mit")
    more = ["verse"] if "verse" in readme else []
    assert card.data.tags == [*more, "char-level", "token-playground"]


@pytest.mark.parametrize("endpoint", ["foo", "huggingface.co", "ftp://hub.test", "http://"])
def test_an_endpoint_that_is_no_address_is_told_as_such(publish, endpoint):
    told = publish("--endpoint", endpoint)[1]
    assert told.startswith(f"Not published: --endpoint {endpoint} is not the address of a Hub")


def test_an_empty_licence_is_not_left_out_silently(publish, hub):
    code, told = publish("--license", "")
    assert (code, told.startswith("Not published: --license is empty")) == (2, True)
    assert hub.log == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 503])
@pytest.mark.parametrize("path", ["/repos/create", "/validate-yaml", "/commit/"])
def test_whatever_a_refusing_hub_answers_is_one_line(publish, hub, path, status):
    hub.fail("POST", path, status=status)
    code, told = publish()
    assert code in (0, 2)  # a repo that is there already is no error
    assert code == 0 or told.startswith("Not published: ")
    assert code == 0 or told.count("\n") == 1


def test_a_hub_that_is_not_there_or_not_an_address(publish, hub, monkeypatch):
    for endpoint in ("http://127.0.0.1:9", "nonsense", "http://", "ftp://hub.test"):
        code, told = publish("--endpoint", endpoint)
        assert code == 2, told
        assert told.startswith("Not published: ")
        assert told.count("\n") == 1
    monkeypatch.setenv("HF_TOKEN", "hf_tökén")
    assert publish()[1].startswith("Not published: the token has characters")
    assert hub.log == []


def test_the_tags_of_a_card_stay(folder):
    (folder / "README.md").write_text("---\nlicense: mit\ntags: [verse]\nlanguage: en\n---\nbody\n")
    card = model_card(read_run(folder))
    assert card.data.tags == ["verse", "char-level", "token-playground"]
    assert card.data.language == "en"


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ("ada/play", "https://hf.co/spaces/ada/play?model=a/b"),
        ("https://ada-play.hf.space/", "https://ada-play.hf.space?model=a/b"),
        ("http://127.0.0.1:7860", "http://127.0.0.1:7860?model=a/b"),
    ],
)
def test_the_link_that_opens_it(space, expected):
    assert model_url(space, "a/b", "https://hf.co") == expected


def test_a_model_of_word_pieces_goes_up_with_its_tokenizer(
    publish, hub, folder, write_model, word_pieces
):
    shutil.rmtree(folder)
    write_model(folder, tokenizer=word_pieces)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Pieces\n")
    assert publish()[0] == 0
    there = hub.repos[REPO].files("main")[1]
    assert there["tokenizer.json"] == word_pieces.content
    assert "vocab.json" not in there
    tags = huggingface_hub.ModelCard(there["README.md"].decode()).data.tags
    assert "subword" in tags
    assert "char-level" not in tags
