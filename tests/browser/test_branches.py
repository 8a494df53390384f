"""The branches of a text: the tree in Explore, links to them, undo, thirty long ones."""

import math
import random

import pytest
from playwright.sync_api import expect

from tests.browser.test_access import Audit, both_sizes
from tests.browser.test_explore import PROMPT, at, branch, point
from tests.browser.test_kept import saved, written


def explore(page):
    page.button("Explore").click()
    expect(tree(page)).to_be_visible()


def tree(page):
    return page.page.get_by_role("tree", name="What it might have written")


def branches(page):
    """The rows of the tree, from the top: their own texts."""
    return tree(page).locator(".branch__text").all_text_contents()


def branched(page):
    """A text of four branches; returns the texts that were left, and the one on screen."""
    texts = [written(page, 4)]
    for index in (len(PROMPT) + 1, 6, len(PROMPT) - 2):
        if index >= len(page.text()):
            index = len(page.text()) - 1
        page.page.mouse.click(*point(page, index))
        at(page, index)
        branch(page)
        texts.append(written(page, 2))
    return texts


def test_every_branch_is_kept_and_gone_on_with(visit):
    page = visit()
    *left, now = branched(page)
    explore(page)
    expect(tree(page).get_by_role("treeitem")).to_have_count(4)
    expect(tree(page).locator("[aria-current]")).to_have_count(1)
    for text in left:
        for row in tree(page).get_by_role("treeitem").all():
            row.click()
            if page.page.locator(".explore__text").text_content() == text:
                break
        else:
            pytest.fail(f"{text} is no branch")
    page.button("Go on here").click()
    page.shows(left[-1])
    page.ready()
    pick = page.pick.get_attribute("data-token")
    [step] = page.ask(
        "generate", session_id="plain", context=left[-1], n=1, temperature=0
    )["steps"]  # fmt: skip
    assert pick == step["token"]
    page.button("Undo").click()
    page.shows(now)


def test_the_bits_of_a_branch_are_those_of_its_picks(visit):
    page = visit()
    text = page.text()
    bits = 0
    for _ in range(3):
        [step] = page.ask("generate", session_id="plain", context=text, n=1, temperature=0)["steps"]
        bits -= math.log2(step["prob"])
        text += step["token"]
    assert written(page) == text
    explore(page)
    expect(page.page.locator(".explore__of")).to_contain_text(
        f"3 characters written · {bits:.1f} bits · 1 in "
    )


def test_the_tree_by_keyboard_with_names_pins_deletion_and_undo(visit):
    page = visit()
    *_, now = branched(page)
    door = page.button("Explore")
    door.focus()
    page.page.keyboard.press("Enter")
    rows = tree(page).get_by_role("treeitem")
    expect(tree(page).locator("[aria-current]")).to_be_focused()
    page.page.keyboard.press("Home")
    expect(rows.first).to_be_focused()
    page.page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    name = page.page.get_by_role("textbox", name="Name")
    hostile = "<img src=x onerror=alert(1)> ${x} `y` \u202e"
    name.fill(hostile)
    page.page.keyboard.press("Enter")
    expect(rows.nth(1)).to_be_focused()
    expect(rows.nth(1).locator(".branch__name")).to_have_text(hostile.strip())
    page.button("Pin").click()
    expect(page.button("Pin")).to_have_attribute("aria-pressed", "true")
    rows.nth(1).focus()
    before = branches(page)
    page.page.keyboard.press("Delete")
    expect(rows).to_have_count(3)
    page.page.keyboard.press("Control+z")
    expect(rows).to_have_count(4)
    assert branches(page) == before
    page.page.keyboard.press("Control+z")
    expect(tree(page).locator(".branch__sign", has_text="★")).to_have_count(0)
    page.page.keyboard.press("Control+z")
    expect(rows.nth(1).locator(".branch__name")).to_have_text("")
    page.page.keyboard.press("Escape")
    expect(tree(page)).to_be_hidden()
    expect(door).to_be_focused()
    page.shows(now)


