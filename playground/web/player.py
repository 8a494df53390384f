"""The page's own pieces: markup, style and script from files in static/.

Each piece is a `gr.HTML` whose template never changes and never holds a visitor's or a model's
text: Gradio compiles templates into script. What is shown in a piece, the browser's modules write
into it with `textContent`.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import gradio as gr

from .. import messages

STATIC = Path(__file__).parent / "static"
STATIC_URL = "page"  # relative: a path prefix in front does no harm; Gradio has a /static itself

_EARLY = "early.js"  # a plain script, no module

# Relative to where the page comes from: to the document's base, as Gradio's own files are, or in
# another's page to the `src` of the element that holds it.
_IMPORT = (
    f'import(new URL("{STATIC_URL}/%s", '
    'element.closest("gradio-app[src]")?.getAttribute("src") ?? document.baseURI))'
)

# The page; "settings" has the sliders of the drawer take what the script has set.
START = (
    "element.addEventListener('settings', () => trigger('settings'));"
    + _IMPORT % "main.js"
    + ".then(m => m.start());"
)
LEARN = _IMPORT % "learn/learn.js" + ".then(m => m.mount(element));"  # in the piece of its tab


def piece(path: str, *, script: str | None = None) -> gr.HTML:
    """A part of the page with the markup of static/<path>.html; its id is the file's name.

    script: runs once, when the piece has arrived in the page.
    """
    return gr.HTML(
        html_template=_in_words((STATIC / f"{path}.html").read_text(encoding="utf-8")),
        js_on_load=script,
        elem_id=Path(path).name,
        elem_classes="piece",
        apply_default_css=False,
    )


def _in_words(markup: str) -> str:
    """Markup with the messages that it names, `data-say="area.key"` for the text of an element and
    `data-say-title` for an attribute. In the default language: messages.js writes the visitor's."""

    def worded(key: str) -> str:
        return html.escape(messages.say(key, messages.DEFAULT))

    markup = re.sub(
        r'data-say-([a-z-]+)="([\w.]+)"',
        lambda found: f'{found[0]} {found[1]}="{worded(found[2])}"',
        markup,
    )
    return re.sub(r'(data-say="([\w.]+)"[^>]*>)', lambda found: found[1] + worded(found[2]), markup)


def document_head() -> str:
    """Tags for the head of the document: the script that comes before all of Gradio's, and all
    modules at once instead of in a chain."""
    scripts = sorted(str(path.relative_to(STATIC)) for path in STATIC.rglob("*.js"))
    preloads = [
        f'<link rel="modulepreload" href="{STATIC_URL}/{path}">'
        for path in scripts
        if path != _EARLY
    ]
    return "\n".join(
        [f"<script>{(STATIC / _EARLY).read_text(encoding='utf-8')}</script>", *preloads]
    )


def gradio_head() -> str:
    """What Gradio is to add to the head: the styles, which have to come after its own.

    They are not given to it as `css`: it puts its own container in front of every selector, above
    `html` and `body` too. It is a script that inserts them, and not into another's page: see
    embed.js.
    """
    style = json.dumps(f"<style>{styles()}</style>").replace("<", "\\u003c")
    return (
        "<script>document.querySelector('gradio-app[src]') ?? "
        f"document.head.insertAdjacentHTML('beforeend', {style});</script>"
    )


def styles() -> str:
    """The page's own styles: the general ones first, those of an embedded page last."""
    first, last = STATIC / "base.css", STATIC / "embed" / "embed.css"
    between = sorted(set(STATIC.rglob("*.css")) - {first, last}, key=lambda path: path.name)
    return "\n".join(path.read_text(encoding="utf-8") for path in (first, *between, last))
