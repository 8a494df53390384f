"""The drawer: where it stands, how it opens and closes, and where the focus goes."""

import shutil

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import serving
from tests.browser.test_access import Audit

both_sizes = pytest.mark.parametrize("size", ["laptop", "phone"])


def left_edge(visit):
    return visit.drawer.evaluate("drawer => drawer.getBoundingClientRect().left")


def settle(visit):
    visit.page.wait_for_function("() => !document.querySelector('#drawer').getAnimations().length")


def focus_is_in_drawer(visit):
    return visit.page.evaluate("document.querySelector('#drawer').contains(document.activeElement)")


def test_a_first_visit_shows_it_open_beside_the_page(visit):
    page = visit()
    box = page.drawer.bounding_box()
    assert (box["x"], box["width"], box["height"]) == (800, 480, 800)
    assert page.page.evaluate("document.activeElement === document.body")
    expect(page.drawer).to_have_attribute("role", "complementary")
    content = page.page.locator("#tabs").bounding_box()
    assert content["x"] + content["width"] <= 800
    assert page.page.evaluate("document.documentElement.scrollWidth") == 1280
    expect(page.drawer.locator(".model__line")).to_have_text("plain · 6K params · step 1000")
    expect(page.drawer.locator(".model__source")).to_have_text("bundled with this page")
    expect(page.drawer.locator(".counter")).to_have_text("14 / 64 in context")


def test_on_a_phone_it_lies_over_the_page_and_traps_the_focus(visit):
    page = visit("phone")
    settle(page)
    box = page.drawer.bounding_box()
    assert (box["x"], box["width"]) == (0, 390)
    expect(page.drawer).to_have_attribute("role", "dialog")
    expect(page.drawer).to_have_attribute("aria-modal", "true")
    seen = set()
    for key in ["Tab"] * 18 + ["Shift+Tab"] * 18:
        page.page.keyboard.press(key)
        seen.add(
            page.page.evaluate(
                "document.activeElement.ariaLabel || document.activeElement.textContent.trim()"
            )
        )
        assert focus_is_in_drawer(page)
    assert {"Close", "Play", "Speed", "Step", "Next-token probabilities"} <= seen


@both_sizes
@pytest.mark.parametrize("how", ["×", "Esc", "backdrop", "toggle"])
def test_it_closes_and_the_focus_returns_to_what_opened_it(visit, size, how):
    if how == {"laptop": "backdrop", "phone": "toggle"}[size]:
        pytest.skip(f"a {size} has no {how}")
    page = visit((800, 844) if how == "backdrop" else size)
    page.button("Close").click()
    toggle = page.button("Playground")
    expect(toggle).to_be_focused()
    expect(toggle).to_have_attribute("aria-expanded", "false")
    toggle.click()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    assert focus_is_in_drawer(page)
    if how == "×":
        page.button("Close").click()
    elif how == "Esc":
        page.page.keyboard.press("Escape")
    elif how == "backdrop":
        page.page.mouse.click(50, 400)
    else:
        toggle.click()
    expect(toggle).to_be_focused()
    expect(page.drawer).to_be_hidden()
    assert not page.page.evaluate("document.querySelectorAll('[inert]:not(#drawer)').length")
    page.page.keyboard.press("Tab")
    assert not focus_is_in_drawer(page)


def test_it_slides_for_300_ms_from_the_right(visit):
    page = visit()
    transition = page.drawer.evaluate(
        "drawer => { const s = getComputedStyle(drawer);"
        " return [s.transitionProperty, s.transitionDuration, s.transitionTimingFunction]; }"
    )
    assert [part.split(", ")[0] for part in transition] == ["transform", "0.3s", "ease-out"]
    page.button("Close").click()
    expect(page.drawer).to_be_hidden()
    page.page.evaluate(
        """() => { window.edges = [];
          const note = () => { window.edges.push(
            document.querySelector("#drawer").getBoundingClientRect().left);
            requestAnimationFrame(note); };
          note(); }"""
    )
    page.button("Playground").click()
    expect(page.button("Close")).to_be_in_viewport()
    settle(page)
    edges = page.page.evaluate("window.edges")
    assert edges[0] == 1280
    assert left_edge(page) == 800
    assert len({round(edge) for edge in edges}) > 3, "it jumped"
    assert edges == sorted(edges, reverse=True)


def test_without_motion_it_does_not_slide(visit):
    page = visit(reduced_motion="reduce")
    page.button("Close").click()
    expect(page.drawer).to_be_hidden()
    assert float(page.drawer.evaluate("d => getComputedStyle(d).transitionDuration")
                 .split(", ")[0].removesuffix("s")) < 0.001  # fmt: skip