def test_a_reload_keeps_the_branches_and_their_bits(visit):
    page = visit()
    branched(page)
    explore(page)
    page.page.get_by_role("textbox", name="Name").fill("mine")
    page.page.keyboard.press("Enter")
    expect(tree(page)).to_contain_text("mine")
    rows = tree(page).get_by_role("treeitem").all_text_contents()
    page.page.keyboard.press("Escape")
    saved(page)
    page.page.reload()
    page.ready()
    explore(page)
    expect(tree(page)).to_contain_text("mine")
    assert tree(page).get_by_role("treeitem").all_text_contents() == rows
    tree(page).locator("[role=treeitem]:not([aria-current])").first.click()
    page.page.keyboard.press("Delete")
    expect(tree(page).get_by_role("treeitem")).to_have_count(3)
    left = tree(page).get_by_role("treeitem").all_text_contents()
    saved(page)
    page.page.reload()  # the deletion can be undone after it, and done again after another
    expect(tree(page).get_by_role("treeitem")).to_have_count(3)
    page.page.keyboard.press("Control+z")
    expect(tree(page).get_by_role("treeitem")).to_have_count(4)
    assert tree(page).get_by_role("treeitem").all_text_contents() == rows
    saved(page)
    page.page.reload()
    expect(tree(page).get_by_role("treeitem")).to_have_count(4)
    page.page.keyboard.press("Control+Shift+z")
    expect(tree(page).get_by_role("treeitem")).to_have_count(3)
    assert tree(page).get_by_role("treeitem").all_text_contents() == left


def test_a_link_leads_to_any_branch(visit):
    page = visit()
    branched(page)
    explore(page)
    page.page.keyboard.press("Home")
    text = page.page.locator(".explore__text").text_content()
    page.page.locator("[data-branch=share]").click()
    link = page.page.locator("#share-link").input_value()
    assert len(link) < 2000
    assert link.endswith("&v=1")
    other = visit(at=page.server, query="&" + link.partition("?")[2], wait=False)
    other.ready()
    other.shows(text)
    scored = page.ask("score", session_id="plain", text=text)["tokens"][len(PROMPT) :]
    bits = -sum(token["logprob"] for token in scored) / math.log(2)
    expect(tree(other).locator(".branch__bits")).to_have_text(f"{bits:.1f} bits")
    expect(other.page.locator(".explore__of")).to_contain_text(f"{bits:.1f} bits · 1 in ")
    for _ in range(2):  # the dialog of the link, and that of the tree
        page.page.keyboard.press("Escape")
    explore(page)
    page.page.keyboard.press("Home")
    page.page.get_by_role("textbox", name="Name").fill("<b>mine</b>")
    page.page.keyboard.press("Enter")
    page.page.locator("[data-branch=share]").click()
    link = page.page.locator("#share-link").input_value()
    assert link.endswith("&v=2")
    named = visit(at=page.server, query="&" + link.partition("?")[2], wait=False)
    named.ready()
    named.shows(text)
    expect(tree(named).locator("[aria-current] .branch__name")).to_have_text("<b>mine</b>")
    assert named.page.locator(".toast").count() == 0


def test_a_link_to_a_long_branch_says_what_it_leaves_out(visit):
    page = visit()
    page.write("Ab; " * 450)
    explore(page)
    page.page.locator("[data-branch=share]").click()
    assert len(page.page.locator("#share-link").input_value()) <= 2000
    expect(page.page.locator(".share__lost")).to_contain_text("A link holds 2,000 characters.")


def test_a_new_start_keeps_the_text_as_a_branch(visit):
    page = visit()
    text = written(page)
    page.button("Regenerate").click()
    page.shows(PROMPT)
    page.ready()
    explore(page)
    expect(page.page.locator(".explore__text")).to_have_text(text)


def test_a_course_page_can_hide_the_door(visit):
    expect(visit(query="&hide=explore&v=1").button("Explore")).to_be_hidden()


def test_thirty_long_branches_answer_at_once(visit):
    page = visit()
    page.page.evaluate(
        """() => {
          const letters = "abcdefghij";
          const list = Array.from({ length: 30 }, (_, index) => ({
            head: [index + 1, index ? index : null, index ? 200 + index : 0, 14, "", false],
            prompt: index ? "" : "The king shall",
            tokens: Array.from({ length: index ? 300 : 486 },
              (_, at) => [1, letters[(at * 7 + index) % 10]]),
            odds: Array(index ? 300 : 486).fill(0.5), chosen: [],
          }));
          const key = history.state.momentKey;
          window.kept = [key, list];
        }"""
    )
    saved(page)
    page.page.evaluate(
        """() => addEventListener("pagehide", () => {
          const [key, list] = window.kept;
          const moment = JSON.parse(sessionStorage.getItem(key));
          moment.texts[0][1].branches = { nextId: 31, list };
          sessionStorage.setItem(key, JSON.stringify(moment));
        })"""
    )
    page.page.reload()
    page.ready()
    explore(page)
    rows = tree(page).get_by_role("treeitem")
    expect(rows).to_have_count(30)
    page.page.keyboard.press("Home")
    for index in range(1, 6):
        page.page.keyboard.press("ArrowDown")
        expect(rows.nth(index)).to_be_focused()
    slowest = page.page.evaluate(
        """async () => {
          let slowest = 0;
          for (let turn = 0; turn < 20; turn += 1) {
            const before = performance.now();
            document.activeElement.dispatchEvent(
              new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true, cancelable: true }));
            document.body.getBoundingClientRect();
            slowest = Math.max(slowest, performance.now() - before);
            await new Promise(requestAnimationFrame);
          }
          return slowest;
        }"""
    )
    print(f"the slowest of 20 keys took {slowest:.1f} ms")


