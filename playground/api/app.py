"""The HTTP API. The page is its first client; /docs describes it to the others."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from playground.api.middleware import LimitBodySize, UseRequestLocale
from playground.api.qr import QR_BYTES_MAX, qr_code
from playground.api.routes.trainings import training_routes
from playground.api.schemas import (
    ErrorBody,
    GenerateRequest,
    GenerateResponse,
    HealthResponse,
    LoadBody,
    LoadRequest,
    ModelsResponse,
    NextTokenRequest,
    NextTokenResponse,
    PublishedModelBody,
    SessionBody,
    SessionDetailBody,
    SessionsResponse,
    SubstituteRequest,
    SubstituteResponse,
)
from playground.errors import (
    GenerationFailed,
    HubRateLimited,
    InvalidInput,
    LoadCancelled,
    PlaygroundError,
)
from playground.i18n.translate import translate
from playground.i18n.validation import problem_of
from playground.service.playground import Playground

log = logging.getLogger(__name__)

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "What is wrong with which field"},
    404: {"model": ErrorBody, "description": "No such session, or no such step of it"},
    422: {"model": ErrorBody, "description": "The checkpoint is refused, and why"},
    500: {"model": ErrorBody, "description": "Something broke inside"},
}
_HUB_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": description}
    for status, description in {
        403: "The repo is gated or private",
        404: "The Hub has no such repo, revision or file",
        409: "The repo changed while it was read, or loading was cancelled",
        413: "Larger than the operator allows",
        429: "The Hub gets too many requests from here",
        502: "The Hub's answer is cut, or makes no sense",
        503: "The Hub cannot be reached, or too much is being loaded",
        504: "The Hub takes too long",
        507: "The disk is full",
    }.items()
}
# What the framework says itself, and a caller may see.
_FRAMEWORK = {
    "Not Found": "errors.not_found",
    "Method Not Allowed": "errors.method_not_allowed",
    "There was an error parsing the body": "errors.body_unreadable",
}
_LOOK_UP_EVERY = 8  # steps; asking whether the caller is still there costs as much as a pick
# Only names of ours: a key that the caller made up may hold any character, in any number.
_FIELD_PATH = re.compile(r"[A-Za-z0-9_.]{1,100}")
_T = TypeVar("_T")


def create_api(service: Playground) -> FastAPI:
    """The API's routes, middleware and error handlers, and its documentation at /docs."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.warm_up()
        service.open_featured()
        yield
        await service.close()

    # Offline: the documentation page brings its own script and styles.
    app = FastAPIOffline(
        title="Token Playground",
        description="Next-character distributions of small language models.",
        lifespan=lifespan,
    )
    app.include_router(_routes(service), prefix="/api")
    app.include_router(training_routes(service.trainings), prefix="/api")
    # Any page may ask: there are no cookies and nothing private behind these routes.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["X-Error", "X-Error-Field", "Retry-After"],
    )
    app.add_middleware(LimitBodySize)
    app.add_middleware(UseRequestLocale)
    app.add_exception_handler(PlaygroundError, _playground_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _broken_inside)
    return app


