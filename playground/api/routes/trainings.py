"""Routes of live training: start, follow, steer, keep, download, upload."""

from __future__ import annotations

import asyncio
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from pydantic import BaseModel, ValidationError
from starlette.background import BackgroundTask

from playground.api.schemas import ErrorBody
from playground.api.training_schemas import (
    CorporaResponse,
    RenameRequest,
    SpeedRequest,
    TextResponse,
    TrainingBody,
    TrainingRequest,
    TrainingsResponse,
    TrainingSummary,
    Visitor,
)
from playground.errors import TooLarge
from playground.training.corpora import TEXT_BYTES_MAX, TEXT_MAX, decode_text
from playground.training.job import Training
from playground.training.plans import make_plan
from playground.training.scheduler import TrainingScheduler

# As JSON may write a character in up to twelve bytes.
_REQUEST_BYTES = 12 * TEXT_MAX + 10_000
_SPOOL_BYTES = 2**20

_ERRORS: dict[int, str] = {
    400: "What is wrong with which field",
    404: "No such session",
    409: "Not possible in the state that the training is in",
    413: "Larger than the operator allows",
    422: "The model is refused, and why",
    429: "The queue is full",
    502: "The Hub's answer is cut, or makes no sense",
    503: "No process can be started, or the Hub cannot be reached",
    504: "The Hub takes too long",
}