def test_on_a_phone_by_touch_everything_is_large_enough(visit):
    page = visit("phone", has_touch=True, is_mobile=True)
    written(page)
    page.page.touchscreen.tap(*point(page, 5))
    at(page, 5)
    branch(page)
    explore(page)
    sizes = page.page.evaluate(
        """[...document.querySelectorAll("#explore-dialog :is(button, input, [role=treeitem])")]
          .filter((e) => e.getClientRects().length)
          .map((e) => [e.className, e.getBoundingClientRect().height])"""
    )
    assert [size for size in sizes if size[1] < (32 if "branch" in size[0] else 44)] == []
    dialog = page.page.locator("#explore-dialog")
    assert dialog.evaluate("d => d.scrollWidth - d.clientWidth") == 0
    tree(page).get_by_role("treeitem").first.tap()
    expect(tree(page).get_by_role("treeitem").first).to_have_attribute("aria-selected", "true")


@both_sizes
def test_axe_finds_nothing_in_the_tree(visit, size):
    page = visit(size, quiet=False, reduced_motion="reduce")
    written(page)
    page.page.mouse.click(*point(page, 5))
    at(page, 5)
    branch(page)
    audit = Audit(page)
    explore(page)
    audit.look("branches")
    page.button("Pin").click()
    page.page.keyboard.press("Home")
    audit.look("a branch that is pinned, another selected")
    assert audit.found == []


def screen(page):
    """What undo has to bring back: the text, and the tree."""
    if page.text():
        page.ready()
    explore(page)
    rows = (
        tree(page)
        .get_by_role("treeitem")
        .evaluate_all("rows => rows.map((row) => row.getAttribute('aria-label'))")
    )
    page.page.keyboard.press("Escape")
    return page.text(), rows


def test_undo_and_redo_return_through_any_actions(visit):
    numbers = random.Random(3)
    page = visit()
    written(page, 3)
    screens = [screen(page)]

    def act(action):
        text = page.text()
        if action == "branch":
            index = numbers.randrange(1, len(text))
            page.page.mouse.click(*point(page, index))
            at(page, index)
            branch(page)
        elif action in ("Step", "Regenerate"):
            if not page.button(action).is_enabled():
                return
            page.button(action).click()
            page.changes(text)
        else:
            explore(page)
            rows = tree(page).get_by_role("treeitem")
            rows.nth(numbers.randrange(rows.count())).click()
            if action == "name":
                page.page.get_by_role("textbox", name="Name").fill(f"n{len(screens)}")
                page.page.keyboard.press("Enter")
                page.page.keyboard.press("Escape")
            elif action == "Delete" and not page.button("Delete").is_enabled():
                page.page.keyboard.press("Escape")
            else:
                page.button(action).click()
                if action != "Go on here":
                    page.page.keyboard.press("Escape")
        now = screen(page)
        if now != screens[-1]:
            screens.append(now)

    kinds = ["branch", "Step", "branch", "name", "Go on here", "Regenerate", "Pin", "Delete"]
    for action in kinds + numbers.choices(kinds, k=12):
        act(action)
    assert len(screens) > 12
    for expected in reversed(screens[:-1]):
        page.page.keyboard.press("Control+z")
        assert screen(page) == expected
    for expected in screens[1:]:
        page.page.keyboard.press("Control+Shift+z")
        assert screen(page) == expected


def test_what_was_typed_does_not_look_as_if_it_was_written(visit):
    page = visit()
    text = written(page, 4)
    explore(page)
    row = tree(page).get_by_role("treeitem").first
    expect(row.locator(".branch__typed")).to_have_text(PROMPT)
    expect(row.locator(".branch__text")).to_have_text(text)
    expect(page.page.locator(".explore__own")).to_have_text(text.removeprefix(PROMPT))
    page.page.get_by_role("tab", name="Branches").focus()
    page.page.keyboard.press("Home")
    ring = "tab => getComputedStyle(tab).outlineOffset"
    assert page.page.get_by_role("tab", name="Branches").evaluate(ring) == "-2px", "it is cut off"


def test_undo_ends_at_the_text_that_a_link_opened(visit):
    page = visit(query="&prompt=hello+there&v=1")
    expect(page.input).to_have_value("hello there")
    expect(page.button("Undo")).to_be_disabled()
    page.button("Step").click()
    page.ready()
    page.button("Undo").click()
    page.shows("hello there")
    expect(page.button("Undo")).to_be_disabled()
