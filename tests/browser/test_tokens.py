"""A model whose tokens are pieces of words, on the page: it plays as the API says."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from playground.lm.tokenizer import text_of_bytes
from playground.tokenization.child import _byte_alphabet
from tests.browser import test_keep
from tests.browser.conftest import load_models, serving
from tests.browser.test_links import share
from tests.browser.tour import LANGUAGES
from tests.hub.fake_hub import FakeHub

pytest.importorskip("transformers")

from tests.inference.pretrained import CONFIGS, reference, save, tokenizer

PROMPT = "the house of the mouse"


@pytest.fixture(scope="module")
def pieces(models, tmp_path_factory):
    """A server with a small GPT-2 of random weights, and a tokenizer of its own, beside `plain`."""
    folder = tmp_path_factory.mktemp("pieces")
    shutil.copytree(models / "plain", folder / "plain")
    (folder / "pieces").mkdir()
    save("gpt2", folder / "pieces")
    with serving(folder) as (address, _):
        load_models(address, "pieces")
        yield address


def test_it_writes_what_the_api_writes(visit, pieces):
    page = visit(at=pieces, query=f"&model=pieces&prompt={PROMPT.replace(' ', '+')}&pick=top&v=1")
    expect(page.drawer.locator(".model__line")).to_contain_text("pieces")
    n_tokens = len(tokenizer().encode(PROMPT).ids)
    expect(page.drawer.locator(".counter")).to_have_text(f"22 characters, {n_tokens} of 12 tokens")
    expect(page.drawer.locator(".vocabulary-size")).to_be_hidden()
    body = {"session_id": "pieces", "context": PROMPT, "temperature": 0}
    steps = page.ask("generate", n=6, **body)["steps"]
    for step in steps:
        expect(page.pick).to_have_attribute("data-token", step["token"])
        page.button("Step").click()
        page.ready()
    written = b"".join(content(step) for step in steps)
    assert text_of_bytes(written) != "".join(step["token"] for step in steps)  # halves are joined
    page.shows(PROMPT + text_of_bytes(written))
    ids = [step["token_id"] for step in steps]
    candidates = page.ask("generate-next-token", context_ids=ids, **body)["probabilities"]
    link = share(page)
    assert link.endswith("&v=2")
    other = visit(at=pieces, query="&" + link.partition("?")[2])
    other.shows(page.text())
    odds = "[...document.querySelectorAll('[data-token]')].map((row) => row.ariaLabel)"
    page.page.keyboard.press("Escape")
    assert other.page.evaluate(odds) == page.page.evaluate(odds)
    other.output.focus()
    other.page.keyboard.press("ArrowLeft")  # the last token, of several characters
    expect(other.pick).to_have_attribute("data-token", steps[-1]["token"])
    text = page.text()
    page.options.nth(1).click()
    page.shows(PROMPT + text_of_bytes(written + content(candidates[1])))
    page.ready()
    page.button("Undo").click()
    page.shows(text)


@pytest.fixture(scope="module")
def architectures(models, tmp_path_factory):
    """A server, and the library's models of every architecture that its Hub has."""
    known = {}
    with FakeHub() as hub:
        for name in CONFIGS:
            folder = tmp_path_factory.mktemp(name)
            known[name] = save(name, folder)
            hub.publish(f"ada/{name}", folder)
        cache = str(tmp_path_factory.mktemp("cache"))
        environ = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "", "PLAYGROUND_HUB_CACHE_DIR": cache}
        with serving(models, PLAYGROUND_HUB_SECONDS="60", **environ) as (address, _):
            yield address, known


