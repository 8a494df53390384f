"""An engine as an application of Ray Serve: `serve run deploy/ray.yaml`.

The only module that imports Ray, which the server itself does not need; `ray_engine` asks it. Each
replica has an engine, in whose batches the texts of all servers are rows, and the models that it
was asked for last. Serve prefers the replicas that have a request's model.
"""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakValueDictionary

import torch
from ray import serve
from ray.serve import Application
from starlette.requests import Request
from starlette.responses import Response

from playground.inference.engine import EngineConfig
from playground.inference.messages import answer_request, decode, encode, restore_model
from playground.lm.model import Transformer
from playground.settings import Settings

MODELS_MAX = 32  # of a replica; the least recently used go first
REQUESTS_MAX = 1000  # under way in a replica, where the engine refuses what would take too long


class EngineDeployment:
    """Answers the requests of RayServeEngine with an Engine."""

    def __init__(self, config: EngineConfig) -> None:
        torch.set_num_threads(1)  # as in a server: rounding depends on it
        self._engine = config.create_engine()
        # Those that are kept, and those that only their requests still need.
        self._models: WeakValueDictionary[str, Transformer] = WeakValueDictionary()

    @serve.multiplexed(max_num_models_per_replica=MODELS_MAX)
    async def _keep(self, model_id: str) -> Transformer:
        return self._models[model_id]

    async def __call__(self, request: Request) -> Response:
        """The answer to a message of `messages`; weights that came with it are kept.

        One without a request brings weights alone.
        """
        message, weights = decode(await request.body())
        model_id = message["model"]
        model = self._models.get(model_id)
        if model is None and weights:
            model = await asyncio.to_thread(restore_model, message["config"], weights)
            self._models[model_id] = model
        if model is not None:
            model = await self._keep(model_id)
        if message["request"] is None:
            answer: tuple[dict[str, Any], bytes] = {"known": model is not None}, b""
        else:
            answer = await answer_request(self._engine, model_id, model, message["request"])
        return Response(encode(*answer), media_type="application/octet-stream")


def application(arguments: dict[str, Any]) -> Application:
    """The application. arguments: fields of Settings that configure an engine."""
    deployment = serve.deployment(
        EngineDeployment,
        name="engine",
        max_ongoing_requests=REQUESTS_MAX,
        max_queued_requests=REQUESTS_MAX,
        logging_config={"enable_access_log": False},
    )
    return deployment.bind(EngineConfig.from_settings(Settings(**arguments)))
