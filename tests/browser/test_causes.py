"""What the training text said, and the context lab: by mouse, keyboard and touch."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_access import Audit, both_sizes
from tests.browser.tour import LANGUAGES

PROMPT = "Once upon a time there was a"


@pytest.fixture
def panel(visit, bundled):
    """`panel(name)`: the page with a panel of Explore open, at a text of the tales' model."""

    def open_at(name, size="laptop", *, prompt=PROMPT, model="tales", lang="en", **options):
        text = prompt.replace(" ", "+")
        query = f"&lang={lang}&model={model}&prompt={text}&pick=top&explore={name}&v=1"
        page = visit(size, at=bundled, query=query, wait=False, **options)
        expect(page.page.locator(f"[data-panel={name.partition('.')[0]}]")).to_be_visible()
        return page

    return open_at


def part(page, name):
    return page.page.locator(f"#explore-dialog [data-panel={name}]")


def rows(element):
    """Name, odds and what stands beside them, of each row."""
    return element.locator(".pair").evaluate_all(
        """rows => rows.map((row) => ["name", "value", "note"]
          .map((part) => row.querySelector(".pair__" + part).textContent))"""
    )


def percent(text):
    return float(re.search(r"[\d.]+", text)[0])


# --- What the training text said ---------------------------------------------------------------


def found(page, k):
    """Wait until so many characters are looked up."""
    expect(part(page, "corpus").locator(".corpus__k")).to_have_text(str(k))
    expect(part(page, "corpus").locator(".corpus__verdict")).not_to_contain_text("Looking")
    expect(part(page, "corpus").locator(".corpus__found")).not_to_have_class(re.compile("stale"))


def test_each_candidate_stands_beside_its_share_in_the_training_text(panel):
    page = panel("corpus")
    corpus = part(page, "corpus")
    said = page.ask("corpus", session_id="tales", context=PROMPT)
    found(page, said["k"])
    expect(corpus.locator(".corpus__verdict")).to_contain_text(f"{said['count']:,} times")
    shares = {row["token"]: row for row in said["next"]}
    for name, _, note in rows(corpus)[:-1]:
        token = {"(space)": " ", "\\n": "\n"}.get(name, name)
        if token not in shares:
            assert note == "never"
            continue
        assert f"{shares[token]['count']:,}×" in note
        assert percent(note) == pytest.approx(100 * shares[token]["share"], abs=0.11)
    assert corpus.locator(".corpus__quote .corpus__used").count() == len(said["places"])
    assert set(corpus.locator(".corpus__quote .corpus__used").all_text_contents()) == {
        said["context_used"]
    }


@pytest.mark.parametrize("lang", ["en", "de"])
def test_word_pieces_are_looked_up_as_tokens(panel, lang):
    prompt = "My lord, the"
    page = panel("corpus", prompt=prompt, model="shakespeare-pieces", lang=lang)
    corpus = part(page, "corpus")
    said = page.ask("corpus", session_id="shakespeare-pieces", context=prompt)
    expect(corpus.locator(".corpus__k")).to_have_text(str(said["k"]))
    expect(corpus.locator(".corpus__used").first).to_have_text(said["context_used"])
    unit = {"en": "marked tokens", "de": "markierten Tokens"}[lang]
    expect(corpus.locator(".corpus__verdict")).to_contain_text(unit)
    total = f"{said['counts'][0]:,}"
    total = total.replace(",", ".") if lang == "de" else total
    expect(corpus.locator(".corpus__verdict")).to_contain_text(total)
    shares = {row["token"]: row for row in said["next"]}
    shown = corpus.locator(".pair__name").all_text_contents()
    notes = corpus.locator(".pair__note").all_text_contents()
    never = {"en": "never", "de": "nie"}[lang]
    for name, note in list(zip(shown, notes, strict=True))[:-1]:
        row = shares.get(name.replace("␣", " "))
        assert note == never if row is None else f"{row['count']}×" in note
    quotes = corpus.locator(".corpus__quotes .corpus__next").all_text_contents()
    assert [quote.replace("␣", " ") for quote in quotes] == [
        place["next"] for place in said["places"]
    ]
    corpus.get_by_role("slider").press("Home")
    expect(corpus.locator(".corpus__verdict")).to_contain_text(
        {"en": "each token", "de": "jedes Token"}[lang]
    )
    page.page.keyboard.press("End")
    expect(corpus.locator(".corpus__k")).to_have_text(
        str(len(page.ask("tokenize", session_id="shakespeare-pieces", text=prompt)["tokens"]))
    )


