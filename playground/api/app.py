"""The HTTP API, documented at /docs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from playground import __version__
from playground.api.errors import DEFAULT_RESPONSES, EXPOSED_HEADERS, add_exception_handlers
from playground.api.middleware import AnswerHead, LimitBodySize, SetRequestContext
from playground.api.openai_errors import OPENAI_PREFIX, OPENAI_RESPONSES
from playground.api.overload import EventLoopLag, RefuseWhenBehind
from playground.api.rate_limits import RateLimits
from playground.api.routes import (
    corpora,
    corpus_lookup,
    exploration,
    generation,
    hub,
    openai,
    rounds,
    scoring,
    sessions,
    tokenization,
    tools,
    trainings,
)
from playground.api.routes.unmatched import answer_unmatched
from playground.service.playground import Playground

_ROUTES = (
    generation,
    scoring,
    corpus_lookup,
    exploration,
    rounds,
    tokenization,
    sessions,
    hub,
    tools,
    corpora,
    trainings,
)


def create_api(
    service: Playground,
    *,
    on_startup: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """The API over a service; its lifespan loads the bundled models and closes the service.

    on_startup: called last before requests are accepted. clock: of the rate limits, in seconds.
    """

    lag = EventLoopLag()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.warm_up()
        service.open_featured()
        on_startup()
        lag.start()
        yield
        lag.stop()
        await service.close()

    # FastAPIOffline: the documentation page loads its script and styles from this server.
    app = FastAPIOffline(
        title="Token Playground",
        version=__version__,
        description="Next-character distributions of small language models.",
        lifespan=lifespan,
    )
    app.state.service = service
    app.state.rate_limits = RateLimits(service.settings, clock)
    for module in _ROUTES:
        app.include_router(module.router, prefix="/api", responses=DEFAULT_RESPONSES)
    app.include_router(openai.router, prefix=OPENAI_PREFIX, responses=OPENAI_RESPONSES)
    for prefix in ("/api", OPENAI_PREFIX):
        answer_unmatched(app, prefix)
    app.add_middleware(RefuseWhenBehind, lag=lag)
    # Any origin: the API has no cookies and no credentials.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=EXPOSED_HEADERS,
    )
    app.add_middleware(LimitBodySize)
    app.add_middleware(SetRequestContext)
    app.add_middleware(AnswerHead)
    # uvicorn's own: the client is the last address in X-Forwarded-For that is no trusted proxy.
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(service.settings.trusted_proxies))
    add_exception_handlers(app)
    return app