@pytest.mark.parametrize("name", CONFIGS)
def test_every_architecture_is_opened_by_its_address_and_played(visit, architectures, name):
    address, known = architectures
    query = f"&model=ada/{name}&prompt={PROMPT.replace(' ', '+')}&pick=top&v=1"
    page = visit(at=address, query=query, wait=False)
    expect(page.drawer.locator(".model__line")).to_contain_text(name, timeout=60_000)
    page.ready()
    ids, window = tokenizer().encode(PROMPT).ids, 1024 if name == "bloom" else 12
    for _ in range(3):
        probs = reference(known[name], ids, window)[-1]
        ids.append(int(probs.argmax()))
        expect(page.pick).to_have_attribute("data-token", text_of_bytes(bytes_of(ids[-1])))
        odds = re.search(r"([\d.]+) %", page.pick.get_attribute("aria-label"))
        assert float(odds[1]) == pytest.approx(100 * float(probs.max()), abs=0.51)
        page.button("Step").click()
        page.ready()


def content(step):
    return bytes(step["bytes"]) if "bytes" in step else step["token"].encode()


def cells(page):
    return page.drawer.locator(".mirror > .token").all_text_contents()


def counts(page, text, n_tokens):
    said = f"{len(text)} characters, {n_tokens} "
    said += "of 12 tokens" if n_tokens <= 12 else "tokens (last 12 in context)"
    expect(page.drawer.locator(".counter")).to_have_text(said)


def test_a_prompt_is_the_model_s_tokens(visit, pieces):
    """Their places are the library's; keys, counter, undo and branches go by them."""
    page = visit(at=pieces, query="&model=pieces&prompt=the+house&pick=top&v=1")
    text = "the house of 日本’s"
    page.write(text)
    library = tokenizer().encode(text)
    spans = dict.fromkeys(library.offsets)
    length = len(library.ids)
    assert len(spans) < length  # some characters are several tokens
    counts(page, text, length)
    assert cells(page) == [text[start:end] for start, end in spans]
    field, mirror = (page.page.locator(f"#input-text {one}") for one in ("textarea", ".mirror"))
    expect(field).to_have_attribute("aria-describedby", "input-counter")
    heights = [one.evaluate("element => element.scrollHeight") for one in (field, mirror)]
    assert heights[0] == heights[1]

    # Walk: each key one token, halves of a character too; the mark is around the character.
    page.output.focus()
    title = page.drawer.locator(".bars-title__place")
    mark = page.drawer.locator(".output__mark")
    last = {}
    for position in reversed(range(length)):
        page.page.keyboard.press("ArrowLeft")
        piece = library.offsets[position]
        label = " ".join(f"{b:02X}" for b in bytes_of(library.ids[position]))
        if len(text[slice(*piece)].encode()) > 1 and not text[slice(*piece)].isascii():
            expect(title).to_have_text(f"Token {position + 1} of {length}: before “⟨{label}⟩”")
            last.setdefault(piece, mark.bounding_box())
            assert mark.bounding_box() == last[piece]
        else:
            expect(title).to_contain_text(f"Token {position + 1} of {length}: before")
    expect(page.status).to_contain_text("Nothing stands before it")
    expect(page.drawer.locator(".voice")).to_contain_text(f"token 1 of {length}")

    # A token in the middle of a character: the model's odds are those after its ids.
    at = next(i for i in range(1, length) if library.offsets[i] == library.offsets[i - 1])
    for _ in range(at):
        page.page.keyboard.press("ArrowRight")
    page.ready()
    asked = {"session_id": "pieces", "temperature": 0}
    first = text[slice(*library.offsets[0])]
    step = page.ask("generate-next-token", **asked, context=first, context_ids=library.ids[1:at])
    shown = page.options.first
    expect(shown).to_have_attribute("data-token", step["probabilities"][0]["token"])
    shown.click()
    expect(title).to_have_text("")
    page.ready()
    assert "\ufffd" not in page.text()
    page.button("Undo").click()
    page.shows(text)
    counts(page, text, length)
    assert page.input.input_value() == text


def bytes_of(id):
    """Of a token of the byte-level tokenizer."""
    return bytes(_byte_alphabet()[character] for character in tokenizer().id_to_token(id))