def test_by_keyboard_longer_until_it_never_occurs_and_to_other_places(panel):
    page = panel("corpus", prompt="zebras quizzed a wolf")
    corpus = part(page, "corpus")
    slider = corpus.get_by_role("slider", name="Characters looked up")
    expect(slider).to_be_enabled()
    slider.focus()
    page.page.keyboard.press("End")
    found(page, len("zebras quizzed a wolf"))
    expect(corpus.locator(".corpus__verdict")).to_contain_text("it generalizes")
    expect(corpus.locator(".pair__note").filter(has_not_text="never")).to_have_count(0)
    expect(corpus.locator(".corpus__places")).to_be_hidden()
    page.page.keyboard.press("Home")
    found(page, 0)
    corpus.get_by_role("button", name="As many as occur").press("Enter")
    text = corpus.get_by_role("group", name="The text around this place")
    text.focus()
    page.page.keyboard.press("ArrowLeft")
    expect(corpus.locator(".walk__place")).to_contain_text("before “f”")
    expect(corpus.locator(".pair--pick .pair__name")).to_have_text("f")
    page.page.keyboard.press("Home")
    expect(corpus.locator(".corpus__verdict")).to_contain_text("Nothing stands before it")
    page.page.keyboard.press("End")
    expect(corpus.locator(".walk__place")).to_have_text("At the end of the text")


def test_a_model_without_its_text_says_so(panel):
    page = panel("corpus", model="plain", prompt="The king")
    expect(part(page, "corpus").locator(".corpus__verdict")).to_have_text(
        "The text that this model learned from is not on this server."
    )
    expect(part(page, "corpus").locator(".corpus__found")).to_be_hidden()


# --- The context lab ---------------------------------------------------------------------------


def moved(page):
    """The odds of the pick before and after, once they are known."""
    sentence = part(page, "context").locator(".lab__moved")
    expect(sentence).to_contain_text("→")
    expect(part(page, "context").locator(".pairs")).not_to_have_class(re.compile("stale"))
    return sentence.text_content()


def test_a_shorter_window_moves_the_bars_as_the_server_says(panel):
    page = panel("context")
    lab = part(page, "context")
    slider = lab.get_by_role("slider", name="Window")
    expect(slider).to_have_value(str(len(PROMPT)))
    whole = rows(lab)
    slider.fill("3")
    sentence = moved(page)
    steps = {
        length: page.ask(
            "generate", session_id="tales", context=PROMPT[-length:], n=1, temperature=0
        )["steps"][0]
        for length in (3, len(PROMPT))
    }
    expected = [100 * row["prob"] for row in steps[3]["candidates"]]
    assert [percent(value) for _, value, _ in rows(lab)[:10]] == pytest.approx(expected, abs=0.11)
    odds = {name: value for name, value, _ in whole}
    for name, _, note in rows(lab)[:10]:
        assert note == odds.get(name, note)
    answer = page.ask(
        "compare-contexts", session_id="tales", context=PROMPT, temperature=0,
        others=[PROMPT[-3:]], token=steps[len(PROMPT)]["token"],
    )  # fmt: skip
    assert f"{answer['others'][0]['kl']:.2f} bits" in sentence
    lab.get_by_role("button", name="Whole context").click()
    assert rows(lab) == whole


def test_by_keyboard_a_character_is_struck_out_and_stands_again(panel):
    page = panel("context")
    lab = part(page, "context")
    cells = lab.get_by_role("listbox", name="The context")
    expect(cells.get_by_role("option")).to_have_count(len(PROMPT))
    expect(cells.get_by_role("option").last).to_have_attribute(
        "aria-label", re.compile("without it")
    )
    cells.focus()
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.press("Enter")
    struck = cells.locator("[aria-selected=true]")
    expect(struck).to_have_count(1)
    assert cells.get_attribute("aria-activedescendant") == struck.get_attribute("id")
    moved(page)
    context = PROMPT[:-2] + PROMPT[-1]
    [step] = page.ask("generate", session_id="tales", context=context, n=1, temperature=0)["steps"]
    assert percent(rows(lab)[0][1]) == pytest.approx(100 * step["prob"], abs=0.06)
    page.page.keyboard.press("Enter")
    expect(struck).to_have_count(0)
    expect(lab.locator(".lab__moved")).to_contain_text("With the whole context")


