"""The page's own components: `gr.HTML` with markup and script from files in frontend/.

A component's template never changes and never holds a visitor's or a model's text: Gradio compiles
templates into script. The browser's modules write what is shown with `textContent`.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import gradio as gr

from playground.i18n.translate import DEFAULT_LOCALE, translate
from playground.settings import PACKAGE

FRONTEND = PACKAGE / "frontend"
FRONTEND_URL = "page"  # relative, so that a path prefix does no harm; Gradio serves /static itself

# Relative to the document's base, as Gradio's own files are; in another site's page, to the `src`
# of the element that holds the component.
_IMPORT = (
    f'import(new URL("{FRONTEND_URL}/%s", '
    'element.closest("gradio-app[src]")?.getAttribute("src") ?? document.baseURI))'
)

# Starts the page; the event "settings" makes the drawer's sliders take what the script has set.
START = (
    "element.addEventListener('settings', () => trigger('settings'));"
    + _IMPORT % "main.js"
    + ".then(m => m.start());"
)
MOUNT_TRAINING = _IMPORT % "training/learn.js" + ".then(m => m.mount(element));"


def html_component(path: str, *, script: str | None = None) -> gr.HTML:
    """A component with the markup of frontend/<path>.html; its element id is the file's name.

    script: JavaScript that Gradio runs once, when the component is mounted.
    """
    return gr.HTML(
        html_template=_translated((FRONTEND / f"{path}.html").read_text(encoding="utf-8")),
        js_on_load=script,
        elem_id=Path(path).name,
        elem_classes="piece",
        apply_default_css=False,
    )


def _translated(markup: str) -> str:
    """Markup with its messages filled in, in the default locale.

    `data-say="area.key"` names the text of an element, `data-say-title` that of an attribute;
    frontend/shared/messages.js replaces them with the visitor's locale.
    """

    def text_of(key: str) -> str:
        return html.escape(translate(key, DEFAULT_LOCALE))

    markup = re.sub(
        r'data-say-([a-z-]+)="([\w.]+)"',
        lambda found: f'{found[0]} {found[1]}="{text_of(found[2])}"',
        markup,
    )
    return re.sub(
        r'(data-say="([\w.]+)"[^>]*>)', lambda found: found[1] + text_of(found[2]), markup
    )
