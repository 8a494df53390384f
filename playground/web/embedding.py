"""The playground inside of other pages: in a frame, or as the element `<gradio-app>`."""

from __future__ import annotations

import re
from pathlib import Path

import gradio as gr
from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from .player import styles

_FRESH = {"Cache-Control": "no-cache"}
_LOADER = Path(gr.__file__).parent / "templates" / "frontend" / "gradio.js"


def embedding_routes() -> APIRouter:
    """What another page needs for `<gradio-app>`: a script with a lasting address, and styles."""
    router = APIRouter(include_in_schema=False)

    @router.get("/gradio.js")
    async def loader() -> FileResponse:
        return FileResponse(_LOADER, headers=_FRESH)

    @router.get("/page/component.css")
    async def component_styles() -> Response:
        return Response(_in_component(styles()), media_type="text/css", headers=_FRESH)

    return router


def _in_component(css: str) -> str:
    """Styles that hold in the element alone: names such as .card are the other page's as well.

    What stands at the document's root in a page of its own stands at the element there.
    """
    rooted = re.sub(r":root\b|\bbody(?= )", ".embedded", css)
    element = "gradio-app.embedded"
    return f"@scope (:has(> {element})) to (:scope > :not({element})) {{\n{rooted}\n}}"
