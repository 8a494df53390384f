"""What goes into the document's head: early script, module preloads, styles."""

from __future__ import annotations

import json
import re

from playground.page.components import FRONTEND, FRONTEND_URL

_EARLY = "early.js"  # a classic script, inlined: it must run before Gradio's


def document_head() -> str:
    """Tags for the served HTML: the early script, and a modulepreload for every module."""
    scripts = sorted(str(path.relative_to(FRONTEND)) for path in FRONTEND.rglob("*.js"))
    preloads = [
        f'<link rel="modulepreload" href="{FRONTEND_URL}/{path}">'
        for path in scripts
        if path != _EARLY
    ]
    return "\n".join(
        [f"<script>{(FRONTEND / _EARLY).read_text(encoding='utf-8')}</script>", *preloads]
    )


def gradio_head() -> str:
    """The `head` argument of `mount_gradio_app`: the page's styles, after Gradio's own.

    Not given to Gradio as `css`: it prefixes every selector with its container, `html` and `body`
    included. A script inserts them, except into another site's page (see frontend/embed/embed.js).
    """
    style = json.dumps(f"<style>{page_css()}</style>").replace("<", "\\u003c")
    return (
        "<script>document.querySelector('gradio-app[src]') ?? "
        f"document.head.insertAdjacentHTML('beforeend', {style});</script>"
    )


def page_css() -> str:
    """All style sheets in cascade order: base.css first, embed.css last."""
    first, last = FRONTEND / "shared" / "base.css", FRONTEND / "embed" / "embed.css"
    between = sorted(set(FRONTEND.rglob("*.css")) - {first, last}, key=lambda path: path.name)
    return "\n".join(path.read_text(encoding="utf-8") for path in (first, *between, last))


def component_css() -> str:
    """The style sheets scoped to `<gradio-app>`: class names such as .card are the host's as well.

    Rules for the document's root or body apply to the element instead.
    """
    rooted = re.sub(r":root\b|\bbody(?= )", ".embedded", page_css())
    element = "gradio-app.embedded"
    return f"@scope (:has(> {element})) to (:scope > :not({element})) {{\n{rooted}\n}}"
