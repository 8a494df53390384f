"""Each lesson in the live page: its words are true of what is to be seen."""

import math
import re
import time
from pydoc_data import topics
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from playground.lessons.reader import LESSONS, read_lessons
from tests.browser.tour import LANGUAGES, LARGE, NAMES, SMALL


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_lesson_opens_its_link_and_names_what_is_there(tour, language):
    page = tour(1, language=language)
    for number, lesson in enumerate(read_lessons(LESSONS, language), start=1):
        page.is_at(number)
        link = {name: values[0] for name, values in parse_qs(lesson.link[1:]).items()}
        selected = page.page.locator(f"#tab-{link['tab']}-button[aria-selected=true]")
        expect(selected).to_have_count(1)
        expect(page.visit.drawer).to_have_attribute(
            "data-open", "true" if link["drawer"] == "open" else "false"
        )
        if link["drawer"] == "open":
            page.visit.shows(link["prompt"])
            expect(page.page.locator("#player [data-picked]")).to_have_count(1)
            expect(page.page.locator(f"[name=session][value={link['model']}]")).to_be_checked()
            model_line = page.visit.drawer.locator(".model__line")
            expect(model_line).to_contain_text(re.compile(rf"{link['step']}$"))
            expect(page.visit.drawer).to_have_attribute(
                "data-pick", re.compile(link["pick"], re.IGNORECASE)
            )
        for name in bold(page):
            if name not in LANDMARK.values():  # that one appears when a training has started
                assert page.page.evaluate(IS_THERE, name), f"{lesson.name}: {name}"
        expect(page.page.locator(".toast")).to_have_count(0)
        if number < len(NAMES):
            page.button("guide.next").click()


LANDMARK = {"en": "letter frequencies", "de": "Buchstabenhäufigkeiten"}
IS_THERE = """name => [...document.querySelectorAll("#tabs *, #drawer *")].some((element) =>
  element.textContent.trim() === name && element.checkVisibility({ visibilityProperty: true }))"""


def bold(page):
    """What the words set in bold but the beginning of the task: names of things on the page."""
    return page.words.evaluate(
        """words => [...words.querySelectorAll("strong")].map((strong) => strong.textContent)
          .filter((text) => !text.endsWith(":"))"""
    )


def test_1_each_press_of_step_appends_one_character_and_it_knows_65(lesson):
    page = lesson(1)
    expect(page.visit.button("Knows 65 characters")).to_be_visible()
    text = page.visit.text()
    for _ in range(3):
        token = page.visit.pick.get_attribute("data-token")
        page.press("step")
        text += token
        page.visit.shows(text)
        page.visit.ready()
    assert len(text) == len("The king") + 3


def test_2_ten_rows_and_the_rest_are_all_of_it_and_the_pick_is_what_comes(lesson):
    page = lesson(2)
    expect(page.visit.options).to_have_count(10)
    expect(page.visit.drawer.locator(".candidate--other")).to_contain_text("other 55 characters")
    rows = page.rows()
    assert sum(rows.values()) == pytest.approx(100, abs=0.6)  # each is rounded
    assert list(rows.values())[:10] == sorted(list(rows.values())[:10], reverse=True)
    pick = page.visit.pick.get_attribute("data-token")
    before = page.values()
    page.press("step")
    page.visit.shows("The moon" + pick)
    after = page.rows_change(before)
    [step] = page.visit.ask("generate", session_id=SMALL, context="The moon" + pick, n=1,
                            temperature=0)["steps"]  # fmt: skip
    expected = {entry["token"]: 100 * entry["prob"] for entry in step["candidates"]}
    assert {token: after[token] for token in expected} == pytest.approx(expected, abs=0.06)


def test_3_the_top_choice_loops_and_regenerate_writes_the_same(lesson):
    page = lesson(3)
    page.press("play")
    page.written(120)
    first = page.visit.text().removeprefix("The king")
    assert re.search(r"( [a-z]+ [a-z]+)\1\1", first), first  # two words, three times over
    page.press("regenerate")
    page.page.wait_for_function(
        "document.querySelectorAll('.generated').length < 60"
    )  # it has begun again, and is still writing
    expect(page.visit.button("Pause")).to_be_enabled()
    page.written(60)
    page.press("pause")
    again = page.visit.text().removeprefix("The king")
    assert first.startswith(again[:60])


