"""Inside of other pages: alone in a frame, or as `<gradio-app>`, where nothing may be stored."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import CHROMIUM_ARGS, CONTRAST, OVERLAPS, Visit, chromium, complaints

# As a browser does in its strict mode; headless or not, it reads this when it starts.
BLOCKING = {"profile": {"block_third_party_cookies": True, "cookie_controls_mode": 1}}
HEARD = """<script>
window.heard = [];
addEventListener("message", ({ origin, data }) =>
  data.source === "token-playground" && heard.push({ ...data, origin }));
addEventListener("token-playground", ({ detail }) => heard.push({ ...detail, origin: "here" }));
</script>"""
COURSE = """<!doctype html><title>A course</title>
<link rel="icon" href="data:,"><style>body {{ margin: 0; }}</style>{heard}
<h1 class="card" data-action="play">A course</h1>
<p style="height: {above}px">Long ago, a model read all the plays there are.</p>
{playground}
<p style="height: 3000px">The end.</p>"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A browser that denies a frame of another site cookies and storage."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "Default").mkdir()
    (folder / "Default" / "Preferences").write_text(json.dumps(BLOCKING))
    path = chromium(("chromium", "chromium-browser"))  # the headless shell reads no preferences
    expect.set_options(timeout=10_000)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=path, args=CHROMIUM_ARGS
        )
        yield context
        context.close()


@pytest.fixture
def page(strict):
    """An empty page whose console must stay clean."""
    page, problems = strict.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.extend(complaints(message)))
    yield page
    page.close()
    assert problems == []


@pytest.fixture(scope="module")
def course():
    """`course(html, above)`: the address of another site's page with this html in it."""
    pages = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(pages[self.path.partition("?")[0]].encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()

        def publish(playground, above=40):
            path = f"/{len(pages)}"
            pages[path] = COURSE.format(heard=HEARD, above=above, playground=playground)
            return f"http://localhost:{other.server_port}{path}"  # not 127.0.0.1: another site

        yield publish
        other.shutdown()


def framed(server, query="", more=""):
    address = f"{server}/?view=embed{query}"
    return f'<iframe src="{address}" width="480" height="700" title="Playground" {more}></iframe>'


def in_frame(page, server):
    """What is in the frame, when it can be played with."""
    frame = page.locator("iframe").element_handle().content_frame()
    return Visit(frame, server).ready()


def component(server, query=""):
    return (
        f'<script type="module" src="{server}/gradio.js"></script>'
        f'<gradio-app src="{server}{query}" theme_mode="light"></gradio-app>'
    )


def heard(page):
    return page.evaluate("heard")


def start_unseen(visit):
    """Press Play without the browser scrolling there, as a driver of browsers would have it do."""
    visit.page.evaluate(
        """() => {
          const play = document.querySelector("#play");
          play.focus({ preventScroll: true });
          play.click();
        }"""
    )


def plays(visit, letters=3):
    visit.output.locator(".generated").nth(letters - 1).wait_for(state="attached")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(320, 480), (480, 700), (800, 600)], ids=str)
def test_alone_it_fills_its_frame(page, server, size, theme):
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=theme)
    page.goto(f"{server}/?view=embed")
    visit = Visit(page, server).ready()
    box = visit.drawer.bounding_box()
    assert (box["x"], box["y"], box["width"]) == (0, 0, width)
    assert box["height"] >= height
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for gone in ("#header", "#tabs", "footer", "[data-action=close]", ".backdrop"):
        for element in page.locator(gone).all():
            expect(element).to_be_hidden()
    expect(visit.drawer).to_have_attribute("role", "region")
    assert page.locator("[inert], [aria-modal]").count() == 0
    for first in (visit.button("Play"), visit.output, visit.options.first):
        expect(first).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    for pick in ("Top choice", "Sample"):
        visit.drawer.locator("#pick").get_by_text(pick).click()
        page.wait_for_timeout(400)
        parts = "button, textarea, input, .output, .status, .bars, .counter, h2, h3"
        assert page.evaluate(OVERLAPS, f"#drawer :is({parts})") == []
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.keyboard.press("Escape")
    expect(visit.drawer).to_be_visible()


def test_a_theme_can_be_fixed(page, server):
    page.emulate_media(color_scheme="light")
    page.goto(f"{server}/?view=embed&__theme=dark")
    Visit(page, server).ready()
    assert page.evaluate("document.body.classList.contains('dark')")