def _routes(service: Playground) -> APIRouter:
    # Every error has this shape; said here, FastAPI does not list its own, which never occurs.
    any_error = {"model": ErrorBody, "description": "What is wrong, in a sentence"}
    router = APIRouter(responses={"default": any_error})

    @router.post("/generate-next-token", responses=_HUB_ERRORS | _ERRORS)
    async def generate_next_token(body: NextTokenRequest, request: Request) -> NextTokenResponse:
        """The next character of a text, and the distribution it was picked from."""
        return (await generate_steps(service, body, n=1, request=request)).next_token()

    @router.post("/generate", responses=_HUB_ERRORS | _ERRORS)
    async def generate(body: GenerateRequest, request: Request) -> GenerateResponse:
        """The next n characters of a text, each with the distribution it was picked from."""
        return await generate_steps(service, body, n=body.n, request=request)

    @router.get("/sessions")
    async def sessions() -> SessionsResponse:
        """Every session on offer, the smallest model first."""
        return SessionsResponse(sessions=[SessionBody.of(s) for s in service.sessions()])

    @router.get("/sessions/{session_id:path}", responses={404: _ERRORS[404]})
    async def session(session_id: str) -> SessionDetailBody:
        """One session, with its vocabulary."""
        return SessionDetailBody.of(await service.get_session(session_id))

    there = {"model": SessionDetailBody, "description": "It was there already"}

    @router.post("/sessions", status_code=201, responses={200: there} | _ERRORS | _HUB_ERRORS)
    async def load(body: LoadRequest, request: Request, response: Response) -> SessionDetailBody:
        """Load a model from the Hub and wait for it; 200 instead of 201 if it was there already."""
        known = service.session_ids()
        work = service.load_from_hub(body.repo_id, body.revision)
        session = await _unless_gone(request, work)
        if session.session_id in known:
            response.status_code = 200
        return SessionDetailBody.of(session)

    @router.post("/loads", status_code=202, responses={k: _HUB_ERRORS[k] for k in (503,)})
    async def start_load(body: LoadRequest) -> LoadBody:
        """Begin to load a model from the Hub. Ask for it by its `load_id`, or it is given up."""
        return LoadBody.of(service.start_load(body.repo_id, body.revision))

    @router.get("/loads/{load_id}", responses={404: _ERRORS[404]})
    async def follow_load(load_id: str) -> LoadBody:
        """How far a load is, and what came of it."""
        return LoadBody.of(service.loads.get(load_id))

    @router.delete("/loads/{load_id}", responses={404: _ERRORS[404]})
    async def cancel_load(load_id: str) -> LoadBody:
        """Give a load up; the others who wait for the same model still get it."""
        return LoadBody.of(await service.loads.cancel(load_id))

    @router.get("/models", responses=_HUB_ERRORS)
    async def models(search: Annotated[str, Query(max_length=200)] = "") -> ModelsResponse:
        """Playground models on the Hub whose name has all words of `search`, most liked first."""
        found = await service.search_hub(search)
        return ModelsResponse(models=[PublishedModelBody.of(model) for model in found])

    @router.post("/substitute", responses={k: _ERRORS[k] for k in (400, 404)})
    async def substitute(body: SubstituteRequest) -> SubstituteResponse:
        """A text that the model can read: unknown characters replaced by near ones, or dropped."""
        await service.get_session(body.session_id)
        vocabulary = service.registered_run(body.session_id).vocabulary
        unknown = vocabulary.unknown(body.text)
        return SubstituteResponse(
            text=vocabulary.replace_unknown(body.text),
            replaced={character: vocabulary.substitute(character) for character in unknown},
        )

    @router.get("/qr", response_class=Response, responses={200: {"content": {"image/svg+xml": {}}}})
    def qr(text: Annotated[str, Query(min_length=1, max_length=QR_BYTES_MAX)]) -> Response:
        """A QR code of a text, a link above all, as an SVG image."""
        return Response(qr_code(text), media_type="image/svg+xml")

    @router.get("/health")
    async def health() -> HealthResponse:
        """That the server answers, how many sessions it has, and which folders it refused."""
        return HealthResponse(
            status="ok",
            sessions=len(service.sessions()),
            refused={name: str(reason) for name, reason in service.refused.items()},
        )

    return router


async def generate_steps(
    service: Playground, body: NextTokenRequest, *, n: int, request: Request | None = None
) -> GenerateResponse:
    """All steps of a request; fewer if its caller has hung up meanwhile."""
    params = body.sampling()
    generation = await service.generate(
        body.session_id, body.context, params, n=n, position=body.position, step=body.step
    )
    steps = []
    async for step in generation.steps:
        steps.append(step)
        ask = request is not None and len(steps) % _LOOK_UP_EVERY == 0
        if ask and await request.is_disconnected():
            break
    return GenerateResponse.of(generation, steps, params.seed)


async def _unless_gone(request: Request, work: Coroutine[None, None, _T]) -> _T:
    """The result of a piece of work, which is given up when its caller hangs up."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait({task}, timeout=0.5))[0]:
            if await request.is_disconnected():
                raise LoadCancelled
        return task.result()
    finally:
        task.cancel()


async def _playground_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PlaygroundError)
    headers = {"X-Error": type(error).__name__}  # for programs: the sentence may be translated
    if isinstance(error, HubRateLimited) and error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, InvalidInput) and error.field and _FIELD_PATH.fullmatch(error.field):
        headers["X-Error-Field"] = error.field
    return JSONResponse({"error": str(error)}, error.status, headers)


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return await _playground_error(request, first_problem(error.errors()))


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: a body that nothing can parse, a method, a path."""
    assert isinstance(error, HTTPException)
    key = _FRAMEWORK.get(error.detail)
    sentence = translate(key) if key else error.detail
    return JSONResponse({"error": sentence}, error.status_code, error.headers)


async def _broken_inside(request: Request, error: Exception) -> JSONResponse:
    # The server's own error middleware logs the traceback; the caller gets the reason alone. That
    # middleware is outside of the CORS one, without whose header another page could not read it.
    answer = await _playground_error(request, GenerationFailed.because(error))
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


def first_problem(errors: Any) -> InvalidInput:
    """What is wrong with which field, of a pydantic error's list."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return InvalidInput("fields.body_not_json", reason=first["ctx"]["error"])
    field = ".".join(str(part) for part in first["loc"] if part != "body")
    error = InvalidInput("fields.problem", field=field or "body", what=problem_of(first))
    return error.at(field.removeprefix("query.")) if field else error
