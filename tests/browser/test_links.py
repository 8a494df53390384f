"""Links: the moment that a page shows travels to another, and what cannot travel is said."""

import io
import re
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import serving

LINK = "#share-link"
CHOSEN = {"pick": "sample", "temperature": "0.8", "top_k": "7", "top_p": "0.9", "seed": "12"}


@pytest.fixture(scope="module")
def another(models):
    """A server that knows nothing of the first one."""
    with serving(models) as (address, _):
        yield address


def bars(page):
    """What the bars say: of each row its character, its odds, and whether it is the pick."""
    rows = page.options.all()
    return [
        (row.get_attribute("data-token"), row.get_attribute("aria-label"),
         row.get_attribute("data-picked"))
        for row in rows
    ]  # fmt: skip


def share(page):
    page.drawer.get_by_role("button", name="Share", exact=True).click()
    return page.page.locator(LINK).input_value()


def toasts(page):
    return page.page.locator(".toast")


def settings(page):
    names = ("Speed", "Temperature", "Top-k", "Top-p")
    return {name: page.slider(name).input_value() for name in names}


def test_a_link_opens_elsewhere_to_the_same_moment(visit, another):
    page = visit(query="&pick=sample&temperature=0.8&top_k=7&top_p=0.9&seed=12&speed=100&v=1")
    page.write("My lord")
    page.use("other")
    page.slider("Training step").fill("1")
    expect(page.drawer.locator(".model__line")).to_contain_text("step 10")
    page.ready().button("Step").click()
    page.changes("My lord")
    page.ready()
    second = page.options.nth(1)
    other_than_pick = second.get_attribute("data-picked") is None
    before = page.text()
    (second if other_than_pick else page.options.first).click()
    page.changes(before)
    page.ready()
    page.button("Play").click()
    page.page.wait_for_function("document.querySelectorAll('.generated').length > 8")
    page.button("Pause").click()
    page.ready()
    text, told, sliders = page.text(), bars(page), settings(page)
    link = share(page)
    query = parse_qs(urlsplit(link).query)
    assert {name: query[name][0] for name in CHOSEN} == CHOSEN
    assert query["model"] == ["other"]
    assert query["step"] == ["10"]
    assert query["chose"] == ["1"]
    assert link.endswith("&v=1")
    assert len(link) < 400

    copy = visit(at=another, query="&" + urlsplit(link).query)
    copy.shows(text)
    assert copy.input.input_value() == "My lord"
    expect(copy.drawer.locator(".model__line")).to_contain_text("other · 8K params · step 10")
    assert bars(copy) == told
    assert settings(copy) == sliders
    expect(copy.drawer.locator("#seed input")).to_have_value("12")
    expect(copy.drawer.locator(".generated")).to_have_count(len(text) - len("My lord"))
    expect(toasts(copy)).to_have_count(0)
    assert share(copy).split("?")[1] == link.split("?")[1]
    # And from there both go on the same way.
    for one in (page, copy):
        one.page.keyboard.press("Escape")
        one.button("Step").click()
        one.changes(text)
    assert copy.text() == page.text()


def test_a_link_holds_the_tab_and_the_drawer(visit):
    page = visit(query="&prompt=The&tab=learn&drawer=closed&v=1", wait=False)
    expect(page.page.get_by_role("tab", name="Watch it learn")).to_have_attribute(
        "aria-selected", "true"
    )
    expect(page.drawer).to_have_attribute("data-open", "false")
    page.button("Playground").click()
    assert parse_qs(urlsplit(share(page)).query)["tab"] == ["learn"]