def test_4_a_high_temperature_levels_the_bars_and_lets_the_unlikely_in(lesson):
    page = lesson(4)
    page.visit.slider("Speed").fill("100")
    cool = page.rows()
    first, *others = cool
    assert cool[first] > 90
    before = page.values()
    page.visit.slider("Temperature").fill("1.5")
    warm = page.rows_change(before)
    assert warm[first] < cool[first] / 2
    assert all(warm[other] > cool[other] for other in others)
    written = page.plays("The moon", 40)
    cool_odds = []
    for index, token in enumerate(written[:40]):
        [step] = page.visit.ask("generate", session_id=LARGE, context="The moon" + written[:index],
                                n=1, temperature=0.3, seed=7)["steps"]  # fmt: skip
        odds = {entry["token"]: entry["prob"] for entry in step["candidates"]}
        cool_odds.append(odds.get(token, 0))
    assert sum(odds < 0.01 for odds in cool_odds) >= 3, cool_odds


def test_5_the_name_has_left_the_window_and_changes_nothing(lesson):
    page = lesson(5)
    outside = page.visit.output.locator(".outside").first
    assert outside.text_content().startswith("ROMEO:")
    expect(page.visit.drawer.locator(".counter")).to_contain_text("last 64 in context")
    prompt = page.visit.input.input_value()
    before = page.values()
    for name in ("HAMLET", "Al", "The Queen of Hearts"):
        page.visit.write(prompt.replace("ROMEO", name))
        page.visit.shows(prompt.replace("ROMEO", name))
        expect(page.visit.drawer.locator(".candidate--other.candidate--stale")).to_have_count(0)
        assert page.values() == before
    page.visit.write(prompt[:-1])
    page.rows_change(before)


def test_6_at_step_0_all_are_alike_and_by_step_100_six_are_not(lesson):
    page = lesson(6)
    rows = page.rows()
    assert {value for token, value in rows.items() if token is not None} == {1.5}
    assert rows[None] == pytest.approx(100 * 55 / 65, abs=0.06)
    slider = page.visit.slider("Training step")
    expect(slider).to_have_value("0")
    before = page.values()
    slider.fill("3")
    expect(page.visit.drawer.locator(".model__line")).to_contain_text("step 100")
    rows = page.rows_change(before)
    assert sum(rows[letter] for letter in "eayoiu") > 95


def test_7_another_choice_leads_elsewhere_and_regenerate_shows_where_it_would_have_gone(lesson):
    page = lesson(7)
    picked = page.visit.pick.get_attribute("data-token")
    second = page.visit.options.nth(1).get_attribute("data-token")
    page.page.keyboard.press("ArrowDown")  # the focus is on the lesson's title
    page.page.keyboard.press("Enter")
    page.visit.shows("O my " + second)
    page.visit.ready()
    otherwise = page.plays("O my ", 12)
    assert otherwise[0] == second
    page.press("play")
    page.written(len(otherwise) + 2)
    page.press("regenerate")
    page.page.wait_for_function("document.querySelectorAll('.generated').length < 12")
    page.written(12)
    page.press("pause")
    alone = page.visit.text().removeprefix("O my ")
    assert alone[0] == picked
    assert alone[:12] != otherwise[:12]


@pytest.mark.parametrize("language", LANGUAGES)
def test_8_within_seconds_the_loss_falls_below_letter_frequencies(tour, bundled, language):
    page = tour(8, language=language, quiet=False).is_at(8)  # its model isn't there at once
    expect(page.page.locator(".learn[aria-busy=false]")).to_be_visible()
    start = page.page.locator(".learn-bar [data-learn=start]")
    expect(start).to_be_in_viewport(ratio=1)
    # Its drawer slides away before the page scrolls.
    clear = "(panel) => panel.getBoundingClientRect().top >= "
    page.page.wait_for_function(
        clear
        + "document.querySelector('.learn-bar [data-learn=start]').getBoundingClientRect().bottom",
        arg=page.panel.element_handle(),
    )
    start.click()
    page.page.wait_for_url(re.compile("train=live-"))
    address = f"{bundled}/api/trainings/{parse_qs(urlsplit(page.page.url).query)['train'][0]}"
    try:
        training = trained(address)
        expect(page.page.locator(".plot__name").filter(has_text=LANDMARK[language])).to_be_visible()
        expect(page.page.locator(".plot__line--val")).to_be_in_viewport()
    finally:
        httpx.delete(address)
    gibberish, wordlike = (training["evaluations"][index]["sampled"] for index in (0, -1))
    assert known_words(wordlike) > known_words(gibberish) + 0.15, (gibberish, wordlike)


