"""The tutorial: the tour itself, and that each lesson's words are true of what the page shows."""

import re
import shutil
import time
from pydoc_data import topics
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from playground.i18n import translate as messages
from playground.lessons.reader import LESSONS, read_lessons
from playground.settings import ROOT
from tests.browser.conftest import CONTRAST, SIZES, Visit, serving
from tests.browser.test_look import everywhere

LANGUAGES = {"en": "en-GB", "de": "de-DE"}
NAMES = [lesson.name for lesson in read_lessons(LESSONS, "en")]
SMALL, LARGE = "shakespeare", "shakespeare-large"


@pytest.fixture(scope="module")
def bundled(models, tmp_path_factory):
    """A server with the models that the lessons are about, and those of the other journeys."""
    folder = tmp_path_factory.mktemp("bundled")
    for source in (models, ROOT / "models"):
        shutil.copytree(source, folder, dirs_exist_ok=True)
    with serving(folder) as (address, _):
        yield address


class Tour:
    """The tutorial's panel, on top of a visit."""

    def __init__(self, visit: Visit, language: str = "en") -> None:
        self.visit = visit
        self.page = visit.page
        self.language = language
        self.panel = self.page.locator(".guide")

    def say(self, key, **params):
        return messages.translate(key, self.language, **params)

    def button(self, key, **params):
        return self.panel.get_by_role("button", name=self.say(key, **params), exact=True)

    @property
    def title(self):
        return self.panel.get_by_role("heading", level=2)

    @property
    def words(self):
        return self.panel.locator(".guide__words")

    @property
    def tutorial(self):
        return self.page.locator("[data-action=tutorial]")

    def is_at(self, number):
        lesson = read_lessons(LESSONS, self.language)[number - 1]
        expect(self.title).to_have_text(lesson.title)
        expect(self.title).to_be_focused()
        place = self.say("guide.place", number=number, total=len(NAMES))
        expect(self.panel.locator(".guide__all")).to_have_text(place)
        return self

    def press(self, name):
        """A control of the drawer, as a visitor presses it."""
        self.visit.drawer.locator(f"#{name}").click()
        return self

    def rows(self):
        """The bars as they are read: {character: percent}, the rest under None."""
        rows = {
            row.get_attribute("data-token"): row.locator(".candidate__value").inner_text()
            for row in self.visit.options.all()
        }
        rows[None] = self.visit.drawer.locator(".candidate--other .candidate__value").inner_text()
        return {token: float(re.sub("[^0-9.]", "", value)) for token, value in rows.items()}

    def rows_change(self, before):
        self.page.wait_for_function(
            """before => {
              const now = [...document.querySelectorAll(".candidate__value")];
              return now.map((value) => value.textContent).join("|") !== before
                && !document.querySelector(".candidate--other.candidate--stale");
            }""",
            arg=before,
        )
        return self.rows()

    def values(self):
        return self.page.evaluate(
            """[...document.querySelectorAll(".candidate__value")]
              .map((value) => value.textContent).join("|")"""
        )

    def plays(self, text, at_least):
        """Press Play, wait for so many characters, and say what was written after a text."""
        self.press("play")
        self.written(at_least)
        self.press("pause")
        return self.visit.text().removeprefix(text)

    def written(self, at_least):
        self.page.wait_for_function(
            "count => document.querySelectorAll('.generated').length >= count",
            arg=at_least, timeout=60_000,
        )  # fmt: skip


@pytest.fixture
def tour(visit, bundled):
    """`tour(lesson, …)`: the page with a lesson open."""

    def open_at(lesson=None, *args, language="en", more="", **options):
        query = more if lesson is None else f"&lesson={lesson}"
        options |= {"at": bundled, "query": query, "wait": False, "locale": LANGUAGES[language]}
        found = Tour(visit(*args, **options), language)
        if lesson is not None:
            expect(found.title).to_be_focused(timeout=20_000)
        return found

    return open_at


@pytest.fixture
def lesson(tour):
    """`lesson(number)`: the page at a lesson that is about the drawer, as soon as its bars are."""

    def open_at(number, **options):
        found = tour(NAMES[number - 1], **options).is_at(number)
        found.visit.ready()
        return found

    return open_at


