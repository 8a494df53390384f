"""Routes of the page's own files: modules, messages, lessons, and what an embedding page loads."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse

from playground.i18n.translate import DEFAULT_LOCALE, catalog, negotiate_locale
from playground.lessons.reader import LESSONS, read_lessons
from playground.page.bundle import frontend_bundle
from playground.page.config import page_config
from playground.page.gradio_patches import GRADIO_LOADER
from playground.page.head import component_css
from playground.page.response_cache import IMMUTABLE, REVALIDATE
from playground.page.text_file import text_file_schema

PAGE_PREFIX = "/page"
_NO_CACHE = {"Cache-Control": REVALIDATE}


def add_page_routes(app: FastAPI, *, lessons: Path = LESSONS) -> None:
    """Serve everything of the page but Gradio's document under /page, and /gradio.js."""
    app.include_router(_routes(lessons))


def _routes(lessons: Path) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    bundle = frontend_bundle()

    @router.get(f"{PAGE_PREFIX}/{bundle.name}")
    async def modules() -> Response:
        """The browser's modules."""
        return Response(
            bundle.code, media_type="text/javascript", headers={"Cache-Control": IMMUTABLE}
        )

    @router.get(f"{PAGE_PREFIX}/messages.json")
    async def messages(languages: str = "") -> JSONResponse:
        """The message catalog of the best locale in `languages`, a comma-separated list."""
        locale = negotiate_locale(languages.split(","))
        # A message that a locale lacks is served in the default one.
        texts = {**catalog(DEFAULT_LOCALE), **catalog(locale)}
        return JSONResponse({"language": locale, "messages": texts}, headers=_NO_CACHE)

    @router.get(f"{PAGE_PREFIX}/config.json")
    async def browser_config() -> JSONResponse:
        """Limits, defaults and ranges, each defined where it is enforced."""
        return JSONResponse(page_config(), headers=_NO_CACHE)

    @router.get(f"{PAGE_PREFIX}/text.schema.json")
    async def text_schema() -> JSONResponse:
        """The JSON Schema of the files that Explore's Keep saves and opens."""
        return JSONResponse(text_file_schema(), headers=_NO_CACHE)

    @router.get(f"{PAGE_PREFIX}/lessons.json")
    def page_lessons(languages: str = "") -> JSONResponse:
        """The lessons, in the best locale of `languages`."""
        # Read each time: a lesson that a teacher has just saved is in the tour.
        found = read_lessons(lessons, negotiate_locale(languages.split(",")))
        return JSONResponse({"lessons": [asdict(lesson) for lesson in found]}, headers=_NO_CACHE)

    @router.get("/gradio.js")
    async def gradio_loader() -> FileResponse:
        """Gradio's loader of `<gradio-app>` at an address that outlives Gradio's hashed names."""
        return FileResponse(GRADIO_LOADER, headers=_NO_CACHE)

    @router.get(f"{PAGE_PREFIX}/component.css")
    async def component_styles() -> Response:
        """The page's styles, scoped to `<gradio-app>` in another site's page."""
        return Response(component_css(), media_type="text/css", headers=_NO_CACHE)

    @router.get("/{name}={rest:path}")
    async def link_without_question_mark(request: Request) -> RedirectResponse:
        """A link whose "?" was lost on its way; the page repairs the rest."""
        prefix = request.scope["root_path"]
        query = request.scope["raw_path"].decode("ascii").removeprefix(prefix + "/")
        more = f"&{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{prefix}/?{query.lstrip('&')}{more}")

    return router
