"""Explore's panel on how a token is picked: its numbers are the engine's."""

import itertools
import json
import math
import re

import pytest
from playwright.sync_api import expect

from playground.service.draws import DRAWS_MAX
from tests.browser.test_access import Audit, both_sizes

PROMPT = "The king shall"
SETTINGS = "&pick=sample&temperature=1.3&top_k=9&seed=12&explore=draw&v=1"
SAMPLED = {"temperature": 1.3, "top_k": 9, "top_p": 1, "seed": 12}


def panel(page):
    return page.page.locator("[data-panel=draw]")


def part(page, name):
    """A section, once the answers are there."""
    expect(panel(page)).to_have_attribute("aria-busy", "false")
    return panel(page).locator(f"[data-part={name}]")


def step(page, **changes):
    body = {"session_id": "plain", "context": PROMPT, "n": 1} | SAMPLED | changes
    return page.ask("generate", intervals=True, **body)["steps"][0]


def percents(row):
    return [float(number) for number in re.findall(r"([\d.]+)\s?%", row)]


def values(page, name):
    return part(page, name).locator(".odds__value").all_text_contents()


def go_to(page, dial, value):
    panel(page).locator(f"[data-dial={dial}] input").fill(str(value))


def test_the_odds_before_and_after_are_the_engines_and_the_drawer_agrees(visit):
    page = visit(query=SETTINGS)
    after = step(page)
    before = step(page, temperature=0)
    expected = [
        [100 * raw["prob"], 100 * (one["high"] - one["low"] if one["low"] is not None else 0)]
        for raw, one in zip(before["candidates"], after["candidates"], strict=True)
    ]
    shown = [percents(value) for value in values(page, "odds")]
    for row, numbers in zip(shown[:10], expected, strict=True):
        assert row == pytest.approx(numbers, abs=0.11)
    assert shown[9][1] == shown[10][1] == 0, "left out by top-k"
    go_to(page, "temperature", 0.5)
    go_to(page, "top-k", 3)
    go_to(page, "top-p", 0.9)
    now = {"temperature": 0.5, "top_k": 3, "top_p": 0.9}
    top = step(page, **now)["candidates"][0]
    first = panel(page).locator("[data-part=odds] .odds__value").first
    expect(first).to_contain_text(f"→ {100 * (top['high'] - top['low']):.1f}")
    page.page.keyboard.press("Escape")
    for name, value in (("Temperature", "0.5"), ("Top-k", "3"), ("Top-p", "0.9")):
        expect(page.slider(name)).to_have_value(value)
    page.ready()
    expect(page.pick).to_have_attribute("data-token", step(page, **now)["token"])


def test_the_draw_falls_where_the_engine_says_and_every_piece_can_be_read(visit):
    page = visit(query=SETTINGS)
    drawn = step(page)
    said = part(page, "draw").get_by_role("status")
    expect(said).to_contain_text(f"{drawn['u']:.4f}")
    line = page.page.get_by_role("listbox", name="The line of the draw")
    pieces = line.get_by_role("option")
    expect(pieces).to_have_count(9)  # top-k leaves no others
    box = line.bounding_box()
    widest = max((one for one in drawn["candidates"] if one["low"] is not None),
                 key=lambda one: one["high"] - one["low"])  # fmt: skip
    middle = (widest["low"] + widest["high"]) / 2
    page.page.mouse.move(box["x"] + middle * box["width"], box["y"] + 20)
    reading = panel(page).locator(".draw__reading")
    expect(reading).to_contain_text(f"from {widest['low']:.4f} to {widest['high']:.4f}")
    line.focus()
    page.page.keyboard.press("Home")
    expect(reading).to_contain_text("from 0.0000 to")
    for index in range(1, 9):
        page.page.keyboard.press("ArrowRight")
        expect(pieces.nth(index)).to_have_attribute("aria-selected", "true")
    expect(reading).to_contain_text("to 1.0000")
    go_to(page, "top-k", 2)
    go_to(page, "top-k", 0)
    expect(line.locator(".draw__piece--other").first).to_be_attached()


