"""The document's head: title, preview, early script, preload, styles."""

from __future__ import annotations

import html
import json
import re

from playground.i18n.translate import available_locales, translate
from playground.page.bundle import FRONTEND, frontend_bundle
from playground.page.components import FRONTEND_URL

_EARLY = "early.js"  # inlined: it must run before Gradio's
_IMPORT = re.compile(r'^import .* from "\./(.+)";\n', re.M)


def document_head() -> str:
    """Tags for the served HTML: what previews of a link show, sentences for browsers that can't run
    the page, the early script, and a modulepreload of the bundle."""
    return "\n".join(
        [
            *_preview(),
            *_unsupported(),
            f"<script>{_early_script()}</script>",
            f'<link rel="modulepreload" href="{FRONTEND_URL}/{frontend_bundle().name}">',
        ]
    )


def _early_script() -> str:
    """The early script and the modules that it imports, which import none, as one script."""
    early = (FRONTEND / _EARLY).read_text(encoding="utf-8")
    modules = [(FRONTEND / path).read_text(encoding="utf-8") for path in _IMPORT.findall(early)]
    code = "\n".join([*modules, _IMPORT.sub("", early)])
    return f'(function () {{\n"use strict";\n{re.sub(r"^export ", "", code, flags=re.M)}}})();'


def _preview() -> list[str]:
    """Title and description, for the browser's tab and for previews of a link (ogp.me)."""
    title, lead = (html.escape(translate(f"header.{name}", "en")) for name in ("title", "lead"))
    return [
        f"<title>{title}</title>",
        f'<meta name="description" content="{lead}">',
        '<meta property="og:type" content="website">',
        f'<meta property="og:title" content="{title}">',
        f'<meta property="og:description" content="{lead}">',
        '<meta name="twitter:card" content="summary">',
    ]


def _unsupported() -> list[str]:
    """What early.js shows to a browser that can't run the page, in every locale."""
    return [
        f'<meta name="unsupported-browser" lang="{locale}" '
        f'content="{html.escape(translate("header.unsupported", locale))}">'
        for locale in available_locales()
    ]


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
