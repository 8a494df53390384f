"""Playing, pausing, choosing: the bars tell the truth about the next character."""

import json
import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

both_sizes = pytest.mark.parametrize("size", ["laptop", "phone"])


def has_grown(visit, by=1, since="The king shall"):
    expect(visit.output.locator(".generated").nth(by - 1)).to_be_attached()
    assert visit.text().startswith(since)
    return visit.text()


@both_sizes
def test_one_press_of_play_writes_and_one_of_pause_stops(visit, size):
    page = visit(size)
    expect(page.input).to_have_value("The king shall")
    assert page.text() == "The king shall"
    page.button("Play").click()
    expect(page.button("Play")).to_be_disabled()
    expect(page.button("Step")).to_be_disabled()
    has_grown(page, 2)
    page.button("Pause").click()
    expect(page.button("Pause")).to_be_disabled()
    text = page.text()
    page.page.wait_for_timeout(1200)
    assert page.text() == text
    expect(page.button("Play")).to_be_enabled()


def test_every_character_is_the_pick_that_stood_beside_the_text_before(visit):
    page = visit()
    page.slider("Speed").fill("100")
    page.record()
    page.button("Play").click()
    has_grown(page, 20)
    page.button("Pause").click()
    steps = page.recorded()
    assert len(steps) >= 20
    for before, after in pairwise(steps):
        assert after["text"] == before["text"] + before["pick"]


