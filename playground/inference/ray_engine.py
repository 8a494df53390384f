"""An engine behind Ray Serve, on as many machines as its cluster has.

This is the client: it speaks HTTP and does not need Ray. `ray_deployment` is the other side. A
model is sent there once, named by the hash of its weights, so that servers may share a cluster.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Hashable
from typing import Any

import httpx2
import orjson
from cachetools import LRUCache

from playground.concurrency import SingleFlight
from playground.errors import EngineUnavailable
from playground.inference.batch import GenerationRequest
from playground.inference.engine import Engine
from playground.inference.messages import (
    config_fields,
    decode,
    encode,
    read_answer,
    request_fields,
    save_weights,
    unpack,
)
from playground.lm.generation import Steps
from playground.lm.language_model import LanguageModel
from playground.lm.model import Transformer

log = logging.getLogger(__name__)

MODEL_HEADER = "serve_multiplexed_model_id"  # by which Serve finds the replicas that have it

# What a page waits for is shorter; this one ends what is asked for on a machine that vanished.
_TIMEOUT = httpx2.Timeout(60.0, connect=2.0, pool=None)
_CONNECTIONS = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
_MODEL_IDS = 10_000


class RayServeEngine:
    """A Backend: the client of `ray_deployment`. Bound to one event loop."""

    def __init__(self, url: str, local: Engine) -> None:
        """url: of the application on Ray Serve. Makes no request.

        local: generates with models that other libraries run.
        """
        self._url, self._local = url, local
        self._model_ids: LRUCache[Hashable, str] = LRUCache(_MODEL_IDS)
        self._sends: SingleFlight[bytes | None] = SingleFlight()
        self._is_away = False
        # The cluster is near: a proxy to the rest of the world does not lead there.
        self._http = httpx2.AsyncClient(timeout=_TIMEOUT, limits=_CONNECTIONS, trust_env=False)

    def start(self) -> None:
        """Nothing: the cluster is started by its operator."""

    async def generate(
        self, key: Hashable, model: LanguageModel, request: GenerationRequest
    ) -> Steps:
        """As Engine.generate; raises EngineUnavailable, too.

        A caller that hangs up ends the work there: Serve cancels what nobody waits for.
        """
        if not isinstance(model, Transformer):
            return await self._local.generate(key, model, request)
        if (model_id := self._model_ids.get(key)) is None:
            model_id = await asyncio.to_thread(_model_id, model)
            self._model_ids[key] = model_id
        message = {
            "model": model_id,
            "request": request_fields(request, model.config.block_size),
        }
        data = await self._ask(message)
        if data is None:  # no replica has the model, or the one that was asked does not
            # Once for all who wait for it, so not with a request of one of them.
            await self._sends.run(model_id, lambda _: self._send(model_id, model))
            data = await self._ask(message)
        if data is None:  # it was sent to another replica
            data = await self._send(model_id, model, message)
        if data is None:
            raise EngineUnavailable
        return unpack(data, model.config.vocab_size)

    async def _send(
        self, model_id: str, model: Transformer, message: dict[str, Any] | None = None
    ) -> bytes | None:
        """Ask with the model's weights, or send them without a request."""
        weights = await asyncio.to_thread(save_weights, model)
        head = {"model": model_id, "request": None} | (message or {})
        return await self._ask(head | {"config": config_fields(model)}, weights)

    async def _ask(self, message: dict[str, Any], weights: bytes = b"") -> bytes | None:
        """The bytes of the answer; None if the model is not known there."""
        headers = {MODEL_HEADER: message["model"]}
        try:
            response = await self._http.post(
                self._url, content=encode(message, weights), headers=headers
            )
            response.raise_for_status()  # an answer is 200; the rest is Serve's own
            answer, data = decode(response.content)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            if not self._is_away:
                log.warning("the engine at %s does not answer: %r", self._url, error)
            self._is_away = True
            raise EngineUnavailable from error
        if self._is_away:
            log.warning("the engine at %s answers again", self._url)
        self._is_away = False
        return read_answer(answer, data)

    async def close(self) -> None:
        """Close the connections; what is not done fails."""
        await self._http.aclose()
        await asyncio.to_thread(self._local.close)


def _model_id(model: Transformer) -> str:
    """Names the weights and what is computed with them, wherever they come from."""
    digest = hashlib.sha256(orjson.dumps(config_fields(model), option=orjson.OPT_SORT_KEYS))
    digest.update(save_weights(model))
    return digest.hexdigest()