LONG = "a" * 10_000
BROKEN = {
    "cut": ("prompt=The+king&model=plain&pick=to", "The king", "its end is missing"),
    "cut in a letter": ("prompt=The%C3", "The", "its end is missing"),
    "older": ("prompt=The&v=0", "The", "made by an older version"),
    "newer": ("prompt=The&panels=3&v=9", "The", "made by a newer version"),
    "too long": (f"prompt={LONG}&v=1", LONG[:2000], "The first 2,000 characters"),
    "model gone": ("prompt=The&model=gone&v=1", "The", "The model “gone” can’t"),
    "no step": ("prompt=The&model=plain&step=77&v=1", "The", "step 100 is shown"),
    "no step of no model": ("prompt=The&step=7&v=1", "The", "step 10 is shown"),
    "changed": ("prompt=The&model=plain&revision=abc&v=1", "The", "another version of plain"),
    "nonsense": ("prompt=The&temperature=hot&seed=-1&v=1", "The", "left out: temperature, seed"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_of_a_broken_link_is_shown_what_can_be_had(visit, name):
    query, text, sentence = BROKEN[name]
    page = visit(query="&" + query)
    page.shows(text)
    expect(toasts(page).filter(has_text=sentence)).to_have_count(1)
    page.button("Step").click()
    page.changes(text)


DAMAGED = {
    "copied out of HTML": "&amp;prompt=The+king&amp;model=other&amp;step=10&amp;lang=de&amp;v=1",
    "out of WordPress": "&#038;prompt=The+king&#038;model=other&#038;step=10&#038;lang=de&#038;v=1",
    "out of a sentence": "&prompt=The%20king&model=other&step=10&lang=de&v=1).",
    "out of quotes": "&prompt=The%20king&model=other&step=10&lang=de&v=1”",
    "encoded twice": "&prompt=The%2520king&model=other&step=10&lang=de&v=1&utm_source=mail",
}  # fmt: skip


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_link_is_repaired_and_nothing_is_said(visit, how):
    page = visit(query=DAMAGED[how], theme="light", wait=False)
    page.page.locator(".candidate[data-picked]").wait_for()
    page.shows("The king")
    expect(page.drawer.locator(".model__line")).to_contain_text("other")
    expect(page.drawer.locator(".model__line")).to_contain_text("10")
    expect(page.page.locator("html")).to_have_attribute("lang", "de")
    expect(toasts(page)).to_have_count(0)
    assert not page.page.evaluate("document.body.classList.contains('dark')")
    query = parse_qs(urlsplit(page.page.url).query)
    assert {name: query[name][0] for name in ("step", "lang", "v")} == {
        "step": "10",
        "lang": "de",
        "v": "1",
    }
    assert "utm_source" not in query


def test_a_link_without_its_question_mark_opens(visit, server):
    page = visit(wait=False)
    page.page.goto(f"{server}/prompt=The+king&model=other&step=10&v=1")
    page.ready().shows("The king")
    expect(page.drawer.locator(".model__line")).to_contain_text("other · 8K params · step 10")


def test_what_is_told_of_a_link_waits_until_it_is_in_sight(visit, server):
    page = visit(wait=False, quiet=False)
    frame = f'<iframe src="{server}/?view=embed&model=plain&step=77&v=1" height="700"></iframe>'
    page.page.set_content(f'<p style="height: 3000px"></p>{frame}')
    inside = page.page.frame_locator("iframe")
    told = inside.locator(".toast").filter(has_text="step 100 is shown")
    expect(told).to_have_count(1)
    page.page.wait_for_timeout(8000)
    expect(told).to_have_count(1)
    page.page.locator("iframe").scroll_into_view_if_needed()
    expect(told).to_be_in_viewport()
    expect(told).to_have_count(0, timeout=12_000)


def test_nothing_in_a_link_runs_or_is_fetched(visit, server):
    attack = "<img src=x onerror=alert(1)>${alert(1)}{{alert(1)}}"
    asked = []
    page = visit(wait=False, quiet=False)
    page.page.on("request", lambda request: asked.append(request))
    page.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    query = {
        "prompt": attack, "model": "http://127.0.0.1:9/x", "revision": attack, "step": attack,
        "tab": attack, "task": attack, "hide": attack, "done": attack, "lesson": attack,
        "train": attack, "lang": "../../etc/passwd", "view": attack, "v": "1",
    }  # fmt: skip
    page.page.goto(f"{server}/?" + "&".join(f"{k}={quote(v)}" for k, v in query.items()))
    page.output.wait_for()
    page.shows(attack)
    expect(page.page.locator(".task__words")).to_have_text(attack)
    page.page.wait_for_timeout(500)
    assert {urlsplit(request.url).netloc for request in asked} == {urlsplit(server).netloc}
    sent = [request for request in asked if request.method != "GET"]
    assert {urlsplit(request.url).path for request in sent} <= {"/api/generate"}
    assert page.page.locator("img[src='x']").count() == 0


def test_what_cannot_travel_is_said(visit):
    page = visit()
    detail = {"action": "session", "tab": "library", "session_id": "live"}
    page.page.evaluate(
        "detail => document.dispatchEvent(new CustomEvent('playground', { detail }))", detail
    )
    expect(page.drawer.locator(".model__source")).to_have_text("trained on this page")
    page.write("The king")
    link = share(page)
    expect(page.page.locator(".share__lost")).to_contain_text("can’t travel")
    assert "model" not in parse_qs(urlsplit(link).query)


def read_code(image):
    """What the one QR code of a picture says."""
    expect(image).to_be_visible()
    image.evaluate("image => image.decode()")
    with Image.open(io.BytesIO(image.screenshot())) as picture:
        [code] = zxingcpp.read_barcodes(np.asarray(picture.convert("L")))
    return code.text


def test_the_code_holds_the_link(visit):
    page = visit()
    link = share(page)
    page.page.get_by_text("QR code for a class").click()
    assert read_code(page.page.get_by_role("img", name="QR code of the link")) == link
    page.page.keyboard.press("Escape")
    page.write(":" * 2100)
    share(page)
    too_long = page.page.locator(".share__code").get_by_text("too much text in this link")
    expect(too_long).to_be_visible()
    expect(page.page.locator(".share__lost")).to_contain_text("too long for a link")


def test_copying_says_so_and_the_focus_comes_back(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    link = share(page)
    page.page.get_by_role("button", name="Copy", exact=True).first.click()
    expect(page.page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    assert page.page.evaluate("navigator.clipboard.readText()") == link
    page.page.keyboard.press("Escape")
    expect(page.drawer.get_by_role("button", name="Share", exact=True)).to_be_focused()


def build_course(page, form, **fields):
    share(page)
    page.page.get_by_text("Make a course page of it").click()
    dialog = page.page.get_by_role("dialog", name="Share this moment")
    for name in fields.pop("without", ()):
        dialog.get_by_role("checkbox", name=name).uncheck()
    for name, value in fields.items():
        field = dialog.locator(f"[name={name}]")
        if field.evaluate("field => field.localName") == "select":
            field.select_option(label=value)
        else:
            field.fill(value)
    dialog.locator("[name=form]").select_option(label=form)
    return dialog.locator("#course-result").input_value()


def test_a_course_page_shows_what_it_needs_and_counts_a_task(visit):
    page = visit()
    link = build_course(
        page, "a link",
        without=["Speed", "Play and Pause", "Vocabulary"],
        prompt="Once upon", model="other", task="Choose <b>twice</b>",
        what="so many times another candidate is chosen", count="2",
    )  # fmt: skip
    course = visit(query="&" + urlsplit(link).query)
    course.shows("Once upon")
    expect(course.drawer.locator(".model__line")).to_contain_text("other")
    for hidden in ("#speed", "#play", "#pause", ".vocabulary-size"):
        expect(course.drawer.locator(hidden)).to_be_hidden()
    expect(course.button("Step")).to_be_visible()
    expect(course.drawer.locator(".task")).to_have_text("Task Choose <b>twice</b> 0 of 2")
    text = course.text()
    course.drawer.focus()
    course.page.keyboard.press("Space")  # Play is hidden: its key is, too
    course.page.wait_for_timeout(300)
    assert course.text() == text
    for done in ("1 of 2", "✓ Done!"):
        text = course.text()
        course.ready().options.nth(1).click()
        course.changes(text)
        expect(course.drawer.locator(".task__progress")).to_have_text(done)


def dialog_of(page):
    return page.page.get_by_role("dialog", name="Share this moment")


def result(page):
    return dialog_of(page).locator("#course-result")


def told(page, name):
    """A parameter of the course page's address; None without it."""
    return parse_qs(urlsplit(result(page).input_value()).query).get(name, [None])[0]


def test_a_course_page_is_given_no_task_that_it_has_no_control_for(visit):
    page = visit()
    moved = "so many times the training step is moved"
    pasted = build_course(page, "a frame in a web page", what=moved)
    assert "done=steps%3A1" in pasted
    dialog = dialog_of(page)
    dialog.get_by_role("checkbox", name="Training step").uncheck()
    assert "done=" not in result(page).input_value()
    assert "hide=training_step" in result(page).input_value()
    expect(dialog.locator("option[value=steps]")).to_be_disabled()
    ticked, unticked = dialog.get_by_role("checkbox").all()[:2]
    unticked.uncheck()
    assert ticked.evaluate("box => getComputedStyle(box).appearance") == "auto"
    assert ticked.screenshot() != unticked.screenshot()


def test_the_training_step_can_be_hidden(visit):
    expect(visit(query="&v=1").slider("Training step")).to_be_visible()
    expect(visit(query="&hide=training_step&v=1").slider("Training step")).to_be_hidden()


COUNTS = {"": "3", "-1": "1", "0": "1", "1e20": "500", "abc": "3", "1.5": "2", "007": "7"}


def test_the_count_of_a_task_is_shown_as_the_link_has_it(visit):
    page = visit()
    build_course(page, "a link", what="so many times another candidate is chosen")
    field = dialog_of(page).locator("[name=count]")
    for typed, used in COUNTS.items():
        field.fill("3")
        field.press("Control+a")
        field.press("Delete")
        field.press_sequentially(typed)
        field.press("Tab")
        expect(field).to_have_value(used)
        assert told(page, "done") == f"choices:{used}"


def test_a_course_page_has_a_theme_or_its_readers(visit):
    page = visit(theme="dark")
    build_course(page, "a link")
    assert told(page, "__theme") == "dark"  # as this page was opened
    theme = dialog_of(page).get_by_label("Light or dark")
    theme.select_option(label="light")
    assert told(page, "__theme") == "light"
    theme.select_option(label="as the reader’s system is")
    assert told(page, "__theme") is None
    assert told(page, "v") == "1"


def test_the_code_of_a_course_page_holds_its_task(visit):
    page = visit()
    link = build_course(page, "a link", task="Say “hi”.")
    dialog = dialog_of(page)
    dialog.get_by_text("QR code of the course page").click()
    image = dialog.get_by_role("img", name="QR code of the course page")
    assert read_code(image) == link
    dialog.locator("[name=task]").fill("Say “ho”.")
    expect(image).to_have_attribute("src", re.compile("ho%25E2"))
    assert read_code(image) == result(page).input_value() != link
    dialog.locator("[name=form]").select_option(label="a frame in a web page")
    expect(dialog.get_by_text("QR code of the course page")).to_be_hidden()


def test_a_course_page_is_previewed_and_opened(visit):
    page = visit()
    build_course(page, "a frame in a web page", without=["Speed"], task="Say hi")
    dialog, frames = dialog_of(page), page.page.locator("iframe")
    expect(frames).to_have_count(0)
    entries = page.page.evaluate("history.length")
    dialog.get_by_text("Preview", exact=True).click()
    preview = page.page.frame_locator(".course__frame")
    expect(preview.locator(".task__words")).to_have_text("Say hi")
    expect(preview.locator("#speed")).to_be_hidden()
    expect(preview.locator("#header")).to_be_hidden()
    dialog.locator("[name=task]").press("End")
    dialog.locator("[name=task]").press_sequentially("!!")
    expect(preview.locator(".task__words")).to_have_text("Say hi!!")
    dialog.locator("[name=form]").select_option(label="a link")
    expect(preview.locator("#header")).to_be_visible()
    link = result(page).input_value()
    expect(frames).to_have_attribute("src", link)
    expect(preview.locator("[data-picked]")).to_have_count(1)
    expect(dialog.locator("[name=task]")).to_be_focused()
    assert page.page.evaluate("history.length") == entries
    with page.page.context.expect_page() as opened:
        dialog.get_by_role("link", name="Open in a new tab").click()
    assert opened.value.url == link
    opened.value.close()
    page.page.keyboard.press("Escape")
    expect(frames).to_have_count(0)


def test_what_is_hidden_comes_back_where_something_in_it_has_to_be_replaced(visit):
    page = visit(query="&prompt=K%C3%B6nig&hide=input&v=1", wait=False)
    expect(page.drawer.locator(".unknown")).to_be_visible()
    page.button("Replace them").click()
    page.shows("Konig")
    expect(page.input).to_be_hidden()


def test_a_text_that_the_model_here_cannot_read_is_shown_as_far_as_it_can(visit):
    page = visit(query="&prompt=The&model=gone&length=4&written=+ab%E6%97%A5&v=1")
    page.shows("The ab")
    expect(toasts(page).filter(has_text="can’t read all of this link’s text")).to_have_count(1)


FORMS = {"a frame in a web page": "<iframe src=", "Markdown": "["}


@pytest.mark.parametrize(("form", "start"), FORMS.items())
def test_a_course_page_in_every_form_leads_there(visit, form, start):
    page = visit()
    pasted = build_course(page, form, prompt='Say "(hi)" & go')
    assert pasted.startswith(start)
    if start == "[":
        address = pasted[pasted.index("](") + 2 : -1]
    else:
        parse = "html => new DOMParser().parseFromString(html, 'text/html').body.firstChild.src"
        address = page.page.evaluate(parse, pasted)
        assert parse_qs(urlsplit(address).query)["view"] == ["embed"]
    assert "(" not in address
    assert parse_qs(urlsplit(address).query)["prompt"] == ['Say "(hi)" & go']
    opened = visit(query="&" + urlsplit(address).query, wait=False)
    opened.output.wait_for()
    opened.shows('Say "(hi)" & go')