# Each lesson opens its moment, and its words are true.


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
    assert page.panel.bounding_box()["y"] >= sum(start.bounding_box()[of] for of in ("y", "height"))
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
    """A training as soon as its loss is well below letter frequencies: within seconds."""
    deadline = time.monotonic() + 30
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


# The tour


@pytest.mark.parametrize("size", SIZES)
def test_the_whole_tour_is_walked_by_keyboard_alone(tour, size):
    page = tour(None, size)
    page.visit.ready()
    keyboard = page.page.keyboard
    if size == "phone":
        keyboard.press("Escape")  # the drawer lies over the header: back to the button beside
        expect(page.visit.button("Playground")).to_be_focused()
    for _ in range(12):
        if page.tutorial.evaluate("button => button === document.activeElement"):
            break
        keyboard.press("Shift+Tab" if size == "phone" else "Tab")
    expect(page.tutorial).to_be_focused()
    keyboard.press("Enter")
    for number in range(1, len(NAMES) + 1):
        page.is_at(number)
        last = number == len(NAMES)
        following = page.button("guide.finish" if last else "guide.next")
        for _ in range(3 + (number > 1)):  # the words, Back where there is one, and Next
            keyboard.press("Tab")
            if following.evaluate("button => button === document.activeElement"):
                break
        expect(following).to_be_focused()
        keyboard.press("Space" if number % 2 else "Enter")
    expect(page.panel).to_be_hidden()
    expect(page.tutorial).to_be_focused()
    keyboard.press("Enter")
    page.is_at(1)  # after the end it begins anew


@pytest.mark.parametrize("size", SIZES)
def test_drawer_and_panel_are_one_round_of_tabs(tour, size):
    page = tour(2, size)
    page.visit.ready()
    expect(page.visit.drawer).not_to_have_attribute("aria-modal", "true")
    inside = "at => at.contains(document.activeElement)"
    seen = set()
    for _ in range(40):
        page.page.keyboard.press("Tab")
        seen |= {at for at in ("#drawer", ".guide") if page.page.locator(at).evaluate(inside)}
    assert seen == {"#drawer", ".guide"}


def test_the_drawers_keys_work_on_the_words_but_not_on_the_buttons(lesson):
    page = lesson(3)
    keyboard = page.page.keyboard
    keyboard.press("Space")
    expect(page.visit.button("Pause")).to_be_enabled()
    keyboard.press("Tab")
    expect(page.words).to_be_focused()
    keyboard.press("Space")
    expect(page.visit.button("Play")).to_be_enabled()
    page.button("guide.next").focus()
    keyboard.press("Space")
    page.is_at(4)
    expect(page.visit.button("Play")).to_be_enabled()


@pytest.mark.parametrize("size", SIZES)
def test_escape_leaves_the_tour_and_not_the_drawer(tour, size):
    page = tour(2, size)
    page.visit.ready()
    page.page.keyboard.press("Escape")
    expect(page.panel).to_be_hidden()
    expect(page.visit.drawer).to_be_visible()
    # On a phone the button lies behind the drawer.
    expect(page.tutorial if size == "laptop" else page.visit.drawer).to_be_focused()
    container = page.page.locator(".gradio-container")
    assert container.evaluate("page => getComputedStyle(page).paddingBottom") == "0px"


def test_any_lesson_is_a_click_away_and_escape_closes_only_the_list(lesson):
    page = lesson(1)
    every = page.button("guide.all_lessons", number=1, total=len(NAMES))
    every.click()
    entries = page.panel.get_by_role("listitem")
    expect(entries).to_have_count(len(NAMES))
    expect(entries.first.get_by_role("button")).to_be_focused()
    page.page.keyboard.press("Escape")
    expect(entries.first).to_be_hidden()
    expect(every).to_be_focused()
    every.click()
    entries.nth(4).get_by_role("button").click()
    page.is_at(5)
    expect(page.page.locator(".guide__seen")).to_have_count(2)


NO_STORAGE = """Object.defineProperty(window, "localStorage", { get() {
  if (window.visited) return { clear() {} };
  throw new DOMException("denied", "SecurityError");
} })"""