def test_another_seed_draws_again_and_can_be_written_with(visit):
    page = visit(query=SETTINGS)
    said = part(page, "draw").get_by_role("status")
    before = said.text_content()
    page.button("Another seed").focus()
    page.page.keyboard.press("Enter")
    expect(said).not_to_have_text(before)
    seed = int(re.search(r"Seed (\d+)", said.text_content())[1])
    expect(said).to_contain_text(f"{step(page, seed=seed)['u']:.4f}")
    page.button("Write with this seed").press("Enter")
    expect(page.button("Write with this seed")).to_be_hidden()
    expect(page.button("Another seed")).to_be_focused()
    page.page.keyboard.press("Escape")
    expect(page.drawer.locator("#seed input")).to_have_value(str(seed))
    page.ready()
    expect(page.pick).to_have_attribute("data-token", step(page, seed=seed)["token"])


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_tallies_are_those_of_the_seeds_and_come_close_to_the_odds(visit, motion):
    page = visit(query=SETTINGS, reduced_motion=motion)
    tallies = part(page, "tally")
    page.button("Draw 100 times").click()
    said = tallies.get_by_role("status")
    expect(said).to_contain_text("100 draws, with the seeds 12 to 111.")
    drawn = [step(page, seed=seed)["token"] for seed in range(12, 32)]
    found = page.ask("draws", session_id="plain", context=PROMPT, n=100, **SAMPLED)
    names = [row["token"] for row in found["tokens"]]
    assert [names[at] for at in found["draws"][:20]] == drawn
    counts = {row["token"]: row["count"] for row in found["tokens"]}
    order = [one["token"] for one in step(page)["candidates"]]
    shown = [int(value.split(" ")[0]) for value in values(page, "tally")]
    assert shown == [*(counts.get(token, 0) for token in order), 0]
    page.button(f"Draw {DRAWS_MAX:,} times").click()
    expect(said).to_contain_text("10,000 draws")
    furthest = float(re.search(r"is ([\d.]+) percentage points", said.text_content())[1])
    assert furthest < 100 * 4 * math.sqrt(0.25 / DRAWS_MAX)
    go_to(page, "temperature", 0.7)
    expect(tallies.get_by_role("listitem")).to_have_count(0)  # they were of other odds


def test_three_ways_are_the_engines_and_each_can_be_gone_on_with(visit):
    page = visit(query=SETTINGS)
    part(page, "ways")
    go_to(page, "length", 8)
    page.button("Write all three").click()
    ways = page.page.locator(".way")
    expect(ways).to_have_count(3)
    asked = {"session_id": "plain", "context": PROMPT, "n": 8}
    texts = [
        "".join(one["token"] for one in page.ask("generate", **asked, **settings)["steps"])
        for settings in ({"temperature": 0}, SAMPLED)
    ]
    [best, *_] = page.ask("beams", **asked, width=5)["beams"]
    texts.append(best["text"])
    bits = []
    for index, text in enumerate(texts):
        scored = page.ask("score", session_id="plain", text=PROMPT + text)["tokens"][-8:]
        bits.append(-sum(token["logprob"] for token in scored) / math.log(2))
        expect(ways.nth(index).locator(".way__bits")).to_contain_text(f"{bits[-1]:.1f} bits")
        shown = ways.nth(index).locator(".way__text").text_content()
        assert shown == text.replace("\n", "\\n")
    expect(ways.nth(bits.index(min(bits)))).to_have_class("way way--best")
    beams = page.ask("beams", **asked, width=5)["depths"]
    tree = page.page.get_by_role("listbox", name="The three as one tree")
    kept = tree.locator(".node:not(.node--left)")
    assert kept.count() == sum(map(len, beams))
    dropped = [
        beam["token"]
        for beams_here, after in itertools.pairwise(beams)
        for rank, beam in enumerate(beams_here)
        if rank not in {one["parent"] for one in after}
    ]
    assert tree.locator(".node--dropped").count() == len(dropped)
    selected = tree.locator("[aria-selected=true]")
    reading = page.page.locator(".tree__reading")
    expect(reading).to_contain_text(f"{bits[2]:.1f} bits so far, number 1 of beam search")
    tree.focus()
    for _ in range(7):
        page.page.keyboard.press("ArrowLeft")
    expect(selected).to_have_css("grid-column-start", "1")
    page.page.keyboard.press("ArrowDown")
    expect(reading).to_contain_text("Character 1, “")
    page.page.keyboard.press("End")
    expect(reading).to_contain_text("what beam search ends with")
    panel(page).locator("[data-tree=go]").press("Enter")
    expect(page.page.locator("#explore-dialog")).to_be_hidden()
    page.shows(PROMPT + texts[2])
    page.ready()
    page.button("Undo").click()
    page.shows(PROMPT)
    page.button("Redo").click()
    page.shows(PROMPT + texts[2])
    page.output.focus()
    for _ in texts[2]:
        page.page.keyboard.press("ArrowLeft")
    page.button("Explore").click()
    part(page, "ways")
    page.button("Write all three").click()
    ways.nth(1).get_by_role("button").click()
    page.shows(PROMPT + texts[1])
    page.button("Explore").click()
    page.page.get_by_role("tab", name="Branches").click()
    expect(page.page.locator(".branch__text")).to_have_count(2)  # what was on screen is one


def test_nothing_stands_before_the_first_character(visit):
    page = visit()
    page.button("Clear").click()
    page.button("Explore").click()
    page.page.get_by_role("tab", name="Sampling").click()
    expect(panel(page).locator(".sampling__nowhere")).to_be_visible()
    expect(panel(page).locator(".sampling__sections")).to_be_hidden()


