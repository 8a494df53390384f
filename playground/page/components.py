"""The page's own components: `gr.HTML` with markup and script from files in frontend/.

A component's template never changes and never holds a visitor's or a model's text: Gradio compiles
templates into script. The browser's modules write what is shown with `textContent`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from playground.i18n.translate import DEFAULT_LOCALE, translate
from playground.page.bundle import FRONTEND, frontend_bundle

FRONTEND_URL = "page"  # relative, so that a path prefix does no harm; Gradio serves /static itself


def _with_bundle(call: str) -> str:
    """JavaScript that calls a function of the bundle `m`.

    Its address is relative to the document's base, as those of Gradio's own files are; in another
    site's page, to the `src` of the element that holds the component.
    """
    return (
        f'import(new URL("{FRONTEND_URL}/{frontend_bundle().name}", '
        'element.closest("gradio-app[src]")?.getAttribute("src") ?? document.baseURI))'
        f".then(m => m.{call});"
    )


def start_page() -> str:
    """The script that starts the page; by its event "settings" the drawer's sliders take values."""
    return "element.addEventListener('settings', () => trigger('settings'));" + _with_bundle(
        "start()"
    )


def mount_training() -> str:
    """The script of the tab for live training."""
    return _with_bundle("mount(element)")


def html_component(path: str, *, script: str | None = None, parts: Sequence[str] = ()) -> gr.HTML:
    """A component with the markup of frontend/<path>.html; its element id is the file's name.

    script: JavaScript that Gradio runs once, when the component is mounted.
    parts: further files like path, whose markup replaces the comment `parts`.
    """
    inner = "".join(_markup(part) for part in parts)
    return gr.HTML(
        html_template=_translated(_markup(path).replace("<!-- parts -->", inner)),
        js_on_load=script,
        elem_id=Path(path).name,
        elem_classes="piece",
        apply_default_css=False,
    )


def _markup(path: str) -> str:
    return (FRONTEND / f"{path}.html").read_text(encoding="utf-8")


def _translated(markup: str) -> str:
    """Markup with its messages filled in, in the default locale.

    `data-i18n="area.key"` names the text of an element, `data-i18n-title` that of an attribute;
    frontend/shared/messages.js replaces them with the visitor's locale.
    """

    def text_of(key: str) -> str:
        return html.escape(translate(key, DEFAULT_LOCALE))

    markup = re.sub(
        r'data-i18n-([a-z-]+)="([\w.]+)"',
        lambda found: f'{found[0]} {found[1]}="{text_of(found[2])}"',
        markup,
    )
    return re.sub(
        r'(data-i18n="([\w.]+)"[^>]*>)', lambda found: found[1] + text_of(found[2]), markup
    )
