"""Watch it learn: a real training, watched, steered and played with in a real browser."""

import re
import uuid
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.test_look import CONTRAST, OVERLAPS, everywhere

TAB = "Watch it learn"
ENDED = "⚠️ Training session ended"
HOSTILE = "<img src=x onerror=alert(1)>${alert(2)}{{3}}`4`\n"


class Learning:
    """The tab, on top of a visit."""

    def __init__(self, visit):
        self.visit = visit
        self.page = visit.page

    def open(self):
        self.page.get_by_role("tab", name=TAB).click()
        self.form_is_there()
        return self

    def form_is_there(self):
        expect(self.page.get_by_role("radio", name="Python's documentation")).to_be_attached()

    def choose(self, name):
        self.page.locator(".choice").filter(has_text=name).click()
        return self

    def set(self, name, value):
        field = self.page.get_by_label(name, exact=False).and_(self.page.locator(".field__input"))
        if not field.is_visible():
            self.page.get_by_text("Advanced").click()
        field.fill(str(value))
        return self

    def watch_at(self, index):
        """Of the watching speeds, from one step a second to as fast as it goes."""
        self.page.get_by_role("slider", name="Watching speed").fill(str(index))
        return self

    def start(self):
        self.button("Start").click()
        expect(self.button("Start")).to_be_hidden()
        return self

    def button(self, name):
        return self.visit.button(f"{name} training")

    @property
    def sentence(self):
        return self.page.locator(".run__sentence")

    @property
    def error(self):
        return self.page.locator(".learn-error")

    @property
    def samples(self):
        return self.page.get_by_role("list", name="Samples").get_by_role("listitem")

    @property
    def session_id(self):
        return parse_qs(urlsplit(self.page.url).query).get("train", [None])[0]

    @property
    def model_line(self):
        return self.visit.drawer.locator(".model__line")

    def step(self):
        return int(re.search(r"step ([\d,]+)", self.sentence.inner_text())[1].replace(",", ""))

    def wait_for_step(self, at_least):
        """Wait until the drawer plays with the weights of such a step."""
        self.page.wait_for_function(
            """least => {
              const line = document.querySelector(".model__line").textContent;
              return Number(/step (\\d+)/.exec(line)?.[1] ?? -1) >= least;
            }""",
            arg=at_least,
        )


@pytest.fixture
def learning(visit, server):
    """`learning(size, theme)`: the tab as a first visitor opens it; what it started is removed."""
    opened = []

    def open_tab(*args, **options):
        found = Learning(visit(*args, quiet=False, **options))
        opened.append(found)
        if found.visit.drawer.get_attribute("role") == "dialog":
            found.visit.button("Close").click()
        return found.open()

    yield open_tab
    for found in opened:
        if found.session_id:
            httpx.delete(f"{server}/api/trainings/{found.session_id}")