def test_nothing_but_the_playground_is_ever_seen_or_asked_for(page, server):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(
        """window.seen = [];
        const look = () => document.querySelector("#header")?.checkVisibility() && seen.push(1);
        new MutationObserver(look)
          .observe(document, { childList: true, subtree: true, attributes: true });"""
    )
    page.goto(f"{server}/?view=embed&model=names")
    visit = Visit(page, server).ready()
    expect(visit.drawer.locator(".model__line")).to_contain_text("names")
    assert page.evaluate("seen") == []
    assert [url for url in asked if "/api/corpora" in url or "/api/trainings" in url] == []
    assert page.locator(".learn").count() == 0


@pytest.mark.parametrize("sandbox", ["", 'sandbox="allow-scripts"'], ids=["frame", "sandbox"])
def test_in_a_frame_it_plays_without_storage(page, server, course, sandbox):
    page.goto(course(framed(server, more=sandbox), above=600))
    visit = in_frame(page, server)
    stores = "() => { try { return Boolean(localStorage); } catch { return false; } }"
    keeps = "() => { try { return (document.cookie = 'a=1') && document.cookie; } catch {} }"
    for can in (stores, keeps):
        assert page.evaluate(can)
        assert not visit.page.evaluate(can)
    assert page.evaluate("document.activeElement === document.body")
    assert not visit.page.evaluate("document.hasFocus()")
    start_unseen(visit)
    plays(visit)
    expect(visit.button("Pause")).to_be_enabled()
    assert page.evaluate("scrollY") == 0, "the page around was scrolled"


def test_keys_are_its_own_inside_and_the_pages_outside(page, server, course):
    page.goto(course(framed(server)))
    visit = in_frame(page, server)
    text = visit.text()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.wait_for_function("scrollY > 200")
    page.wait_for_timeout(300)
    assert visit.text() == text
    page.evaluate("scrollTo(0, 0)")

    visit.drawer.locator(".model__line").click()
    second = visit.options.nth(1)
    page.keyboard.press("ArrowDown")
    expect(second).to_have_attribute("aria-selected", "true")
    token = second.get_attribute("data-token")
    page.keyboard.press("Enter")
    visit.shows(text + token)
    page.keyboard.press("Space")
    plays(visit)
    page.keyboard.press("Space")
    expect(visit.button("Play")).to_be_enabled()
    assert page.evaluate("scrollY") == 0


def test_the_page_around_hears_what_happens(page, server, course):
    page.goto(course(framed(server)))
    visit = in_frame(page, server)
    page.wait_for_function("heard.length === 1")
    assert [event["type"] for event in heard(page)] == ["ready"]
    visit.write("Once")
    first, second = (visit.options.nth(index).get_attribute("data-token") for index in (0, 1))
    visit.options.nth(1).click()
    visit.shows("Once" + second)
    visit.ready()
    visit.button("Play").click()
    plays(visit, 4)
    visit.button("Pause").click()
    written = visit.text().removeprefix("Once")
    about = {"source": "token-playground", "version": 1, "origin": server}
    steps = [
        {"type": "step", "position": 4 + index, "token": token, "length": 5 + index} | about
        for index, token in enumerate(written)
    ]
    choice = {"type": "choice", "position": 4, "token": second, "instead_of": first} | about
    assert heard(page)[1:] == [steps[0], choice, *steps[1:]]


def test_the_page_around_hears_of_the_end(page, server, course):
    def end(route):
        answer = route.fetch()
        body = answer.json()
        for step in body["steps"]:
            step["token"] = "\n"
        route.fulfill(response=answer, json=body)

    page.route("**/api/generate", end)
    page.goto(course(framed(server, "&model=names")))
    visit = in_frame(page, server)
    expect(visit.drawer.locator(".model__line")).to_contain_text("names")
    visit.ready().button("Step").click()
    page.wait_for_function("heard.some(({ type }) => type === 'done')")
    assert [event["type"] for event in heard(page)] == ["ready", "step", "done"]
    assert heard(page)[-1]["reason"] == "end"


def test_as_an_element_it_plays_in_another_page(page, server, course):
    page.set_viewport_size({"width": 900, "height": 900})
    page.goto(course(component(server, "/?model=names"), above=300) + "?model=other&view=embed")
    visit = Visit(page, server).ready()
    expect(visit.drawer.locator(".model__line")).to_contain_text("names")
    for gone in ("#header", "#tabs", "footer", "[data-action=close]"):
        for element in page.locator(gone).all():
            expect(element).to_be_hidden()
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 900
    assert page.evaluate("document.activeElement === document.body")

    visit.write("Once")
    start_unseen(visit)
    plays(visit)
    visit.button("Pause").click()
    told = [event for event in heard(page) if event["type"] == "step"]
    assert "".join(event["token"] for event in told) == visit.text().removeprefix("Once")
    assert {event["origin"] for event in told} == {"here"}


