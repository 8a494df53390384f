"""The page's Blocks: layout and event wiring, no logic.

Every event runs in the browser: it dispatches a DOM event named `playground` with the new value,
and frontend/main.js handles it. So playing, pausing and choosing cost no request to Gradio, and a
test can read from the built Blocks which control dispatches which action.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency
from gradio.i18n import I18nData

from playground.api.gradio_endpoints import add_gradio_endpoints
from playground.i18n.translate import available_locales, catalog
from playground.page import config
from playground.page.components import html_component, mount_training, start_page
from playground.page.head import gradio_head
from playground.service.playground import Playground

MESSAGE_AREA = "controls"  # of the messages on Gradio's own components


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of the page: its name in the code, its label, and the function that builds it.

    A tab gives the drawer its session with a DOM event on the document: `playground`, detail
    {action: "session", tab: name, session_id, step}.
    """

    name: str
    label: str | I18nData
    build: Callable[[], None]


def message(name: str) -> I18nData:
    """A message on one of Gradio's components, which Gradio translates in the browser."""
    return I18nData(f"{MESSAGE_AREA}.{name}")


def slider(name: str, range_: config.Range, *, elem_id: str) -> gr.Slider:
    """A slider with the label `name`, without Gradio's reset button."""
    return gr.Slider(
        range_.low, range_.high, value=range_.default, step=range_.step, label=message(name),
        buttons=[], elem_id=elem_id,
    )  # fmt: skip


def dispatch(
    event: Callable[..., Dependency], action: str, *inputs: Component, **detail: str
) -> None:
    """Wire an event to dispatch `playground` in the browser, with the action and the new value."""
    constants = json.dumps({"action": action, **detail})
    event(
        fn=None,
        inputs=list(inputs),
        js="(value) => { document.dispatchEvent("
        f"new CustomEvent('playground', {{detail: {{...{constants}, value}}}})); return []; }}",
        trigger_mode="multiple",  # none is dropped, however fast they come
        show_progress="hidden",
        api_visibility="private",
    )


def build_library() -> None:
    """The tab for choosing a session, with the loss curve of its training."""
    html_component("library/library")
    html_component("library/learning")
    html_component("library/hub")


def build_learn() -> None:
    """The tab for training a model live."""
    html_component("training/learn", script=mount_training())


TABS = (
    Tab(config.LIBRARY_TAB, message("library"), build_library),
    Tab(config.LEARN_TAB, message("learn"), build_learn),
)


def build_drawer() -> None:
    """Input, controls, output and bars, from top to bottom.

    A column with a style of its own instead of `gr.Sidebar`: closed, that one keeps its controls in
    the tab order, and it has neither a backdrop nor a name for its toggle.
    """
    with gr.Column(elem_id="drawer"):
        html_component("playback/model")
        html_component("sharing/task")
        gr.Textbox(
            label=message("input"),
            lines=2,
            max_lines=2,
            placeholder=message("placeholder"),
            elem_id="input-text",
        )
        with gr.Row(elem_id="input-row"):
            html_component("playback/input-notes")
            gr.Button(message("clear"), size="sm", elem_id="clear")
        with gr.Row(elem_id="controls"):
            gr.Button(message("play"), variant="primary", elem_id="play", min_width=80)
            gr.Button(message("pause"), elem_id="pause", min_width=80)
            gr.Button(message("step"), elem_id="step", min_width=80)
            html_component("playback/write-more")
            gr.Button(message("regenerate"), elem_id="regenerate", min_width=80)
        html_component("playback/training-step")
        with gr.Row(elem_id="settings"):
            speed = slider("speed", config.SPEED, elem_id="speed")
            pick = gr.Radio(
                [(message("top_choice"), "top"), (message("sample"), "sample")],
                value=config.PICKS[0], label=message("pick"), elem_id="pick",
            )  # fmt: skip
        with gr.Row(elem_id="sampling"):
            temperature = slider("temperature", config.TEMPERATURE, elem_id="temperature")
            top_k = slider("top_k", config.TOP_K, elem_id="top-k")
            top_p = slider("top_p", config.TOP_P, elem_id="top-p")
            seed = gr.Number(
                label=message("seed"), value=None, placeholder=message("random"), precision=0,
                minimum=0, elem_id="seed",
            )  # fmt: skip
        player = html_component("playback/player", script=start_page())

    # Buttons and text are listened to in the DOM: Gradio's events come late, a tick after Pause
    # perhaps, and not at all for a text that was not typed on a keyboard.
    for setting, action in (
        (speed, "speed"), (temperature, "temperature"), (top_k, "top-k"), (top_p, "top-p"),
        (pick, "pick"), (seed, "seed"),
    ):  # fmt: skip
        dispatch(setting.input, action, setting)
    # A link sets them too: the browser writes the values into data-settings, an array of them.
    player.settings(
        fn=None,
        js="() => JSON.parse(document.querySelector('#player [data-settings]').dataset.settings)",
        outputs=[speed, pick, temperature, top_k, top_p, seed],
        show_progress="hidden",
        api_visibility="private",
    )


def build_page(service: Playground, tabs: Sequence[Tab] = TABS) -> gr.Blocks:
    """The whole page, with the endpoints of Gradio's own API on `service`."""
    demo: gr.Blocks
    with gr.Blocks(title="Token Playground", fill_width=True) as demo:
        html_component("header")
        with gr.Tabs(elem_id="tabs"):
            for tab in tabs:
                with gr.Tab(tab.label, elem_id=f"tab-{tab.name}") as item:
                    tab.build()
                dispatch(item.select, "tab", tab=tab.name)
        build_drawer()
        html_component("tutorial/guide")
        html_component("sharing/share")
        html_component("playback/keys")
        html_component(
            "explore/explore", parts=[f"explore/{name}" for name in config.EXPLORE_PANELS]
        )
        add_gradio_endpoints(service)
    demo.max_threads = 64
    demo.queue(default_concurrency_limit=8)
    demo.state_session_capacity = 1000
    return demo


def _theme() -> gr.themes.Base:
    """System fonts, so that no other host is needed; colours as in base.css."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    )


def _translations() -> gr.I18n:
    """The messages of `message`, in all locales."""
    return gr.I18n(
        **{
            locale: {
                key: text
                for key, text in catalog(locale).items()
                if key.startswith(f"{MESSAGE_AREA}.")
            }
            for locale in available_locales()
        }
    )


def mount_arguments() -> dict[str, Any]:
    """The arguments of `gr.mount_gradio_app`, other than app, Blocks and path."""
    return {
        "ssr_mode": False,
        "run_history": False,
        "mcp_server": True,
        "footer_links": ["api"],
        "theme": _theme(),
        "head": gradio_head(),
        "i18n": _translations(),
    }
