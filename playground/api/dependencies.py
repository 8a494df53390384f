"""Dependencies of the routes: the service, its training scheduler, and the rate limits."""

from __future__ import annotations

from functools import partial
from typing import Annotated, cast

from fastapi import Depends, Request

from playground.api.rate_limits import Charge, RateLimits
from playground.service.playground import Playground
from playground.training.scheduler import TrainingScheduler


# Coroutines: FastAPI runs plain functions in a thread pool.
async def _service(request: Request) -> Playground:
    return cast(Playground, request.app.state.service)


async def _trainings(request: Request) -> TrainingScheduler:
    return (await _service(request)).trainings


async def _charge_training(request: Request) -> Charge:
    limits = cast(RateLimits, request.app.state.rate_limits)
    return partial(limits.trainings.charge, request.client)


async def _charge_load(request: Request) -> Charge:
    limits = cast(RateLimits, request.app.state.rate_limits)
    return partial(limits.hub_loads.charge, request.client)


Service = Annotated[Playground, Depends(_service)]
Trainings = Annotated[TrainingScheduler, Depends(_trainings)]
# Context managers around what a client address may do a number of times an hour.
ChargeTraining = Annotated[Charge, Depends(_charge_training)]
ChargeLoad = Annotated[Charge, Depends(_charge_load)]
