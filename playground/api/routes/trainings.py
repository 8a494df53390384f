"""Routes of live trainings: start, follow, control, download, upload."""

from __future__ import annotations

import asyncio
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from playground.api.bodies import (
    SPOOL_BYTES,
    JsonRoute,
    binary_body,
    json_body,
    parse_body,
    read_body,
    receive_body,
    refuse_form,
)
from playground.api.dependencies import ChargeTraining, Trainings
from playground.api.errors import responses
from playground.api.schemas.training import (
    MergeBody,
    MergesResponse,
    RenameRequest,
    SpeedRequest,
    TrainingBody,
    TrainingRequest,
    TrainingsResponse,
    TrainingSummary,
    Visitor,
)
from playground.errors import (
    BadCheckpoint,
    InvalidInput,
    RateLimited,
    SessionNotFound,
    TooLarge,
    TooManyTrainings,
    TrainingConflict,
    TrainingUnavailable,
)
from playground.training.corpora import DEFAULT_CORPUS
from playground.training.job import TrainingJob
from playground.training.plans import make_plan
from playground.training.texts import TEXT_MAX

STEP_MAX = 2**53

_REQUEST_BYTES_MAX = 12 * TEXT_MAX + 10_000  # JSON may escape a character as twelve bytes

router = APIRouter(tags=["training"], route_class=JsonRoute)


@router.post(
    "/trainings",
    status_code=201,
    responses=responses(
        InvalidInput,
        TrainingConflict,
        TooLarge,
        TooManyTrainings,
        RateLimited,
        TrainingUnavailable,
    ),
    openapi_extra=json_body(TrainingRequest),
)
async def start(request: Request, trainings: Trainings, charge: ChargeTraining) -> TrainingSummary:
    """Start a training, or put it into the queue; one at a time for a visitor."""
    raw = await read_body(request, _REQUEST_BYTES_MAX, "training.request_too_large")
    body = await asyncio.to_thread(parse_body, TrainingRequest, request, raw)  # a text may be long
    plan = partial(
        make_plan,
        preset=body.preset,
        teraflops_max=trainings.settings.training_teraflops,
        steps=body.steps,
        batch_size=body.batch_size,
        learning_rate=body.learning_rate,
        seed=body.seed,
        model=body.model.model_dump(exclude_none=True),
        tokenizer=body.tokenizer,
    )
    with charge():
        job = await trainings.start(
            body.visitor,
            body.corpus or ("text" if body.text is not None else DEFAULT_CORPUS),
            body.text,
            plan,
            paused=body.paused,
            speed=body.steps_per_second,
        )
    return _summary(trainings, job)


@router.get("/trainings", responses=responses(InvalidInput))
async def of_visitor(
    visitor: Annotated[Visitor, Query()], trainings: Trainings
) -> TrainingsResponse:
    """A visitor's own trainings, the oldest first."""
    jobs = trainings.of_visitor(visitor)
    return TrainingsResponse(trainings=[_summary(trainings, job) for job in jobs])


@router.post(
    "/trainings/upload",
    status_code=201,
    responses=responses(InvalidInput, TrainingConflict, TooLarge, BadCheckpoint, TooManyTrainings),
    openapi_extra=binary_body("application/zip"),
)
async def upload(
    request: Request, visitor: Annotated[Visitor, Query()], trainings: Trainings
) -> TrainingSummary:
    """A model out of a zip that is the body, as a download gives it."""
    refuse_form(request)
    max_bytes = trainings.settings.training_upload_bytes
    with SpooledTemporaryFile(SPOOL_BYTES) as file:
        await receive_body(request, file, max_bytes, "training.zip_too_large")
        file.seek(0)
        return _summary(trainings, await trainings.upload(visitor, file))


@router.get("/trainings/{session_id}", responses=responses(InvalidInput, SessionNotFound))
async def follow(
    session_id: str, trainings: Trainings, since: Annotated[int, Query(ge=-1, le=STEP_MAX)] = -1
) -> TrainingBody:
    """State and history of a training after a step; one that is not polled is stopped."""
    job = trainings.get(session_id)
    place, estimate = trainings.position(job), trainings.estimate_seconds(job)
    return TrainingBody.from_job_since(job, place, estimate, since)


@router.get("/trainings/{session_id}/merges", responses=responses(SessionNotFound))
async def merges(session_id: str, trainings: Trainings) -> MergesResponse:
    """How its word pieces came to be; empty until they are learned, and for characters."""
    found = trainings.get(session_id).merges
    return MergesResponse(merges=[MergeBody.model_validate(merge) for merge in found])


@router.post(
    "/trainings/{session_id}/pause", responses=responses(SessionNotFound, TrainingConflict)
)
async def pause(session_id: str, trainings: Trainings) -> TrainingSummary:
    """Wait before the next update; "paused" as soon as the one under way is made."""
    return _summary(trainings, trainings.pause(session_id))


@router.post(
    "/trainings/{session_id}/resume", responses=responses(SessionNotFound, TrainingConflict)
)
async def resume(session_id: str, trainings: Trainings) -> TrainingSummary:
    """Continue after a pause, a stop, or the end of its process."""
    return _summary(trainings, trainings.resume(session_id))


@router.post("/trainings/{session_id}/step", responses=responses(SessionNotFound, TrainingConflict))
async def step(session_id: str, trainings: Trainings) -> TrainingSummary:
    """Make one update, then pause."""
    return _summary(trainings, trainings.step(session_id))


@router.post("/trainings/{session_id}/stop", responses=responses(SessionNotFound, TrainingConflict))
async def stop(session_id: str, trainings: Trainings) -> TrainingSummary:
    """Stop it; its last weights are saved."""
    return _summary(trainings, trainings.stop(session_id))


@router.post("/trainings/{session_id}/speed", responses=responses(InvalidInput, SessionNotFound))
async def speed(session_id: str, body: SpeedRequest, trainings: Trainings) -> TrainingSummary:
    """Limit the updates per second."""
    return _summary(trainings, trainings.set_speed(session_id, body.steps_per_second))


@router.post("/trainings/{session_id}/name", responses=responses(InvalidInput, SessionNotFound))
async def rename(session_id: str, body: RenameRequest, trainings: Trainings) -> TrainingSummary:
    """Keep it under a name."""
    return _summary(trainings, trainings.rename(session_id, body.name))


@router.delete("/trainings/{session_id}", status_code=204, responses=responses(SessionNotFound))
async def delete(session_id: str, trainings: Trainings) -> None:
    """Stop it, and delete its files."""
    await trainings.delete(session_id)


@router.get(
    "/trainings/{session_id}/download",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/zip": {}}},
        **responses(SessionNotFound, TrainingConflict),
    },
)
async def download(session_id: str, trainings: Trainings) -> FileResponse:
    """The model as a zip in the layout of a checkpoint folder."""
    path = await trainings.download(session_id)
    return FileResponse(
        path,
        media_type="application/zip",
        filename=f"{session_id}.zip",
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


def _summary(trainings: Trainings, job: TrainingJob) -> TrainingSummary:
    return TrainingSummary.from_job(job, trainings.position(job), trainings.estimate_seconds(job))