@pytest.mark.parametrize("seed", [3, 8, 21])
def test_what_a_model_of_characters_wrote_is_cut_for_one_of_pieces_as_a_link_has_it(
    visit, bundled, seed
):
    start = f"&model=tales&prompt=Once+upon+a+time&pick=sample&seed={seed}&v=1"
    page = visit(at=bundled, query=start)
    for _ in range(11):
        page.button("Step").click()
        page.ready()
    text = page.text()
    page.use("shakespeare-pieces")
    expect(page.drawer.locator(".counter")).to_contain_text("of 64 tokens")
    assert page.text() == text
    tokens = page.ask("tokenize", session_id="shakespeare-pieces", text=text)["tokens"]
    expect(page.drawer.locator(".counter")).to_have_text(
        f"{len(text)} characters, {len(tokens)} of 64 tokens"
    )
    odds = "[...document.querySelectorAll('[data-token]')].map((row) => row.ariaLabel)"
    shown = page.page.evaluate(odds)
    other = visit(at=bundled, query="&" + share(page).partition("?")[2])
    other.shows(text)
    assert other.page.evaluate(odds) == shown
    # Back with the model of characters: it goes on as it would have.
    page.page.keyboard.press("Escape")
    page.use("tales")
    expect(page.drawer.locator(".counter")).to_contain_text(f"{len(text)} ")
    assert page.text() == text


def test_pieces_are_themselves_again_after_a_model_of_characters(visit, bundled):
    page = visit(at=bundled, query="&model=shakespeare-pieces&prompt=The+king&pick=top&v=1")
    for _ in range(8):
        page.button("Step").click()
        page.ready()
    odds = "[...document.querySelectorAll('[data-token]')].map((row) => row.ariaLabel)"
    text, counter = page.text(), page.drawer.locator(".counter").text_content()
    shown, link = page.page.evaluate(odds), share(page)
    page.page.keyboard.press("Escape")
    page.use("tales")
    expect(page.drawer.locator(".counter")).to_contain_text(f"{len(text)} / ")
    page.use("shakespeare-pieces")
    expect(page.drawer.locator(".counter")).to_have_text(counter)
    page.ready()
    assert page.text() == text
    assert page.page.evaluate(odds) == shown
    # Who writes is told by the link as well, and its tokens are.
    assert re.findall("ids=[^&]*", share(page)) == re.findall("ids=[^&]*", link)


def test_python_and_curl_of_pieces_run_as_they_stand(visit, bundled):
    query = "&model=shakespeare-pieces&prompt=The+king&pick=sample&temperature=1.3&seed=5&v=1"
    page = visit(at=bundled, query=query)
    for _ in range(4):
        page.button("Step").click()
        page.ready()
    page.options.nth(3).click()
    page.ready()
    text, pick = page.text(), page.pick.get_attribute("data-token")
    test_keep.keep(page)
    said = test_keep.run_python(test_keep.code(page, "the next token", "Python"))
    assert said.splitlines()[0] == repr(pick)
    assert test_keep.run_python(test_keep.code(page, "the whole text", "Python")) == text + "\n"
    # Another model of characters: none of its requests has tokens that it never wrote.
    page.page.keyboard.press("Escape")
    page.use("tales")
    page.button("Step").click()
    page.ready()
    test_keep.keep(page)
    shown = test_keep.code(page, "the whole text", "Python")
    assert "shakespeare-pieces" not in shown
    assert test_keep.run_python(shown) == page.text() + "\n"


def test_half_a_character_is_no_harm(visit, pieces):
    """It is written, said, kept over a reload and left out of a link."""
    page = visit(at=pieces, query="&model=pieces&prompt=the+house&pick=top&v=1")
    for _ in range(12):
        half = page.bars.locator("[data-token^='⟨']")
        if half.count():
            break
        page.button("Step").click()
        page.ready()
    before = page.text()
    assert "⟨" not in before
    token = half.first.get_attribute("data-token")
    half.first.click()
    page.shows(before + token)
    page.ready()
    expect(page.drawer.locator(".voice")).to_contain_text("bytes " + token.strip("⟨⟩"))
    counter = page.drawer.locator(".counter").text_content()
    page.page.reload()
    page.ready()
    page.shows(before + token)
    expect(page.drawer.locator(".counter")).to_have_text(counter)
    page.button("Share").first.click()
    link = page.page.locator("#share-dialog input[readonly]").first.input_value()
    assert "E2%9F%A8" not in link
    opened = visit(at=pieces, query="&" + link.split("?", 1)[1])
    opened.shows(before)
    expect(opened.drawer.locator(".toast")).to_have_count(0)


