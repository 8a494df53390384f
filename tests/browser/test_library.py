"""The Library: choosing a model, and moving along its training steps."""

import json

from playwright.sync_api import expect


def test_a_card_for_each_model_says_what_it_is(visit):
    page = visit()
    group = page.page.get_by_role("radiogroup", name="Choose a model")
    expect(group.get_by_role("radio")).to_have_count(4)
    card = group.locator(".card").filter(has_text="plain")
    expect(card).to_contain_text("6K params · 1,000 steps · loss 2.50 · Plays")
    expect(group.get_by_role("radio", checked=True)).to_have_value("plain")


def test_the_keyboard_chooses(visit):
    page = visit()
    page.page.locator("input[value=plain]").focus()
    page.page.keyboard.press("ArrowDown")
    chosen = page.page.get_by_role("radio", checked=True).first
    name = chosen.get_attribute("value")
    assert name != "plain"
    expect(page.drawer.locator(".model__line")).to_contain_text(name)
    page.page.keyboard.press("Space")
    expect(page.button("Pause")).to_be_disabled()


def test_the_bars_follow_the_training_step(visit):
    page = visit()
    text = page.text()
    slider = page.slider("Training step")
    expect(slider).to_have_value("3")
    slider.focus()
    back, forth = "ArrowLeft", "ArrowRight"
    for key, index, step in ((back, 2, 100), (back, 1, 10), (back, 0, 0), (forth, 1, 10)):
        page.page.keyboard.press(key)
        expect(slider).to_have_value(str(index))
        expect(slider).to_have_attribute("aria-valuetext", f"step {step}")
        expect(page.drawer.locator(".model__line")).to_contain_text(f"step {step}")
        answer = page.ask("generate-next-token", session_id="plain", context=text,
                          temperature=0, step=step)  # fmt: skip
        expect(page.pick).to_have_attribute("data-token", answer["next_token"])
    assert page.text() == text
    now = page.page.locator(".learning__now")
    expect(now).to_have_text("Step 10 · 640 characters read · loss 2.50")


def test_a_slider_on_the_move_asks_for_where_it_rests(visit):
    page = visit()
    asked = []
    page.page.on("request", lambda request: asked.append(json.loads(request.post_data))
                 if request.url.endswith("/api/generate") else None)  # fmt: skip
    page.page.evaluate(
        """() => {
          const slider = document.querySelector("#training-step input[type=range]");
          for (const value of [2, 1, 0, 1, 2, 1, 0]) {
            slider.value = value;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
          }
        }"""
    )
    expect(page.drawer.locator(".model__line")).to_contain_text("step 0")
    page.ready()
    assert [body["step"] for body in asked][-1] == 0
    assert len(asked) <= 2


def test_the_written_text_stays_when_the_step_changes(visit):
    page = visit()
    page.button("Step").click()
    expect(page.output.locator(".generated")).to_have_count(1)
    text = page.text()
    page.slider("Training step").fill("0")
    expect(page.drawer.locator(".model__line")).to_contain_text("step 0")
    page.ready()
    assert page.text() == text


def test_a_card_opens_the_playground(visit):
    page = visit("phone")
    page.button("Close").click()
    card = page.page.locator(".card").filter(has_text="other")
    card.get_by_role("button", name="Open in the playground").click()
    expect(page.drawer).to_be_visible()
    expect(page.drawer.locator(".model__line")).to_contain_text("other")
    expect(page.input).to_have_value("Once upon")
    page.page.keyboard.press("Escape")
    expect(card.get_by_role("button", name="Open in the playground")).to_be_focused()


def test_the_training_steps_are_in_sight_beside_the_drawer(visit):
    page = visit("laptop")
    expect(page.drawer).to_be_visible()
    expect(page.page.locator("#training-step")).to_be_in_viewport(ratio=1)
    expect(page.page.locator(".ticks")).to_be_in_viewport(ratio=1)