def start_elsewhere(server, **body):
    visitor = uuid.uuid4().hex
    answer = httpx.post(f"{server}/api/trainings", json={"visitor": visitor, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()["session_id"]


def test_one_press_of_start_is_enough(learning):
    tab = learning()
    visit = tab.visit
    expect(visit.status).to_have_text("⚠️ No model trained. Train a model in any tab first.")
    expect(visit.button("Use the bundled model")).to_be_visible()
    assert tab.session_id is None
    tab.start()
    tab.page.locator(".plot--loss circle").first.wait_for(state="attached")
    for name in ("uniform guessing", "letter frequencies", "bigrams: what follows what"):
        expect(tab.page.locator(".plot__name").filter(has_text=name)).to_be_visible()
    expect(visit.input).to_have_value("Once upon a time")
    tab.wait_for_step(20)

    visit.slider("Speed").fill("100")
    visit.button("Play").click()
    expect(visit.output.locator(".generated").nth(4)).to_be_attached()
    first = int(re.search(r"step (\d+)", tab.model_line.inner_text())[1])
    tab.wait_for_step(first + 1)
    expect(visit.button("Pause")).to_be_enabled()

    tab.page.get_by_role("tab", name="Library").click()
    expect(visit.status).to_have_text(f"⚠️ Switch back to {TAB} to continue")
    text = visit.text()
    tab.page.get_by_role("tab", name=TAB).click()
    expect(visit.status).not_to_contain_text("Switch back")
    assert visit.text() == text

    expect(tab.samples.filter(has_text="Step 200")).to_be_attached(timeout=30_000)
    written = tab.samples.first.locator(".sample__text").inner_text()
    assert re.findall(r"\b(?:the|of|is|a|to|in|and|that|for|are)\b", written), written
    loss = float(tab.page.locator("[data-fact=loss]").inner_text())
    body = httpx.get(f"{visit.server}/api/trainings/{tab.session_id}").json()
    assert loss < body["landmarks"]["pairs"] < body["landmarks"]["letters"]
    steps = [int(step) for step in tab.samples.evaluate_all("s => s.map(e => e.dataset.step)")]
    assert steps == sorted(steps, reverse=True)
    assert steps[-1] == 0


def test_word_pieces_come_one_after_the_other_and_are_played_with(learning):
    tab = learning()
    visit, page = tab.visit, tab.page
    tab.choose("Python's documentation").choose("Word pieces").start()
    found = page.get_by_role("list", name="How its word pieces came about")
    merges, count = found.get_by_role("listitem"), page.locator(".merges-count")
    expect(merges.first).to_be_visible(timeout=30_000)
    learned = httpx.get(f"{visit.server}/api/trainings/{tab.session_id}/merges").json()["merges"]
    expect(count).not_to_have_text("744 merges")
    expect(count).to_have_text("744 merges", timeout=15_000)
    expect(merges).to_have_count(len(learned))
    for at in (0, -1):
        left, right, times = learned[at].values()
        shown = [text.replace(" ", "␣") for text in (left, right, left + right)]
        expect(merges.nth(at)).to_have_text(f"{shown[0]} + {shown[1]}{shown[2]}{times:,}×")
    assert found.evaluate("e => e.scrollTop + e.clientHeight >= e.scrollHeight - 8"), "follows"
    expect(page.locator(".run-head__what")).to_contain_text("sees 64 word pieces")

    tab.wait_for_step(10)
    visit.ready().button("Step").click()
    expect(visit.output.locator(".generated")).to_have_count(1)
    tab.button("Stop").click()
    expect(tab.sentence).to_contain_text("Stopped at step")
    page.reload()
    expect(count).to_have_text("744 merges")
    assert found.evaluate("e => e.scrollTop") == 0, "an ended one has them all at once"


def test_pause_step_resume_stop(learning):
    tab = learning()
    visit = tab.visit
    tab.watch_at(2).start()
    tab.wait_for_step(1)
    tab.button("Pause").click()
    expect(tab.sentence).to_contain_text("Paused at")
    expect(tab.button("Resume")).to_be_focused()
    at = tab.step()
    tab.page.wait_for_timeout(1000)
    assert tab.step() == at
    for more in (1, 2):
        tab.button("Step").click()
        expect(tab.sentence).to_contain_text(f"Paused at step {at + more} ")
        expect(tab.model_line).to_contain_text(f"step {at + more}")
    visit.ready()

    visit.button("Step").click()
    expect(visit.output.locator(".generated")).to_have_count(1)
    text = visit.text()
    tab.page.locator("#live-step").fill("0")
    expect(tab.model_line).to_contain_text("step 0")
    visit.ready()
    tab.page.locator("#live-step").press("End")
    expect(tab.model_line).to_contain_text(f"step {at + 2}")
    assert visit.text() == text

    tab.button("Resume").click()
    expect(tab.sentence).to_contain_text("Learning")
    tab.wait_for_step(at + 3)
    visit.button("Play").click()
    expect(visit.button("Pause")).to_be_enabled()
    tab.button("Stop").click()
    expect(visit.status).to_contain_text(ENDED)
    expect(tab.sentence).to_contain_text("Stopped at step")
    expect(visit.button("Pause")).to_be_disabled()
    assert visit.text().startswith(text)
    visit.ready().button("Play").click()
    expect(visit.status).to_contain_text("Writing")
    visit.button("Pause").click()

    tab.watch_at(7)
    tab.button("Resume").click()
    expect(tab.sentence).to_contain_text("Learning")
    tab.button("Pause").click()
    assert httpx.delete(f"{visit.server}/api/trainings/{tab.session_id}").is_success
    expect(visit.status).to_contain_text(ENDED)
    expect(tab.error).to_contain_text("its model is gone")
    assert visit.text().startswith(text)
    expect(visit.button("Play")).to_be_disabled()
    assert tab.session_id is None


def test_the_queue_and_a_model_that_is_not_ready(learning, server):
    others = [start_elsewhere(server, steps=20_000, steps_per_second=1) for _ in range(2)]
    try:
        tab = learning()
        tab.choose("Sums").set("Steps", 30).start()
        expect(tab.sentence).to_contain_text("Waiting: place 1 in the queue, about")
        expect(tab.visit.status).to_have_text("In the queue, number 1. It starts by itself.")
        expect(tab.visit.button("Play")).to_be_disabled()
        expect(tab.visit.drawer.locator(".status")).to_have_attribute("data-tone", "")
        expect(tab.model_line).to_have_text("New model · not trained yet")
    finally:
        for session_id in others:
            httpx.delete(f"{server}/api/trainings/{session_id}")
    expect(tab.sentence).to_have_text("✓ Done: 30 steps.", timeout=20_000)
    tab.visit.ready()
    expect(tab.visit.status).to_have_text("Press Play, or choose one of the characters.")
    expect(tab.model_line).to_contain_text("step 30")
    expect(tab.page.locator(".plot--sums circle").nth(2)).to_be_attached()
    expect(tab.page.locator(".answer")).to_have_count(8)


def test_bad_input_leaves_the_form_as_it_was(learning):
    tab = learning()
    text = tab.page.get_by_role("textbox", name="Your text")
    tab.choose("Your own text")
    text.fill("é😀" + "x" * 97)
    expect(tab.page.locator("#own-text-count")).to_have_text("99 characters")
    tab.set("Steps", 99_999).choose("15K")
    tab.button("Start").click()
    expect(tab.error).to_have_text("The text has 99 characters; at least 100 are needed.")
    expect(text).to_have_value("é😀" + "x" * 97)
    text.fill(HOSTILE * 20)
    expect(tab.error).to_be_hidden()
    tab.button("Start").click()
    expect(tab.error).to_have_text("Steps must be from 1 to 20,000, not 99,999.")
    steps = tab.page.get_by_label("Steps").and_(tab.page.locator(".field__input"))
    expect(steps).to_have_value("99999")
    expect(steps).to_have_attribute("aria-invalid", "true")
    tab.set("Steps", "many")
    tab.button("Start").click()
    expect(tab.error).to_have_text("Steps: This must be a whole number")
    upload = tab.page.locator(".own-text input[type=file]")
    binary = {"name": "cat.txt", "mimeType": "text/plain", "buffer": b"\x89PNG\0" * 40}
    upload.set_input_files(binary)
    expect(tab.error).to_contain_text("This is not a text in UTF-8")
    expect(text).to_have_value(HOSTILE * 20)
    assert tab.session_id is None

    tab.set("Steps", 10).start()
    expect(tab.sentence).to_have_text("✓ Done: 10 steps.", timeout=20_000)
    assert tab.samples.first.locator(".sample__given").inner_text() == HOSTILE[:16]
    assert tab.page.locator(".samples :is(img, script)").count() == 0


def test_german_numbers_are_read_and_written_with_a_comma(learning_in_german):
    page, asked = learning_in_german
    page.locator(".advanced > summary").click()
    field = page.locator(".field__input")
    names = ("Schritte", "Lernrate", "Breite")
    fields = {name: page.get_by_label(name).and_(field) for name in names}
    expect(fields["Lernrate"]).to_have_value("0.06")
    expect(page.locator(".field").filter(has_text="Schritte")).to_contain_text("1 bis 20.000")
    expect(page.locator(".field").filter(has_text="Lernrate")).to_contain_text("0,0006 bis 6")
    fields["Schritte"].fill("1.500")
    fields["Lernrate"].fill("0,015")
    page.get_by_role("button", name="Training starten").click()
    expect(page.locator(".learn-error")).to_have_text("Breite muss anders sein.")
    expect(fields["Breite"]).to_have_attribute("aria-invalid", "true")
    expect(fields["Breite"]).to_be_focused()
    expect(fields["Schritte"]).to_have_attribute("aria-invalid", "false")
    fields["Lernrate"].fill("0.015")
    page.get_by_role("button", name="Training starten").click()
    expect(page.locator(".learn-error")).to_be_visible()
    assert [body["steps"] for body in asked] == [1500, 1500]
    assert [body["learning_rate"] for body in asked] == [0.015, 0.015]


@pytest.fixture
def learning_in_german(visit):
    """The form in German, and what it has asked for; it is told that a field is wrong."""
    asked = []

    def refuse(route):
        if route.request.method != "POST":
            return route.fallback()
        asked.append(route.request.post_data_json)
        return route.fulfill(
            status=400,
            json={"error": "Breite muss anders sein."},
            headers={"X-Error-Field": "model.n_embd"},
        )

    page = visit(query="&lang=de&tab=learn&drawer=closed&v=1", quiet=False, wait=False).page
    page.route(re.compile(r"/api/trainings(\?|$)"), refuse)
    expect(page.locator(".learn[aria-busy=false]")).to_be_visible()
    return page, asked


def test_it_is_found_again_by_its_link_and_kept(learning, visit):
    tab = learning()
    tab.choose("15K").set("Steps", 20).start()
    expect(tab.sentence).to_have_text("✓ Done: 20 steps.", timeout=20_000)
    name = tab.page.get_by_role("textbox", name="Name")
    name.fill("<b>Mine</b>")
    tab.visit.button("Keep under this name").click()
    expect(tab.page.locator(".run-head__name")).to_have_text("<b>Mine</b>")
    expect(tab.model_line).to_contain_text("<b>Mine</b>")
    with tab.page.expect_download() as download:
        tab.page.get_by_role("link", name="Download").click()
    archive = download.value.path()

    tab.page.evaluate("localStorage.clear()")
    tab.page.reload()
    expect(tab.sentence).to_have_text("✓ Done: 20 steps.")
    expect(tab.model_line).to_contain_text("<b>Mine</b>")
    expect(tab.model_line).to_contain_text("step 20")
    tab.visit.ready()

    tab.visit.button("New training").click()
    expect(tab.button("Start")).to_be_focused()
    assert tab.session_id is None
    tab.page.locator(".own > input[type=file]").set_input_files(
        {"name": "mine.zip", "mimeType": "application/zip", "buffer": archive.read_bytes()}
    )
    expect(tab.sentence).to_have_text("✓ Done: 20 steps.")
    expect(tab.page.locator(".run-head__name")).to_have_text("<b>Mine</b>")
    tab.visit.button("Delete").click()
    tab.visit.button("Delete for good?").click()
    expect(tab.button("Start")).to_be_visible()
    expect(tab.visit.status).to_contain_text(ENDED)


def test_its_steps_of_now_are_offered_side_by_side(learning):
    tab = learning()
    tab.choose("15K").set("Steps", 20).watch_at(3).start()
    expect(tab.sentence).to_have_text("✓ Done: 20 steps.", timeout=20_000)
    tab.visit.ready().button("Explore").click()
    tab.page.get_by_role("tab", name="Side by side").click()
    steps = tab.page.locator("[data-panel=lanes] [name=step] option")
    expect(steps).to_have_text(["0", "10", "20"])


def test_a_training_is_deleted_by_two_presses_of_its_own(learning):
    tab = learning()
    for _ in range(2):
        tab.choose("15K").set("Steps", 5).start()
        expect(tab.sentence).to_have_text("✓ Done: 5 steps.", timeout=20_000)
        first = tab.session_id
        tab.visit.button("Delete").click()
        expect(tab.visit.button("Delete for good?")).to_be_visible()
        tab.visit.button("New training").click()
    entries = tab.page.locator(".own__entry")
    entries.last.get_by_role("button", name="Open").click()
    expect(entries.first).to_be_hidden()  # the sentence was there before, out of sight
    expect(tab.sentence).to_have_text("✓ Done: 5 steps.")
    assert tab.session_id not in (None, first)
    tab.visit.button("Delete").click()
    expect(tab.visit.button("Delete for good?")).to_be_visible()
    tab.visit.button("Delete for good?").click()
    expect(entries).to_have_count(1)
    entries.get_by_role("button", name="Delete").click()
    entries.get_by_role("button", name="Delete").click()
    expect(entries).to_have_count(0)


def test_what_was_kept_stands_in_the_library_of_who_kept_it(learning, visit):
    tab = learning()
    visitor, page = tab.visit, tab.page
    tab.choose("15K").set("Steps", 20).start()
    expect(tab.sentence).to_have_text("✓ Done: 20 steps.", timeout=20_000)
    cards = page.locator("#library .card")

    def keep(name):
        page.get_by_role("tab", name=TAB).click()
        page.get_by_role("textbox", name="Name").fill(name)
        visitor.button("Keep under this name").click()
        expect(tab.model_line).to_contain_text(name)
        page.get_by_role("tab", name="Library").click()

    page.get_by_role("tab", name="Library").click()
    expect(cards).to_have_count(4)  # unnamed, it is none of them
    keep(HOSTILE.strip())
    mine = cards.filter(has_text=HOSTILE.strip())
    expect(cards).to_have_count(5)
    expect(mine).to_contain_text("20 steps")
    mine.get_by_role("radio").check(force=True)
    expect(tab.model_line).to_contain_text(HOSTILE.strip())
    slider = visitor.slider("Training step").and_(page.locator("#training-step input"))
    expect(slider).to_have_value("2")  # 0, 10, 20
    slider.fill("1")
    expect(tab.model_line).to_contain_text("step 10")
    visitor.ready().button("Step").click()
    expect(visitor.output.locator(".generated")).to_have_count(1)

    keep("Another name")
    expect(cards.filter(has_text="Another name").get_by_role("radio")).to_be_checked()
    expect(tab.model_line).to_contain_text("Another name · ")
    expect(tab.model_line).to_contain_text("step 10")
    page.goto(f"{visitor.server}/")
    expect(cards.filter(has_text="Another name")).to_be_visible()

    other = visit(reduced_motion="reduce")
    expect(other.page.locator("#library .card")).to_have_count(4)
    cards.filter(has_text="Another name").get_by_role("radio").check(force=True)
    page.get_by_role("tab", name=TAB).click()
    own = page.locator(".own__entry")
    own.get_by_role("button", name="Delete").click()
    own.get_by_role("button", name="Delete").click()
    expect(own).to_have_count(0)
    page.get_by_role("tab", name="Library").click()
    expect(cards).to_have_count(4)
    expect(cards.first.get_by_role("radio")).to_be_checked()
    visitor.ready()


@pytest.mark.parametrize(("size", "theme"), everywhere)
def test_every_text_of_it_can_be_read_and_nothing_overlaps(learning, size, theme):
    tab = learning(size, theme)
    page = tab.page
    parts = ".choice, .learn-bar .button, .learn-bar__speed, .run__facts > div, .plot, .samples, h2"
    tab.choose("Sums").set("Steps", 8)
    tab.set("Seed", "x").button("Start").click()
    expect(tab.error).to_be_visible()
    for state in ("form", "run"):
        if state == "run":
            tab.set("Seed", 2).start()
            expect(tab.sentence).to_have_text("✓ Done: 8 steps.", timeout=20_000)
            page.wait_for_function("!document.getAnimations().some(a => a.playState === 'running')")
        assert page.evaluate(CONTRAST) == []
        learn = ", ".join(f".learn {part}" for part in parts.split(", "))
        assert page.evaluate(OVERLAPS, learn) == [] if size == "laptop" else True
        assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]


def test_explore_stays_usable_while_the_model_learns(learning):
    learn = learning().watch_at(3).start()
    page = learn.page
    learn.wait_for_step(30)
    learn.visit.ready()
    learn.visit.button("Explore").click()
    page.get_by_role("tab", name="Guess first").click()
    text = page.locator(".guess__text")
    expect(text).to_have_attribute("aria-busy", "false")
    expect(page.locator(".guess__problem")).to_be_hidden()
    passage = text.text_content()
    page.get_by_role("tab", name="Sampling").click()
    value = page.locator("[data-part=odds] .odds__value").first
    expect(value).not_to_be_empty()
    page.get_by_role("button", name="Write all three").click()
    expect(page.locator(".way")).to_have_count(3)
    written = page.locator(".way__text").all_text_contents()
    odds = value.text_content()
    expect(value).not_to_have_text(odds)  # it learns on
    assert page.locator(".way__text").all_text_contents() == written
    page.get_by_role("tab", name="Guess first").click()
    assert text.text_content() == passage
    assert page.locator(".toast").count() == 0
