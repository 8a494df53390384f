"""Nothing is lost: text, model, settings and place survive whatever a visitor does."""

import random

from playwright.sync_api import expect

from tests.browser.conftest import serving
from tests.browser.test_states import give, select_tab, started


def written(page, count=3):
    """Append characters by Step; returns the text then."""
    for _ in range(count):
        text = page.text()
        page.button("Step").click()
        page.changes(text)
        page.ready()
    return page.text()


def moment(page):
    """What is on screen: text, bars, model, settings, tab."""
    page.ready()
    return page.page.evaluate(
        """() => ({
          input: document.querySelector("#input-text textarea").value,
          output: document.querySelector(".output").textContent,
          bars: [...document.querySelectorAll("[data-token]")].map((row) => row.textContent),
          pick: document.querySelector("[data-picked]").dataset.token,
          model: document.querySelector(".model__line").textContent,
          settings: [...document.querySelectorAll("#settings input, #sampling input")]
            .map((field) => field.type === "radio" ? field.checked : field.value),
          tab: document.querySelector("[role=tab][aria-selected=true]").textContent.trim(),
          drawer: document.querySelector("#drawer").dataset.open,
        })"""
    )


def saved(page):
    """Wait until the moment is kept."""
    page.page.wait_for_timeout(700)


def test_a_reload_while_it_plays_keeps_every_character(visit):
    page = visit()
    page.slider("Speed").fill("100")
    started(page)
    page.page.wait_for_timeout(900)
    text = page.text()
    page.page.reload()
    page.ready()
    assert page.text().startswith(text)
    page.button("Regenerate").click()
    page.shows("The king shall")


def test_back_and_forward_bring_each_its_own_moment(visit):
    page = visit(query="&prompt=First&v=1")
    first = written(page)
    saved(page)
    page.page.goto(f"{page.server}/?prompt=Second&v=1&__theme=dark")
    page.ready()
    page.shows("Second")
    second = written(page)
    saved(page)
    page.page.go_back()
    page.ready()
    page.shows(first)
    page.page.go_forward()
    page.ready()
    page.shows(second)
    # The same link opened anew is as it was made.
    page.page.goto(f"{page.server}/?prompt=First&v=1&__theme=dark")
    page.ready()
    page.shows("First")


def test_another_tab_and_back_changes_nothing(visit):
    page = visit()
    give(page, "second", "other")
    text = written(page)
    select_tab(page, "Second")
    expect(page.input).to_have_value("Once upon")
    page.ready()
    other = written(page, 2)
    select_tab(page, "Library")
    page.shows(text)
    select_tab(page, "Second")
    page.shows(other)


def test_another_model_goes_on_with_the_text_and_says_whose_it_is(visit):
    page = visit()
    text = written(page)
    page.use("other")
    page.shows(text)
    expect(page.status).to_have_text("Written by plain; other goes on from here.")
    page.use("plain")
    page.shows(text)
    expect(page.status).to_have_text("Press Play, or choose one of the characters.")


def test_the_tutorial_gives_the_text_back(tour):
    found = tour(None)
    page = found.visit.ready()
    page.write("My own text")
    text = written(page)
    before = moment(page)
    found.tutorial.click()
    expect(page.page.locator(".guide__title")).to_be_visible()
    expect(page.output).not_to_have_text(text)
    saved(page)
    page.page.reload()
    expect(page.page.locator(".guide__title")).to_be_visible()
    page.page.locator("[data-guide=leave]").click()
    page.shows(text)
    assert moment(page) == before


def test_clear_replace_edit_and_regenerate_are_undone_and_redone(visit):
    page = visit()
    text = written(page)
    page.button("Clear").click()
    page.shows("")
    page.button("Undo").click()
    page.shows(text)
    page.button("Redo").click()
    page.shows("")
    page.button("Undo").click()
    page.button("Regenerate").click()
    page.shows("The king shall")
    page.drawer.focus()
    page.page.keyboard.press("Control+z")
    page.shows(text)
    page.input.press("End")
    page.input.press_sequentially(" now")
    page.shows("The king shall now")
    page.page.keyboard.press("Control+z")
    page.shows(text)
    page.page.keyboard.press("Control+Shift+z")
    page.shows("The king shall now")
    expect(page.input).to_have_value("The king shall now")


def test_what_replacing_would_lose_is_said_first_and_undone(visit):
    page = visit()
    page.input.fill("I am 15 years old – née")
    page.button("Replace them").click()
    expect(page.drawer.locator(".unknown__loss")).to_contain_text("1 5")
    expect(page.input).to_have_value("I am 15 years old – née")
    page.button("Leave them out").click()
    expect(page.input).to_have_value("I am  years old - nee")
    page.button("Undo").click()
    expect(page.input).to_have_value("I am 15 years old – née")


def test_undo_after_fifty_actions_goes_back_through_every_text(visit):
    page = visit()
    page.slider("Speed").fill("100")
    numbers = random.Random(7)
    texts = [page.text()]

    def note():
        page.page.wait_for_timeout(30)
        if page.text() != texts[-1]:
            texts.append(page.text())

    for _ in range(50):
        action = numbers.choice(["Step", "Step", "choose", "type", "Regenerate", "Clear"])
        text = page.text()
        if action == "choose" and page.options.count():
            page.options.nth(numbers.randrange(1, 5)).click()
            page.changes(text)
        elif action == "type":
            page.input.fill("word " + "".join(numbers.choices("abcdef", k=5)))
            page.changes(text)
            page.page.wait_for_timeout(1050)  # or the next one is part of the same change
        elif action in ("Step", "Regenerate", "Clear") and page.button(action).is_enabled():
            page.button(action).click()
            page.changes(text)
        if page.text():
            page.ready()
        note()
    for expected in reversed(texts[:-1]):
        page.button("Undo").click()
        page.shows(expected)
    expect(page.button("Undo")).to_be_disabled()
    for expected in texts[1:]:
        page.button("Redo").click()
        page.shows(expected)


def test_a_server_that_dies_and_comes_back_is_said_and_played_on(visit, models, tmp_path):
    with serving(models) as (address, process):
        page = visit(at=address, quiet=False)
        page.slider("Speed").fill("100")
        started(page)
        process.kill()
        process.wait()
        expect(page.status).to_contain_text("can’t be reached", timeout=5000)
        page.page.wait_for_timeout(8000)
        expect(page.status).to_contain_text("can’t be reached")
        text = page.text()
        port = address.rsplit(":", 1)[1]
        with serving(models, port=int(port)) as (_, second):
            page.page.wait_for_function(
                "text => document.querySelector('.output').textContent.length > text.length",
                arg=text, timeout=5000,
            )  # fmt: skip
            assert page.text().startswith(text)
            expect(page.status).to_contain_text("Writing")
            second.kill()
            second.wait()
            expect(page.status).to_contain_text("can’t be reached", timeout=5000)
            text = page.text()
            page.page.locator("input[value=other]").check(force=True)
            expect(page.drawer.locator(".model__line")).to_contain_text("other")
        with serving(models, port=int(port)):
            page.ready()
            expect(page.drawer.locator(".model__line")).to_contain_text("other")
            expect(page.page.locator("input[value=other]")).to_be_checked()
            assert page.text().startswith(text)


def test_a_page_without_storage_keeps_its_moment_too(visit):
    page = visit(wait=False)
    page.page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"])
             Object.defineProperty(window, name, { get() { throw new Error("denied"); } });"""
    )
    page.page.goto(page.page.url)
    page.ready()
    text = written(page)
    saved(page)
    page.page.reload()
    page.ready()
    page.shows(text)
