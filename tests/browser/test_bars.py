"""The bars: what top-k and top-p leave out is still shown, but not as something to be drawn."""

import json

from playwright.sync_api import expect

LEFT_OUT = "Left out of the draw by top-k or top-p. You can still choose it."


def kept_of(answer):
    return answer.json()["steps"][0]["kept"]


def set_slider(page, name, value):
    """Move a slider, and wait for the odds that are asked for then."""
    field = name.lower().replace("-", "_")
    with page.page.expect_response(
        lambda answer: (
            answer.url.endswith("/api/generate")
            and json.loads(answer.request.post_data).get(field) == value
        )
    ) as answer:
        page.slider(name).fill(str(value))
    return answer.value


def test_what_cannot_be_drawn_is_told_apart_in_words_and_numbers(visit):
    page = visit().sample()
    left_out = page.bars.locator(".candidate--left-out")
    other = page.drawer.locator(".candidate--other")
    expect(left_out).to_have_count(0)
    expect(other).not_to_have_attribute("title", LEFT_OUT)
    for name, value in (("Top-k", 3), ("Top-k", 0), ("Top-p", 0.1)):
        kept = kept_of(set_slider(page, name, value))
        page.ready()
        expect(left_out).to_have_count(max(0, 10 - kept))
        for row in left_out.all():
            expect(row).to_have_attribute("title", LEFT_OUT)
            expect(row).to_have_accessible_name(row.get_attribute("aria-label"))
            assert row.get_attribute("aria-label").endswith(", left out")
            expect(row.locator(".candidate__drawn")).to_have_text("0.0 %")
        expect(page.options.nth(0)).not_to_have_attribute("title", LEFT_OUT)
    assert kept < 10
    expect(other).to_have_attribute("title", LEFT_OUT)
    page.drawer.locator("#pick").get_by_text("Top choice").click()
    expect(left_out).to_have_count(0)


def test_what_was_left_out_can_still_be_chosen(visit):
    page = visit().sample()
    set_slider(page, "Top-k", 1)
    page.ready()
    row = page.options.nth(4)
    token, text = row.get_attribute("data-token"), page.text()
    row.click()
    page.shows(text + token)