def training_routes(trainings: TrainingScheduler) -> APIRouter:
    """The routes, to be included under /api."""
    settings = trainings.settings
    any_error = {"model": ErrorBody, "description": "What is wrong, in a sentence"}
    router = APIRouter(responses={"default": any_error}, tags=["training"])

    def summary(training: Training) -> TrainingSummary:
        place, estimate = trainings.position(training), trainings.estimate_seconds(training)
        return TrainingSummary.of(training, place, estimate)

    @router.get("/corpora")
    async def corpora() -> CorporaResponse:
        """The texts and presets on offer, and the bounds of what may be changed."""
        trainings.prepare()  # who asks for the form is about to press Start
        return CorporaResponse.make()

    @router.post("/corpora/text", responses=_errors(400, 413), openapi_extra=_binary("text/plain"))
    async def check_text(
        request: Request, filename: Annotated[str, Query(max_length=300)]
    ) -> TextResponse:
        """The text of a file, .txt or .md in UTF-8, that is the body; refused if it cannot be used.

        To be sent as the `text` of a training.
        """
        raw = await _read(request, TEXT_BYTES_MAX, "training.file_too_large")
        text = await asyncio.to_thread(decode_text, filename, raw)
        return TextResponse(text=text, characters=len(text), different_characters=len(set(text)))

    @router.post(
        "/trainings",
        status_code=201,
        responses=_errors(400, 409, 413, 429, 502, 503, 504),
        openapi_extra=_json(TrainingRequest),
    )
    async def start(request: Request) -> TrainingSummary:
        """Start a training, or put it into the queue; one at a time for a visitor."""
        raw = await _read(request, _REQUEST_BYTES, "training.request_too_large")
        body = _parse(raw)
        plan = partial(
            make_plan,
            preset=body.preset,
            teraflops_max=settings.training_teraflops,
            steps=body.steps,
            batch_size=body.batch_size,
            learning_rate=body.learning_rate,
            seed=body.seed,
            model=body.model.model_dump(exclude_none=True),
        )
        training = await trainings.start(
            body.visitor,
            body.corpus or ("text" if body.text is not None else "docs"),
            body.text,
            plan,
            paused=body.paused,
            speed=body.steps_per_second,
        )
        return summary(training)

    @router.get("/trainings", responses=_errors(400))
    async def of_visitor(visitor: Annotated[Visitor, Query()]) -> TrainingsResponse:
        """A visitor's own trainings, the oldest first."""
        return TrainingsResponse(trainings=[summary(t) for t in trainings.of_visitor(visitor)])

    @router.post(
        "/trainings/upload",
        status_code=201,
        responses=_errors(400, 409, 413, 422, 429),
        openapi_extra=_binary("application/zip"),
    )
    async def upload(request: Request, visitor: Annotated[Visitor, Query()]) -> TrainingSummary:
        """A model out of a zip that is the body, as a download gives it."""
        with SpooledTemporaryFile(_SPOOL_BYTES) as file:
            await _receive(request, file, settings.training_upload_bytes, "training.zip_too_large")
            file.seek(0)
            return summary(await trainings.upload(visitor, file))

    @router.get("/trainings/{session_id}", responses=_errors(400, 404))
    async def follow(
        session_id: str, since: Annotated[int, Query(ge=-1, le=2**53)] = -1
    ) -> TrainingBody:
        """Where a training is, and what it has told after a step; asking keeps it going."""
        training = trainings.look(session_id)
        place, estimate = trainings.position(training), trainings.estimate_seconds(training)
        return TrainingBody.of_all(training, place, estimate, since)

    @router.post("/trainings/{session_id}/pause", responses=_errors(404, 409))
    async def pause(session_id: str) -> TrainingSummary:
        """Wait before the next update; "paused" as soon as the one under way is made."""
        return summary(trainings.pause(session_id))

    @router.post("/trainings/{session_id}/resume", responses=_errors(404, 409))
    async def resume(session_id: str) -> TrainingSummary:
        """Go on after a pause, a stop, or the end of its process."""
        return summary(trainings.resume(session_id))

    @router.post("/trainings/{session_id}/step", responses=_errors(404, 409))
    async def step(session_id: str) -> TrainingSummary:
        """Make one update, and wait."""
        return summary(trainings.step(session_id))

    @router.post("/trainings/{session_id}/stop", responses=_errors(404, 409))
    async def stop(session_id: str) -> TrainingSummary:
        """End it, with the weights that it has."""
        return summary(trainings.stop(session_id))

    @router.post("/trainings/{session_id}/speed", responses=_errors(400, 404))
    async def speed(session_id: str, body: SpeedRequest) -> TrainingSummary:
        """Slow it down, so that its steps can be watched."""
        return summary(trainings.set_speed(session_id, body.steps_per_second))

    @router.post("/trainings/{session_id}/name", responses=_errors(400, 404))
    async def rename(session_id: str, body: RenameRequest) -> TrainingSummary:
        """Keep it under a name."""
        return summary(trainings.rename(session_id, body.name))

    @router.delete("/trainings/{session_id}", status_code=204, responses=_errors(404))
    async def delete(session_id: str) -> None:
        """End it, and remove all that there is of it."""
        await trainings.delete(session_id)

    @router.get(
        "/trainings/{session_id}/download",
        response_class=FileResponse,
        responses=_errors(404, 409) | {200: {"content": {"application/zip": {}}}},
    )
    async def download(session_id: str) -> FileResponse:
        """The model as a zip in the layout of a checkpoint folder."""
        path = await trainings.download(session_id)
        return FileResponse(
            path,
            media_type="application/zip",
            filename=f"{session_id}.zip",
            background=BackgroundTask(path.unlink, missing_ok=True),
        )

    return router


def _parse(raw: bytes) -> TrainingRequest:
    """The body, read here and not by the framework: that would read one of any length."""
    try:
        return TrainingRequest.model_validate_json(raw)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from None


async def _read(request: Request, max_bytes: int, refusal: str) -> bytes:
    with SpooledTemporaryFile(_SPOOL_BYTES) as file:
        await _receive(request, file, max_bytes, refusal)
        file.seek(0)
        return file.read()


async def _receive(request: Request, file: IO[bytes], max_bytes: int, refusal: str) -> None:
    """The body, as it comes. Raises TooLarge, with this message, as soon as it is."""
    told = request.headers.get("content-length", "")
    n_bytes = int(told) if told.isdecimal() else 0
    async for piece in request.stream():
        n_bytes = max(n_bytes, file.tell() + len(piece))
        if n_bytes > max_bytes:
            raise TooLarge(refusal, most=max_bytes)
        file.write(piece)


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {s: {"model": ErrorBody, "description": _ERRORS[s]} for s in statuses}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    for name, field in schema["properties"].items():
        if part := parts.get(field.get("$ref", "").removeprefix("#/$defs/")):
            schema["properties"][name] = part
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _binary(media_type: str) -> dict[str, Any]:
    schema = {"type": "string", "format": "binary"}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}