@pytest.mark.parametrize("storage", ["allowed", "blocked"])
def test_it_can_be_left_and_resumed(tour, storage):
    page = tour(None)
    if storage == "blocked":
        page.page.add_init_script(NO_STORAGE)
        page.page.reload()
    page.visit.ready()
    page.tutorial.click()
    page.is_at(1)
    page.button("guide.next").click()
    page.is_at(2)
    page.button("guide.leave").click()
    expect(page.panel).to_be_hidden()
    expect(page.tutorial).to_be_focused()
    page.tutorial.click()
    page.is_at(2)
    page.page.reload()
    page.visit.ready()
    expect(page.panel).to_be_hidden()
    page.tutorial.click()
    page.is_at(2 if storage == "allowed" else 1)
    page.page.evaluate("window.visited = true")  # what follows the test may have a storage


@pytest.mark.parametrize(("asked", "number"), [("3", 3), ("6-training", 6)])
def test_an_address_leads_to_a_lesson(tour, asked, number):
    tour(asked).is_at(number)


@pytest.mark.parametrize("asked", ["what", "99", "0", "<b>"])
def test_an_address_without_a_lesson_says_so(tour, asked):
    page = tour(None, more=f"&lesson={asked}")
    expect(page.page.locator(".toast")).to_have_text(page.say("guide.gone"))
    expect(page.panel).to_be_hidden()
    page.tutorial.click()
    page.is_at(1)


def test_without_its_lessons_the_page_goes_on(tour):
    page = tour(None, quiet=False)
    page.visit.ready()
    page.page.route("**/lessons.json*", lambda route: route.abort())
    page.tutorial.click()
    expect(page.page.locator(".toast")).to_have_text(page.say("failure.network"))
    expect(page.panel).to_be_hidden()
    page.page.unroute("**/lessons.json*")
    page.tutorial.click()
    page.is_at(1)


# Its look


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES)
def test_it_covers_nothing_and_folds_to_a_line(tour, size, language):
    page = tour(1, size, language=language)
    height = page.page.viewport_size["height"]
    for number in range(1, len(NAMES) + 1):
        page.is_at(number)
        panel = page.panel.bounding_box()
        assert panel["height"] <= (0.4 if size == "phone" else 0.45) * height
        assert panel["y"] + panel["height"] == height
        if page.visit.drawer.is_visible():
            page.page.wait_for_function("!document.querySelector('#drawer').getAnimations().length")
            drawer = page.visit.drawer.bounding_box()
            beside = panel["x"] + panel["width"] <= drawer["x"]
            assert beside or drawer["y"] + drawer["height"] <= panel["y"] + 1
        assert page.panel.evaluate("panel => panel.scrollWidth - panel.clientWidth") == 0
        if number < len(NAMES):
            page.button("guide.next").click()
    fold = page.button("guide.words")
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(page.words).to_be_hidden()
    assert page.panel.bounding_box()["height"] <= 60
    # Everything can still be scrolled to, also what has come in the meantime.
    page.page.wait_for_function(
        """() => {
          document.scrollingElement.scrollTo(0, 1e6);
          const [footer, panel] = ["footer", ".guide"].map((at) => document.querySelector(at));
          const { bottom } = footer.getBoundingClientRect();
          return bottom > 0 && bottom <= panel.getBoundingClientRect().top + 1;
        }"""
    )


def test_what_a_lesson_is_about_is_in_sight(lesson):
    page = lesson(6)
    slider = page.visit.slider("Training step")
    page.page.wait_for_timeout(500)
    assert slider.bounding_box()["y"] + 24 <= page.panel.bounding_box()["y"]
    expect(page.visit.options.last).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(("size", "theme"), everywhere)
def test_axe_and_the_eye_find_nothing_wrong_with_it(tour, size, theme):
    page = tour(4, size, theme)
    page.visit.ready()
    for state in ("open", "list", "folded"):
        if state == "list":
            page.panel.locator(".guide__all").click()
        if state == "folded":
            page.page.keyboard.press("Escape")
            page.button("guide.words").click()
        page.page.wait_for_timeout(350)
        found = Axe().run(page.page, context=".guide").response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], state
        assert page.page.evaluate(CONTRAST) == []


def test_without_motion_it_does_not_slide(tour):
    page = tour(1, reduced_motion="reduce")
    duration = page.panel.evaluate("panel => getComputedStyle(panel).transitionDuration")
    assert float(duration.removesuffix("s")) < 0.001