def test_a_character_of_several_tokens_is_one_cell_and_that_is_said(panel):
    page = panel("context", prompt="The king 😀", model="shakespeare-pieces")
    lab = part(page, "context")
    cells = lab.get_by_role("listbox", name="The context").get_by_role("option")
    expect(cells.last.locator(".cell__text")).to_have_text("😀")
    asked = page.ask("tokenize", session_id="shakespeare-pieces", text="The king 😀")["tokens"]
    expect(lab.locator(".lab__merged")).to_contain_text(f"reads {len(asked)} tokens")
    assert cells.count() < len(asked)


def test_a_struck_out_character_is_none_of_another_text(panel):
    page = panel("context")
    cells = part(page, "context").get_by_role("listbox", name="The context")
    cells.focus()
    page.page.keyboard.press("Enter")
    expect(cells.locator("[aria-selected=true]")).to_have_count(1)
    page.page.keyboard.press("Escape")
    page.write("The old king went to the sea")
    page.button("Explore").click()
    expect(part(page, "context").locator(".lab__moved")).to_contain_text("With the whole context")
    expect(cells.locator("[aria-selected=true]")).to_have_count(0)


def test_the_window_grows_by_itself_and_a_link_holds_it(panel):
    page = panel("context.w2", prompt="Once upon a")
    lab = part(page, "context")
    expect(lab.get_by_role("slider", name="Window")).to_have_value("2")
    page.page.evaluate(
        """() => {
          window.lengths = [];
          const slider = document.querySelector("#lab-length");
          new MutationObserver(() => lengths.at(-1) !== slider.value && lengths.push(slider.value))
            .observe(slider, { attributes: true });
        }"""
    )
    lab.get_by_role("button", name="Let it grow").click()
    expect(lab.locator(".lab__length")).to_have_text("11 / 11")
    assert page.page.evaluate("lengths.slice(-11)") == [str(n) for n in range(1, 12)]
    expect(lab.get_by_role("button", name="Let it grow")).to_have_attribute("aria-pressed", "false")


def test_hostile_text_is_shown_as_characters(panel):
    page = panel("context", model="weird", prompt="%3Cimg%20src%3Dx%3E%E2%80%AE%24%7B%7D%60")
    cells = part(page, "context").get_by_role("option")
    expect(cells).to_have_count(len("<img src=x>\u202e${}`"))
    assert cells.nth(11).locator(".cell__text").text_content() == "U+202E"
    assert page.page.locator("#explore-dialog img").count() == 0


# --- Both --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "de"])
def test_on_a_phone_by_touch_everything_is_in_reach(panel, lang):
    page = panel(
        "corpus", "phone", lang=lang, locale=LANGUAGES[lang], has_touch=True, is_mobile=True
    )
    dialog = page.page.locator("#explore-dialog")
    for name, shown in (("corpus", ".pair"), ("context", ".cell")):
        dialog.locator(f"[data-tab={name}]").tap()
        expect(part(page, name).locator(shown).first).to_be_visible()
        sizes = part(page, name).evaluate(
            """panel => [...panel.querySelectorAll("button, input, [role=option]")]
              .filter((e) => e.getClientRects().length)
              .map((e) => [e.className, e.getBoundingClientRect().height])"""
        )
        assert [size for size in sizes if size[1] < 43.5] == []
        assert dialog.evaluate("d => d.scrollWidth - d.clientWidth") == 0
    part(page, "context").get_by_role("option").nth(3).tap()
    expect(part(page, "context").locator("[aria-selected=true]")).to_have_count(1)
    part(page, "context").locator("[data-walk=back]").tap()
    expect(part(page, "context").locator("[aria-selected=true]")).to_have_count(0)


@both_sizes
def test_axe_finds_nothing_in_either(panel, size):
    prompt = "zebras quizzed a wolf"
    page = panel("corpus", size, prompt=prompt, quiet=False, reduced_motion="reduce")
    expect(part(page, "corpus").locator(".corpus__quote").first).to_be_visible()
    audit = Audit(page)
    audit.look("what the training text said")
    part(page, "corpus").get_by_role("slider").press("End")
    expect(part(page, "corpus").locator(".corpus__verdict--never")).to_be_visible()
    audit.look("never")
    page.page.locator("#explore-dialog [data-tab=context]").click()
    part(page, "context").get_by_role("slider", name="Window").fill("5")
    moved(page)
    audit.look("a shorter window")
    part(page, "context").get_by_role("option").first.click()
    moved(page)
    audit.look("a character that is struck out")
    assert audit.found == []