def test_escape_leaves_a_field_before_it_closes_the_drawer(visit):
    page = visit()
    page.input.focus()
    page.page.keyboard.press("Escape")
    expect(page.drawer).to_be_visible()
    expect(page.drawer).to_be_focused()
    page.page.keyboard.press("Escape")
    expect(page.drawer).to_be_hidden()


def test_back_on_a_phone_closes_the_drawer_and_not_the_page(visit):
    """The request that Chrome on Android makes of Back, which no headless browser has."""
    page = visit("phone", wait=False)
    page.page.add_init_script(
        """const Original = CloseWatcher;
        window.watchers = [];
        window.CloseWatcher = class extends Original {
          constructor(...options) { super(...options); watchers.push(this); }
        };"""
    )
    page.page.reload()
    page.ready()
    for _ in range(2):
        expect(page.drawer).to_be_visible()
        page.page.evaluate("watchers.at(-1).requestClose()")
        expect(page.drawer).to_be_hidden()
        page.button("Playground").click()
    expect(page.drawer).to_be_visible()


def test_escape_closes_only_what_is_on_top(visit):
    page = visit()
    page.button("Knows 62 characters").click()
    vocabulary = page.drawer.locator("#vocabulary")
    expect(vocabulary.get_by_role("listitem")).to_have_count(62)
    expect(vocabulary).to_contain_text("(space)")
    page.page.keyboard.press("Escape")
    expect(vocabulary).to_be_hidden()
    expect(page.drawer).to_be_visible()


def test_a_returning_visitor_finds_it_as_it_was_left(visit):
    page = visit()
    page.button("Close").click()
    page.page.reload()
    expect(page.button("Playground")).to_have_attribute("aria-expanded", "false")
    expect(page.drawer).to_be_hidden()


def test_closed_it_leaves_the_keys_alone(visit):
    page = visit()
    page.button("Close").click()
    page.page.evaluate("document.activeElement.blur()")
    page.page.keyboard.press("Space")
    page.page.keyboard.press("Enter")
    page.page.wait_for_timeout(700)
    page.button("Playground").click()
    assert page.text() == "The king shall"


def test_it_follows_the_width_of_the_window(visit):
    page = visit()
    page.page.set_viewport_size({"width": 800, "height": 800})
    expect(page.drawer).to_have_attribute("aria-modal", "true")
    expect(page.page.locator("#tabs")).to_have_attribute("inert", "")
    page.page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.drawer).not_to_have_attribute("aria-modal", "true")
    expect(page.page.locator("#tabs")).not_to_have_attribute("inert", "")


@pytest.mark.parametrize("size", ["laptop", "phone", (844, 390)], ids=str)
def test_a_long_vocabulary_is_searched(visit, models, tmp_path, write_model, size):
    shutil.copytree(models / "plain", tmp_path / "plain")
    letters = " abceEé" + "".join(map(chr, range(0x4E00, 0x4E00 + 1500)))
    write_model(tmp_path / "wide", letters, [0, 10], block_size=64)
    with serving(tmp_path) as (address, _):
        page = visit(size, at=address, quiet=False, reduced_motion="reduce")
        vocabulary = page.drawer.locator("#vocabulary")
        shown = vocabulary.get_by_role("listitem")
        search = vocabulary.get_by_role("searchbox", name="Search for characters")
        page.button("Knows 62 characters").click()
        expect(shown).to_have_count(62)
        expect(search).to_be_hidden()  # they are seen at a glance
        page.page.keyboard.press("Escape")

        page.use("wide")
        page.button(f"Knows {len(letters):,} characters").press("Enter")
        expect(shown).to_have_count(len(letters))
        inside = "e => e.getBoundingClientRect().bottom <= innerHeight"
        assert vocabulary.evaluate(inside)
        search.press_sequentially("e\u4e01\U0001f600")
        expect(shown).to_have_text(["e", "E", "é", "\u4e01"])
        expect(vocabulary.get_by_role("status")).to_have_text("4 of 1,507 characters")
        expect(page.input).not_to_have_value("e")
        audit = Audit(page)
        audit.look("a search")
        assert audit.found == []
        search.fill("space")
        expect(shown.filter(has_text="(space)")).to_have_count(1)
        search.fill("\u0400")
        expect(shown).to_have_count(0)
        expect(vocabulary.get_by_role("status")).to_have_text("0 of 1,507 characters")
        search.press("Escape")
        expect(vocabulary).to_be_hidden()
        expect(page.drawer).to_be_visible()
        page.button(f"Knows {len(letters):,} characters").press("Enter")
        expect(shown).to_have_count(len(letters))  # every time from the beginning
        expect(search).to_have_value("")
