"""The HTTP API, documented at /docs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline

from playground.api.errors import DEFAULT_RESPONSES, EXPOSED_HEADERS, add_exception_handlers
from playground.api.middleware import AnswerHead, LimitBodySize, UseRequestLocale
from playground.api.routes import corpora, generation, hub, sessions, tools, trainings
from playground.api.routes.unmatched import answer_unmatched
from playground.service.playground import Playground

_ROUTES = (generation, sessions, hub, tools, corpora, trainings)


def create_api(service: Playground) -> FastAPI:
    """The API over a service; its lifespan loads the bundled models and closes the service."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.warm_up()
        service.open_featured()
        yield
        await service.close()

    # FastAPIOffline: the documentation page loads its script and styles from this server.
    app = FastAPIOffline(
        title="Token Playground",
        description="Next-character distributions of small language models.",
        lifespan=lifespan,
    )
    app.state.service = service
    for module in _ROUTES:
        app.include_router(module.router, prefix="/api", responses=DEFAULT_RESPONSES)
    answer_unmatched(app, "/api")
    # Any origin: the API has no cookies and no credentials.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=EXPOSED_HEADERS,
    )
    app.add_middleware(LimitBodySize)
    app.add_middleware(UseRequestLocale)
    app.add_middleware(AnswerHead)
    add_exception_handlers(app)
    return app