def test_speed_changes_at_the_next_tick_and_is_kept(visit):
    page = visit()
    page.slider("Speed").fill("2000")
    page.record()
    page.button("Play").click()
    has_grown(page, 1)
    page.slider("Speed").fill("100")
    page.output.locator(".generated").nth(10).wait_for(timeout=4000)
    page.button("Pause").click()
    times = [entry["at"] for entry in page.recorded() if len(entry["text"]) > len("The king shall")]
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps[0] < 1500, "the tick under way waited for its old time"
    assert sorted(gaps)[len(gaps) // 2] == pytest.approx(100, abs=40)


def test_pause_drops_the_answer_under_way(visit):
    page = visit()
    held = []
    page.page.route("**/api/generate", lambda route: held.append(route))
    page.button("Play").click()
    page.page.wait_for_timeout(200)
    page.button("Pause").click()
    expect(page.button("Play")).to_be_enabled()
    assert held
    for route in held:
        route.continue_()
    page.page.wait_for_timeout(300)
    page.page.unroute("**/api/generate")
    assert page.text() == "The king shall"
    page.ready()


def test_step_appends_the_pick_and_the_api_agrees(visit):
    page = visit()
    for _ in range(3):
        text, token = page.text(), page.pick.get_attribute("data-token")
        shown = [
            (row.get_attribute("data-token"), row.locator(".candidate__value").inner_text())
            for row in page.options.all()
        ]
        answer = page.ask("generate-next-token", session_id="plain", context=text, temperature=0)
        assert answer["next_token"] == token
        assert [row["token"] for row in answer["probabilities"]] == [name for name, _ in shown]
        for row, (_, percent) in zip(answer["probabilities"], shown, strict=True):
            assert float(percent.strip("<> %")) == pytest.approx(100 * row["prob"], abs=0.051)
        page.button("Step").click()
        page.shows(text + token)
        assert page.text() == text + token


def test_ten_rows_and_the_rest_make_a_hundred_percent(visit):
    page = visit()
    assert page.options.count() == 10
    percents = page.drawer.locator(".candidate:visible .candidate__value").all_inner_texts()
    assert len(percents) == 11
    assert all(re.fullmatch(r"[<>]?\d+\.\d %", percent) for percent in percents)
    assert sum(float(p.strip("<> %")) for p in percents) == pytest.approx(100, abs=0.6)
    other = page.drawer.locator(".candidate--other")
    expect(other).to_have_text(re.compile(r"other 52 characters\s*\d+\.\d %"))


@pytest.mark.parametrize("how", ["click", "keys", "step"])
def test_choosing_the_third_row_appends_that_very_token(visit, how):
    page = visit()
    third = page.options.nth(2)
    token = third.get_attribute("data-token")
    assert third.get_attribute("data-picked") is None
    if how == "click":
        third.click()
    else:
        page.drawer.focus()
        page.page.keyboard.press("ArrowDown")
        page.page.keyboard.press("ArrowDown")
        expect(third).to_have_attribute("aria-selected", "true")
        expect(page.bars).to_have_attribute("aria-activedescendant", third.get_attribute("id"))
        page.page.keyboard.press("Enter") if how == "keys" else page.button("Step").click()
    page.shows("The king shall" + token)
    expected = page.ask(
        "generate-next-token", session_id="plain", context="The king shall" + token, temperature=0
    )
    expect(page.pick).to_have_attribute("data-token", expected["next_token"])
    expect(page.pick).to_have_attribute("aria-selected", "true")


def test_arrows_stop_at_both_ends(visit):
    page = visit()
    page.drawer.focus()
    page.page.keyboard.press("ArrowUp")
    expect(page.options.first).to_have_attribute("aria-selected", "true")
    for _ in range(12):
        page.page.keyboard.press("ArrowDown")
    expect(page.options.last).to_have_attribute("aria-selected", "true")
    assert page.bars.locator("[aria-selected=true]").count() == 1


def test_space_plays_and_pauses_and_keeps_away_from_fields(visit):
    page = visit()
    page.drawer.focus()
    page.page.keyboard.press("Space")
    expect(page.button("Pause")).to_be_enabled()
    has_grown(page)
    page.page.keyboard.press("Space")
    expect(page.button("Play")).to_be_enabled()
    page.button("Regenerate").click()
    page.input.focus()
    page.page.keyboard.press("End")
    for key in ("Space", "a", "Enter", "ArrowUp", "ArrowDown"):
        page.page.keyboard.press(key)
    expect(page.input).to_have_value("The king shall a\n")
    page.ready()
    expect(page.button("Pause")).to_be_disabled()
    speed = page.slider("Speed")
    speed.focus()
    page.page.keyboard.press("Space")
    page.page.keyboard.press("ArrowUp")
    expect(speed).to_have_value("550")
    expect(page.pick).to_have_attribute("aria-selected", "true")
    expect(page.button("Pause")).to_be_disabled()


def test_the_focus_moves_from_play_to_pause_and_back(visit):
    page = visit()
    page.button("Play").focus()
    page.page.keyboard.press("Enter")
    expect(page.button("Pause")).to_be_focused()
    page.page.keyboard.press("Space")
    expect(page.button("Play")).to_be_focused()


def test_editing_the_input_clears_what_was_generated(visit):
    page = visit()
    page.button("Step").click()
    has_grown(page)
    page.input.press("End")
    page.input.press("x")
    expect(page.output.locator(".generated")).to_have_count(0)
    page.ready()
    assert page.text() == "The king shallx"
    page.button("Clear").click()
    expect(page.input).to_have_value("")
    expect(page.input).to_be_focused()
    expect(page.status).to_have_text("Type something to get started...")
    expect(page.button("Play")).to_be_disabled()
    expect(page.button("Step")).to_be_disabled()
    expect(page.options).to_have_count(0)


def test_regenerate_clears_and_plays_on_when_it_was_playing(visit):
    page = visit()
    page.button("Play").click()
    has_grown(page, 3)
    page.button("Regenerate").click()
    assert len(page.text()) <= len("The king shall") + 1
    has_grown(page)
    page.button("Pause").click()
    page.button("Regenerate").click()
    assert page.text() == "The king shall"
    expect(page.button("Regenerate")).to_be_disabled()


def requests_to(page, path="/api/generate"):
    bodies = []
    page.page.on("request", lambda request: bodies.append(json.loads(request.post_data))
                 if request.url.endswith(path) else None)  # fmt: skip
    return bodies


def comes_true(page, what):
    """Wait for what a control's change brings: Gradio tells of it a little later."""
    for _ in range(500):
        if what():
            return
        page.page.wait_for_timeout(20)
    raise AssertionError("it never came true")


def test_sampling_shows_its_settings_and_changes_the_bars_at_once(visit):
    page = visit()
    asked = requests_to(page)
    expect(page.slider("Temperature")).to_be_hidden()
    page.sample()
    expect(page.slider("Temperature")).to_be_visible()
    page.ready()
    text = page.text()
    percent = page.options.first.locator(".candidate__value")
    before = percent.inner_text()
    page.slider("Temperature").fill("2")
    expect(percent).not_to_have_text(before)
    seed = asked[-1]["seed"]
    answer = page.ask(
        "generate-next-token", session_id="plain", context=text, temperature=2, seed=seed
    )
    expect(page.pick).to_have_attribute("data-token", answer["next_token"])
    expect(page.drawer.locator(".bars-title")).to_contain_text("at temperature 2")
    page.slider("Top-k").fill("1")
    comes_true(page, lambda: asked[-1]["top_k"] == 1)
    expect(page.options.first).to_have_attribute("data-picked", "")


def test_a_seed_of_the_visitor_repeats_and_no_seed_does_not(visit):
    page = visit()
    asked = requests_to(page)
    page.sample()
    page.ready()

    def run():
        page.slider("Speed").fill("100")
        page.button("Play").click()
        has_grown(page, 12)
        page.button("Pause").click()
        text = page.text()[:26]
        page.button("Regenerate").click()
        page.ready()
        return text

    seed = asked[-1]["seed"]
    run()
    comes_true(page, lambda: asked[-1]["seed"] != seed)
    page.page.get_by_label("Seed").press_sequentially("7")
    comes_true(page, lambda: asked[-1]["seed"] == 7)
    page.ready()
    assert run() == run()
    assert asked[-1]["seed"] == 7


def test_a_pick_outside_the_top_ten_has_a_row_of_its_own(visit):
    page = visit()
    asked = requests_to(page)
    page.sample()
    page.slider("Temperature").fill("2")
    page.ready()
    seed_field = page.page.get_by_label("Seed")
    for seed in range(30):
        answer = page.ask("generate-next-token", session_id="plain", temperature=2,
                          context="The king shall", seed=seed)  # fmt: skip
        if answer["next_token"] not in [row["token"] for row in answer["probabilities"]]:
            break
    seed_field.press_sequentially(str(seed))
    comes_true(page, lambda: asked[-1]["seed"] == seed and asked[-1]["temperature"] == 2)
    expect(page.options).to_have_count(11)
    expect(page.options.last).to_have_attribute("data-token", answer["next_token"])
    expect(page.options.last).to_have_attribute("data-picked", "")
    expect(page.drawer.locator(".candidate--other")).to_contain_text("other 51 characters")
    page.button("Step").click()
    page.shows("The king shall" + answer["next_token"])


def test_it_stops_by_itself_after_500_tokens(visit):
    page = visit()
    page.slider("Speed").fill("100")
    under_way = set()
    page.page.on("request", lambda request: under_way.add(request))
    page.page.on("requestfinished", lambda request: under_way.discard(request))
    page.page.clock.install()
    page.button("Play").click()
    for _ in range(300):  # the browser's clock leaps, the network's does not: wait for it
        page.page.clock.run_for(400)
        while under_way:
            page.page.wait_for_timeout(5)
        if page.status.inner_text().startswith("✓"):
            break
    expect(page.status).to_have_text("✓ Reached max length (500 tokens)")
    assert page.output.locator(".generated").count() == 500
    for name in ("Play", "Pause", "Step"):
        expect(page.button(name)).to_be_disabled()
    expect(page.button("Regenerate")).to_be_enabled()
    counter = page.drawer.locator(".counter")
    expect(counter).to_have_text("514 chars (last 64 in context)")
    expect(counter).to_have_attribute("title", "Model only sees the last 64 characters")


def test_the_end_token_completes_the_text(visit):
    page = visit().use("names")
    while not page.status.inner_text().startswith("✓"):
        rows = {row.get_attribute("data-token"): row for row in page.options.all()}
        text = page.text()
        (rows.get("\n") or page.pick).click()
        page.changes(text)
        page.ready()
    expect(page.status).to_have_text("✓ Generation complete. Modify input to continue.")
    assert page.text().endswith("\n")
    expect(page.button("Play")).to_be_disabled()
    page.write("Bob")
    expect(page.button("Play")).to_be_enabled()