def trained(address):
    """A training as soon as its loss is well below letter frequencies: seconds when quiet."""
    deadline = time.monotonic() + 90
    while True:
        now = httpx.get(address).json()
        losses = [evaluation["val_loss"] for evaluation in now["evaluations"]]
        if losses and losses[-1] < 0.6 * now["landmarks"]["letters"]:
            return now
        assert time.monotonic() < deadline, losses
        time.sleep(0.2)


def known_words(sample):
    """Which part of a sample's letters is in words of the text that it learned from."""
    known = set(re.findall("[a-z]{3,}", " ".join(topics.topics.values()).lower()))
    words = re.findall("[a-z]{3,}", sample.lower())
    return sum(len(word) for word in words if word in known) / max(1, len(sample))


def test_9_a_choice_in_the_middle_starts_a_branch_that_explore_keeps(lesson):
    page = lesson(9)
    left = "O my " + page.plays("O my ", 6)
    visit = page.visit.ready()
    visit.output.focus()
    for _ in range(3):
        page.page.keyboard.press("ArrowLeft")
    expect(visit.drawer.locator(".bars-title__place")).to_contain_text(
        f"Character {len(left) - 2} of {len(left)}"
    )
    visit.ready()
    visit.bars.locator("[data-token]:not([data-picked])").first.click()
    visit.changes(left)
    expect(page.panel.locator(".guide__tried")).not_to_be_empty()
    visit.button("Explore").click()
    expect(page.page.get_by_role("treeitem")).to_have_count(2)


def test_10_question_is_a_surprise_and_a_misspelling_is_a_greater_one(lesson):
    page = lesson(10)
    visit = page.visit
    text = page.page.get_by_role("slider", name="Characters of the text")

    def look():
        visit.button("Explore").click()
        page.page.get_by_role("tab", name="Surprise").click()
        expect(text).to_be_visible()

    look()
    hardest = len("To be, or not to be, that is the ques")
    expect(text).to_have_attribute("aria-valuenow", str(hardest))
    expect(text).to_have_attribute("aria-valuetext", re.compile(r"^s: 8\.\d bits: .+ e$"))
    page.page.keyboard.press("Escape")
    visit.write("To be, or not to be, thta is the question")
    expect(page.panel.locator(".guide__tried")).not_to_be_empty()
    look()
    expect(text).to_have_attribute("aria-valuetext", re.compile(r"^t: 16\.\d bits: .+ e$"))
    page.page.keyboard.press("Escape")
    link = page.words.get_by_role("link")
    with page.page.context.expect_page() as opened:
        link.click()
    expect(opened.value.locator(".surprise__text")).to_be_visible(timeout=20_000)
    opened.value.close()


def test_11_a_round_covers_the_bars_and_counts_the_bits_of_you_the_model_and_the_letters(lesson):
    page = lesson(11)
    link = page.words.get_by_role("link")
    with page.page.context.expect_page() as opened:
        link.click()
    made = opened.value
    panel = made.locator("[data-panel=guess]")
    field = made.get_by_role("textbox", name="Your guess")
    expect(panel.locator(".guess__text")).to_have_attribute("aria-busy", "false", timeout=20_000)
    expect(panel.locator(".guess__bar--came")).to_have_count(0)
    expect(field).to_be_focused()
    body = page.visit.ask("rounds", session_id="tales", seed=1951)
    costs = {name: 0.0 for name in ("letters", "pairs", "model")}
    answer = [row["token"] for row in body["tokens"]]
    text = body["context"] + "".join(answer)
    scored = page.visit.ask("score", session_id="tales", text=text)["tokens"][-len(answer) :]
    for row, token in zip(body["tokens"], scored, strict=True):
        costs["letters"] -= row["unigram"] / math.log(2) / len(answer)
        costs["pairs"] -= row["bigram"] / math.log(2) / len(answer)
        costs["model"] -= token["logprob"] / math.log(2) / len(answer)
    assert costs["model"] < costs["pairs"] < costs["letters"]  # who needs fewer bits
    for token in answer:
        if token == "\n":
            made.get_by_role("button", name="new line", exact=True).press("Enter")
            field.focus()
        else:
            made.keyboard.type(token)
        made.keyboard.press("Enter")
        expect(panel.locator(".guess__bar--came")).to_have_count(1)
        made.keyboard.press("Enter")
    expect(made.get_by_role("heading", name="The round is over")).to_be_focused()
    means = panel.locator(".guess__scores tbody tr").all_inner_texts()
    told = [float(re.search(r"\d+\.\d\d", row)[0]) for row in means]
    assert told[1:] == pytest.approx(
        [costs[name] for name in ("model", "pairs", "letters")], abs=6e-3
    )
    assert told[0] < costs["letters"]  # who knows the text
    made.close()


# The tour
