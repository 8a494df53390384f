"""Dependencies of the routes: the service and its training scheduler."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from playground.service.playground import Playground
from playground.training.scheduler import TrainingScheduler


# Coroutines: FastAPI runs plain functions in a thread pool.
async def _service(request: Request) -> Playground:
    return cast(Playground, request.app.state.service)


async def _trainings(request: Request) -> TrainingScheduler:
    return (await _service(request)).trainings


Service = Annotated[Playground, Depends(_service)]
Trainings = Annotated[TrainingScheduler, Depends(_trainings)]