def test_as_an_element_it_leaves_the_page_around_alone(page, server, course):
    page.goto(course("", above=300))
    looks = """() => ["body", "h1", "p"].map((name) => {
      const style = getComputedStyle(document.querySelector(name));
      return [style.color, style.backgroundColor, style.padding, style.borderWidth];
    })"""
    before = page.evaluate(looks)
    page.goto(course(component(server), above=300))
    visit = Visit(page, server).ready()
    assert page.evaluate(looks) == before

    text = visit.text()
    page.locator("h1.card").click()  # it has a data-action, of the page's own
    page.evaluate("scrollTo(0, 0)")
    page.keyboard.press("Space")
    page.wait_for_function("scrollY > 200")
    page.wait_for_timeout(300)
    assert visit.text() == text

    visit.drawer.locator(".model__line").click()
    top = page.evaluate("scrollY")
    page.keyboard.press("Space")
    plays(visit)
    page.keyboard.press("Space")
    expect(visit.button("Play")).to_be_enabled()
    assert page.evaluate("scrollY") == top


def test_the_page_around_hears_that_a_task_is_done(page, server, course):
    page.goto(course(framed(server, "&task=Write+two+characters&done=tokens:2&hide=speed&v=1")))
    visit = in_frame(page, server)
    expect(visit.drawer.locator("#speed")).to_be_hidden()
    visit.button("Play").click()
    page.wait_for_function("heard.some(({ type }) => type === 'done')")
    assert [event["type"] for event in heard(page)][:4] == ["ready", "step", "step", "done"]
    done = next(event for event in heard(page) if event["type"] == "done")
    assert done["reason"] == "task"


def test_as_an_element_it_can_be_a_course_page_too(page, server, course):
    page.goto(course(component(server, "/?task=Press+Step&done=tokens:1&hide=play.input&v=1")))
    visit = Visit(page, server).ready()
    expect(visit.drawer.get_by_text("Press Step")).to_be_visible()
    expect(visit.input).to_be_hidden()
    expect(visit.button("Play")).to_be_hidden()
    visit.button("Step").click()
    page.wait_for_function("heard.some(({ reason }) => reason === 'task')")


def test_in_a_frame_the_training_step_is_moved_for_a_task(page, server, course):
    page.goto(course(framed(server, "&task=Move+it&done=steps:1&v=1")))
    visit = in_frame(page, server)
    expect(visit.drawer.locator(".task__progress")).to_have_text("0 of 1")
    visit.slider("Training step").press("ArrowLeft")
    page.wait_for_function("heard.some(({ reason }) => reason === 'task')")


@pytest.mark.parametrize("sandbox", ["", 'sandbox="allow-scripts"'], ids=["frame", "sandbox"])
def test_a_frame_whose_link_was_escaped_twice_shows_what_was_meant(page, server, course, sandbox):
    address = f"{server}/?prompt=Once&amp;amp;model=names&amp;amp;view=embed&amp;amp;v=1"
    page.goto(course(f'<iframe src="{address}" width="480" height="700" {sandbox}></iframe>'))
    visit = in_frame(page, server)
    visit.shows("Once")
    expect(visit.drawer.locator(".model__line")).to_contain_text("names")
    expect(visit.page.locator("#header")).to_be_hidden()
    expect(visit.page.locator(".toast")).to_have_count(0)


def test_out_of_a_frame_the_same_moment_opens_in_the_full_app(page, server, course):
    query = "&prompt=Once&model=names&step=10&task=Press+Step&hide=speed&lang=de&v=1"
    page.goto(course(framed(server, query)))
    frame = page.locator("iframe").element_handle().content_frame()
    frame.locator("[data-picked]").wait_for()
    frame.locator("#step").click()
    frame.locator(".generated").wait_for()
    written = frame.locator(".output").inner_text()
    with page.context.expect_page() as opened:
        frame.get_by_role("link", name="In der ganzen App öffnen").click()
    full = opened.value
    expect(full.locator("#header")).to_be_visible()
    expect(full.locator(".output")).to_have_text(written)
    expect(full.locator(".model__line")).to_contain_text("names")
    expect(full.locator("#speed")).to_be_visible()
    expect(full.locator(".task")).to_be_hidden()
    expect(full.locator(".model__full")).to_be_hidden()
    given = parse_qs(urlsplit(full.url).query)
    assert {"view", "task", "hide"}.isdisjoint(given)
    assert (given["step"], given["lang"]) == (["10"], ["de"])
    full.close()


def test_out_of_an_element_the_full_app_opens_at_its_own_address(page, server, course):
    page.goto(course(component(server, "/?model=names&v=1")))
    visit = Visit(page, server).ready()
    link = visit.drawer.get_by_role("link", name="Open in the full app")
    link.focus()
    assert link.get_attribute("href").startswith(f"{server}/?prompt=")