def test_top_choice_draws_nothing_until_a_setting_is_moved(visit):
    page = visit(query="&explore=draw&v=1")
    expect(part(page, "draw").locator(".draw")).to_be_hidden()
    assert percents(values(page, "odds")[0])[1] == 100
    page.button("Sample instead").click()
    expect(part(page, "draw").locator(".draw")).to_be_visible()
    panel(page).get_by_text("Top choice", exact=True).click()
    expect(part(page, "draw").locator(".draw")).to_be_hidden()
    go_to(page, "top-k", 4)
    expect(panel(page).get_by_role("radio", name="Sample")).to_be_checked()


def test_a_failure_is_told_and_asked_again(visit):
    page = visit(query=SETTINGS, quiet=False)
    part(page, "odds")
    page.page.route("**/api/generate", lambda route: route.fulfill(
        status=400, body=json.dumps({"error": "<b>broken</b>"}), content_type="application/json"
    ))  # fmt: skip
    page.button("Another seed").click()
    alert = panel(page).get_by_role("alert")
    expect(alert).to_have_text("<b>broken</b>")
    page.page.unroute("**/api/generate")
    panel(page).get_by_role("button", name="Try again").click()
    expect(alert).to_be_hidden()
    part(page, "draw")


def test_hostile_tokens_are_shown_as_characters(visit):
    page = visit(query="&model=weird&prompt=%3C&pick=sample&explore=draw&v=1", wait=False)
    part(page, "odds")
    names = panel(page).locator("[data-part=odds] .odds__name--token").all_text_contents()
    [weird] = page.ask("generate", session_id="weird", context="<", n=1, temperature=0)["steps"]
    labels = {"\n": "\\n", "\t": "\\t", " ": "(space)", "\u202e": "U+202E"}
    tokens = [one["token"] for one in weird["candidates"]]
    assert names == [labels.get(token, token) for token in tokens]
    page.button("Write all three").click()
    expect(page.page.locator(".way")).to_have_count(3)
    assert "\u202e" not in panel(page).text_content()
    assert panel(page).locator("img, script, b").count() == 0


def tab_to(page, selector):
    """Press Tab until an element of the panel has the focus."""
    for _ in range(40):
        page.page.keyboard.press("Tab")
        if panel(page).locator(f"{selector}:focus").count():
            return
    pytest.fail(f"no Tab leads to {selector}")


def test_by_keyboard_alone_from_the_door_to_a_text_that_goes_on(visit):
    page = visit(query=SETTINGS.replace("&explore=draw", ""))
    page.page.locator(".explore-door").focus()
    page.page.keyboard.press("Enter")
    expect(page.page.locator("[role=treeitem]:focus")).to_have_count(1)
    page.page.keyboard.press("Shift+Tab")
    for _ in range(3):
        page.page.keyboard.press("ArrowRight")
    part(page, "odds")
    tab_to(page, ".sampling__pick input")
    tab_to(page, "[data-dial=temperature] input")
    page.page.keyboard.press("ArrowLeft")
    tab_to(page, ".draw__line")
    page.page.keyboard.press("ArrowRight")
    expect(panel(page).locator(".draw__reading")).not_to_be_empty()
    tab_to(page, "[data-sampling=another]")
    page.page.keyboard.press("Enter")
    expect(page.button("Write with this seed")).to_be_visible()
    tab_to(page, "[data-part=tally] button:nth-of-type(1)")
    page.page.keyboard.press("Enter")
    expect(part(page, "tally").get_by_role("status")).to_contain_text("100 draws")
    tab_to(page, "[data-ways=write]")
    page.page.keyboard.press("Enter")
    expect(page.page.locator(".way")).to_have_count(3)
    tab_to(page, ".way button")
    page.page.keyboard.press("Enter")
    expect(page.page.locator("#explore-dialog")).to_be_hidden()
    page.page.wait_for_function(
        f"document.querySelector('.output').textContent.length > {len(PROMPT)}"
    )


@both_sizes
@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(visit, size, locale):
    options = {"locale": locale, "reduced_motion": "reduce", "has_touch": size == "phone"}
    page = visit(size, query=SETTINGS, quiet=False, wait=False, **options)
    tap = "tap" if size == "phone" else "click"
    part(page, "odds")
    for selector, found in (
        ("[data-part=tally] button >> nth=1", "[data-part=tally] li >> nth=9"),
        ("[data-ways=write]", ".node[aria-selected=true]"),
        ("[data-sampling=another]", "[data-sampling=use]"),
    ):
        getattr(panel(page).locator(selector), tap)()
        expect(page.page.locator(found)).to_be_visible()
    audit = Audit(page)
    audit.look("sampled")
    panel(page).locator(".sampling__pick label").first.click()
    expect(panel(page).locator(".draw")).to_be_hidden()
    audit.look("top choice")
    assert audit.found == []
    dialog = page.page.locator("#explore-dialog")
    assert dialog.evaluate("d => d.scrollWidth <= d.clientWidth")