def test_write_more_counts_tokens(visit, bundled):
    page = visit(at=bundled, query="&model=shakespeare-pieces&prompt=the+house&pick=top&v=1")
    page.button("Write more").click()
    page.button("10 tokens").click()
    expect(page.output.locator(".generated")).to_have_count(1)


def test_an_emoji_is_itself_in_branches_and_among_kept_texts(visit, pieces):
    prompt = "the house 😀"
    page = visit(at=pieces, query="&model=pieces&prompt=the+house&pick=top&v=1")
    page.write(prompt)
    page.button("Step").click()
    page.ready()
    page.button("Explore").click()
    row = page.page.locator(".branch").first
    expect(row.locator(".branch__typed")).to_have_text(prompt)
    page.page.get_by_role("tab", name="Keep it").click()
    page.page.locator(".keep__add").click()
    written = [[0, text_of_bytes(bytes([byte])), [byte]] for byte in "😀".encode()]
    page.page.evaluate(
        """written => {
          const kept = JSON.parse(localStorage.getItem("token-playground.kept"));
          Object.assign(kept.texts[0].trace, { tokens: written, by: written.map(() => -1) });
          localStorage.setItem("token-playground.kept", JSON.stringify(kept));
          dispatchEvent(new StorageEvent("storage", { key: "token-playground.kept" }));
        }""",
        written,
    )
    expect(page.page.locator(".kept__written")).to_have_text("😀")


def test_tokens_that_cannot_be_had_lose_nothing(visit, pieces):
    page = visit(at=pieces, quiet=False, query="&model=pieces&prompt=the+house&pick=top&v=1")
    page.page.route("**/api/tokenize", lambda route: route.fulfill(status=500, json={"error": "x"}))
    page.input.fill("the house of")
    expect(page.status).to_contain_text("x")
    expect(page.drawer.locator(".counter")).to_have_text("12 characters, tokens not counted")
    assert page.input.input_value() == "the house of"
    page.page.unroute("**/api/tokenize")
    page.drawer.locator("[data-action=remedy]").click()
    page.ready()
    counts(page, "the house of", len(tokenizer().encode("the house of").ids))


def test_characters_are_never_cut(visit, pieces):
    page = visit(at=pieces, wait=False)
    asked = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.use("plain").write("hello")
    expect(page.drawer.locator(".counter")).to_have_text("5 / 64 in context")
    assert cells(page) == []
    assert not [url for url in asked if url.endswith("/tokenize")]
    page.use("pieces")
    counts(page, "hello", len(tokenizer().encode("hello").ids))
    assert cells(page) == [t for t in tokenizer().encode("hello").tokens]


def test_the_library_says_that_weights_are_rounded(visit, models, tmp_path):
    """By PLAYGROUND_TOKEN_DTYPE; those of a model of ours never are."""
    shutil.copytree(models / "plain", tmp_path / "plain")
    (tmp_path / "pieces").mkdir()
    save("llama", tmp_path / "pieces")
    with serving(tmp_path, PLAYGROUND_TOKEN_DTYPE="int8") as (address, _):
        for lang, said in (
            ("en", "weights rounded to 8 bits"), ("de", "Gewichte auf 8 Bit gerundet"),
        ):  # fmt: skip
            options = {"wait": False, "quiet": False, "locale": LANGUAGES[lang]}  # it ends before
            page = visit(at=address, query=f"&lang={lang}&v=1", **options)
            cards = page.page.locator(".card")
            expect(cards.filter(has_text="pieces")).to_contain_text(said)
            expect(cards.filter(has_text="plain")).not_to_contain_text(said)
