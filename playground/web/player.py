"""The page's own pieces: markup, style and script from files in static/.

Each piece is a `gr.HTML` whose template never changes and never holds a visitor's or a model's
text: Gradio compiles templates into script. What is shown in a piece, the browser's modules write
into it with `textContent`.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

STATIC = Path(__file__).parent / "static"
STATIC_URL = "page"  # relative: a path prefix in front does no harm; Gradio has a /static itself

# Relative to the document's base, as Gradio's own files are.
_IMPORT = f'import(new URL("{STATIC_URL}/%s", document.baseURI))'

START = _IMPORT % "main.js" + ".then(m => m.start());"  # the page
LEARN = _IMPORT % "learn.js" + ".then(m => m.mount(element));"  # in the piece of its tab


def piece(name: str, *, script: str | None = None) -> gr.HTML:
    """A part of the page with the markup of static/<name>.html, found by its id <name>.

    script: runs once, when the piece has arrived in the page.
    """
    return gr.HTML(
        html_template=(STATIC / f"{name}.html").read_text(encoding="utf-8"),
        js_on_load=script,
        elem_id=name,
        elem_classes="piece",
        apply_default_css=False,
    )


def head() -> str:
    """Tags for the document's head: the styles, and all modules at once instead of in a chain.

    The styles are inlined, so that nothing is ever seen without them. They are not given to Gradio
    as `css`: it puts its own container in front of every selector, above `html` and `body` too.
    """
    styles = sorted(STATIC.glob("*.css"), key=lambda path: (path.name != "base.css", path.name))
    scripts = sorted(STATIC.glob("*.js"))
    return "\n".join(
        [f"<style>{path.read_text(encoding='utf-8')}</style>" for path in styles]
        + [f'<link rel="modulepreload" href="{STATIC_URL}/{path.name}">' for path in scripts]
    )
