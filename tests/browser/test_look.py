"""What can be measured of the look: nothing overlaps, jumps, is cut off, or is hard to read."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import CONTRAST, OVERLAPS

everywhere = [
    pytest.param(size, theme, id=f"{size}-{theme}")
    for size in ("laptop", "phone") for theme in ("dark", "light")
]  # fmt: skip


@pytest.mark.parametrize(("size", "theme"), everywhere)
def test_every_text_can_be_read_and_nothing_overlaps(visit, size, theme):
    page = visit(size, theme)
    assert page.page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    parts = "button, textarea, input[type=range], .output, .status, .candidates, .counter, h3"
    drawer = f"#drawer :is({parts})"
    for state in ("plain", "sample", "unknown"):
        if state == "sample":
            page.sample()
        if state == "unknown":
            page.input.fill("é“😀")
            expect(page.drawer.locator(".unknown")).to_be_visible()
        page.page.wait_for_timeout(300)
        assert page.page.evaluate(CONTRAST) == []
        assert page.page.evaluate(OVERLAPS, drawer) == []
        assert page.drawer.evaluate("d => d.scrollWidth - d.clientWidth") == 0
    page.button("Close").click()
    expect(page.drawer).to_be_hidden()
    page.page.wait_for_timeout(350)
    assert page.page.evaluate(CONTRAST) == []
    width = page.page.evaluate("document.documentElement.scrollWidth")
    assert width == page.page.viewport_size["width"]


@pytest.mark.parametrize("size", ["laptop", "phone"])
def test_all_of_it_is_in_sight_at_once(visit, size):
    page = visit(size)
    for part in (page.button("Close"), page.button("Play"), page.output, page.options.last,
                 page.drawer.locator(".candidate--other")):  # fmt: skip
        expect(part).to_be_in_viewport(ratio=1)


def test_nothing_moves_while_it_writes(visit):
    page = visit()
    parts = "#play, .output, .status, .bars-title, .candidates, .candidate--other"
    places = f"""() => [...document.querySelectorAll("{parts}")].map((part) =>
      [part.className, ...Object.values(part.getBoundingClientRect().toJSON())])"""
    page.slider("Speed").fill("100")
    page.write("a" * 40)
    before = page.page.evaluate(places)
    page.button("Play").click()
    for count in (5, 15, 25):
        page.output.locator(".generated").nth(count).wait_for(state="attached")
        assert page.page.evaluate(places) == before
    assert page.output.evaluate("o => o.querySelector('.cursor').checkVisibility()")
    page.button("Pause").click()
    assert page.page.evaluate(places) == before
    assert not page.output.evaluate("o => o.querySelector('.cursor').checkVisibility()")


def test_bars_grow_and_shrink_in_time_not_at_once(visit):
    page = visit()
    page.page.evaluate(
        """() => {
          window.grown = [];
          const { animate } = Element.prototype;
          Element.prototype.animate = function (frames, options) {
            if (options.pseudoElement) grown.push(options.duration);
            return animate.call(this, frames, options);
          };
        }"""
    )
    text = page.text()
    page.button("Step").click()
    page.changes(text)
    page.page.wait_for_timeout(100)
    assert set(page.page.evaluate("grown")) <= {80}
    for row in page.options.all():
        share = row.locator(".candidate__bar").evaluate("e => +e.style.getPropertyValue('--p')")
        value = row.locator(".candidate__value").inner_text()
        assert f"{100 * share:.1f} %" == value


def test_it_works_without_any_other_host(visit):
    page = visit(wait=False)
    hosts = set()
    page.page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.page.reload()
    page.ready()
    assert {host for host in hosts if host and not host.startswith("127.0.0.1")} == set()
