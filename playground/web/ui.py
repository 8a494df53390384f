"""The page: layout and wiring, no logic.

What a control does, the browser does: every event here only says what is so now, as a DOM event
named `playground`, and static/main.js listens. So playing, pausing and choosing cost no request to
Gradio, and a test can read from the built Blocks which control says what.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ..runs.service import Playground
from .gradio_api import publish
from .player import LEARN, START, head, piece

TEMPERATURE_RANGE = (0.1, 2.0)  # the API takes more; beyond this a learner sees nothing new


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of the page: its label, and what lays out its content.

    A tab tells the drawer which session is its own with a DOM event on the document:
    `playground`, detail {action: "session", tab: label, session_id, step}.
    """

    label: str
    build: Callable[[], None]


def says(event: Callable[..., Dependency], action: str, *inputs: Component, **detail: str) -> None:
    """Wire an event to the browser: it dispatches `playground` with the action and a value."""
    said = json.dumps({"action": action, **detail})
    event(
        fn=None,
        inputs=list(inputs),
        js="(value) => { document.dispatchEvent("
        f"new CustomEvent('playground', {{detail: {{...{said}, value}}}})); return []; }}",
        trigger_mode="multiple",  # none is lost, however fast they come
        show_progress="hidden",
        api_visibility="private",
    )


def build_library() -> None:
    """Choose a session, and move along its training steps."""
    library = piece("library", script="element.addEventListener('range', () => trigger('range'))")
    piece("hub")
    steps = gr.Slider(
        0, 1, value=1, step=1, label="Training step", buttons=[], elem_id="training-step"
    )
    piece("learning")
    says(steps.input, "training-step", steps)
    # The script writes the range that fits the chosen session into data-range, numbers only.
    library.range(
        fn=None,
        js="() => JSON.parse(document.querySelector('#library [data-range]').dataset.range)",
        outputs=steps,
        show_progress="hidden",
        api_visibility="private",
    )


def build_learn() -> None:
    """Train a model live, and watch it."""
    piece("learn", script=LEARN)


TABS = (Tab("Library", build_library), Tab("Watch it learn", build_learn))


def build_drawer() -> None:
    """Input, controls, output and bars, from top to bottom.

    A column with a style of its own instead of `gr.Sidebar`: closed, that one keeps its controls in
    the tab order, and it has neither a backdrop nor a name for its toggle.
    """
    with gr.Column(elem_id="drawer"):
        piece("model")
        gr.Textbox(
            label="Input text",
            lines=2,
            max_lines=2,
            placeholder="Type something to get started...",
            elem_id="input-text",
        )
        with gr.Row(elem_id="input-row"):
            piece("input-notes")
            gr.Button("Clear", size="sm", elem_id="clear")
        with gr.Row(elem_id="controls"):
            gr.Button("Play", variant="primary", elem_id="play", min_width=80)
            gr.Button("Pause", elem_id="pause", min_width=80)
            gr.Button("Step", elem_id="step", min_width=80)
            gr.Button("Regenerate", elem_id="regenerate", min_width=80)
        with gr.Row(elem_id="settings"):
            speed = gr.Slider(
                100, 2000, value=500, step=50, label="Speed", buttons=[], elem_id="speed"
            )
            pick = gr.Radio(
                ["Top choice", "Sample"], value="Top choice", label="Pick", elem_id="pick"
            )
        with gr.Row(elem_id="sampling"):
            temperature = gr.Slider(
                *TEMPERATURE_RANGE, value=1.0, step=0.1, label="Temperature", buttons=[]
            )
            top_k = gr.Slider(0, 50, value=0, step=1, label="Top-k", buttons=[])
            top_p = gr.Slider(0.05, 1.0, value=1.0, step=0.05, label="Top-p", buttons=[])
            seed = gr.Number(
                label="Seed", value=None, placeholder="random", precision=0, minimum=0,
                elem_id="seed",
            )  # fmt: skip
        piece("player", script=START)

    # The script hears the buttons and the text itself: an event of Gradio's comes a moment late,
    # a tick after Pause perhaps, and not at all for a text that wasn't typed on a keyboard.
    for setting, action in (
        (speed, "speed"), (temperature, "temperature"), (top_k, "top-k"), (top_p, "top-p"),
        (pick, "pick"), (seed, "seed"),
    ):  # fmt: skip
        says(setting.input, action, setting)


def build_ui(service: Playground, tabs: Sequence[Tab] = TABS) -> gr.Blocks:
    """The whole page; `service` answers in Gradio's own API."""
    with gr.Blocks(title="Token Playground", fill_width=True) as demo:
        piece("header")
        with gr.Tabs(elem_id="tabs"):
            for tab in tabs:
                with gr.Tab(tab.label) as item:
                    tab.build()
                says(item.select, "tab", tab=tab.label)
        build_drawer()
        piece("tutorial")
        publish(service)
    demo.max_threads = 64
    demo.queue(default_concurrency_limit=8)
    demo.state_session_capacity = 1000
    return demo


def _theme() -> gr.themes.Base:
    """System fonts: the page is whole without a network. Colours are those of base.css."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    )


def mounting() -> dict[str, Any]:
    """The arguments of `gr.mount_gradio_app`, other than what and where."""
    return {
        "ssr_mode": False,
        "run_history": False,
        "mcp_server": True,
        "footer_links": ["api"],
        "theme": _theme(),
        "head": head(),
    }
