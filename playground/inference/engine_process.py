"""An engine in a child process, so that it computes on another core than the one that serves HTTP.

Python runs one thread of a process at a time: where many visitors write, sampling and serving would
wait for each other. The child is given each model once, and then requests and answers only.

Messages are those of `messages`, on a socket that these two processes alone have.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging
import socket
import sys
from collections.abc import Callable, Hashable
from dataclasses import asdict
from typing import Any

import torch
from cachetools import LRUCache

from playground.child_process import start_module
from playground.concurrency import SingleFlight
from playground.inference.batch import GenerationRequest
from playground.inference.engine import EngineConfig
from playground.inference.messages import (
    answer_request,
    config_fields,
    encode,
    read_answer,
    receive,
    request_fields,
    restore_model,
    save_weights,
    unpack,
)
from playground.lm.generation import Steps
from playground.lm.language_model import LanguageModel
from playground.lm.model import Transformer
from playground.settings import ROOT

log = logging.getLogger(__name__)

CROWD = 4  # requests under way, from which on the child computes them
START_DELAY_SECONDS = 5.0  # the first visitors of a server that starts have the processor

_MODEL_IDS = 10_000


class EngineProcessLost(Exception):
    """The child exited before it answered."""


class OffloadingEngine:
    """A Backend: an Engine that offloads its work to a child process under load.

    The child, if there is to be one, starts some seconds after `start`. Until it is ready, after it
    is lost, and for a few visitors, whom a second process would only delay, this process computes;
    the results are the same, bit for bit. Bound to one event loop.
    """

    def __init__(self, config: EngineConfig, *, with_process: bool = True) -> None:
        """with_process: whether there is to be a child at all."""
        self.engine, self._config, self._with_process = config.create_engine(), config, with_process
        self._under_way = 0
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self.process: EngineProcess | None = None

    def start(self, delay_seconds: float = START_DELAY_SECONDS) -> None:
        """Start the child after a while, and again whenever it is lost."""
        if not self._with_process:
            return
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(delay_seconds, self._start_process)

    def _start_process(self) -> None:
        if not self._closed:
            self.process = EngineProcess(self._config, on_lost=self.start)

    async def generate(
        self, key: Hashable, model: LanguageModel, request: GenerationRequest
    ) -> Steps:
        """As Engine.generate. The child computes with models of ours alone."""
        self._under_way += 1
        try:
            process = self.process
            is_busy = process is not None and process.is_ready and self._under_way > CROWD
            if process is not None and is_busy and isinstance(model, Transformer):
                with contextlib.suppress(EngineProcessLost):
                    return await process.generate(key, model, request)
            return await self.engine.generate(key, model, request)
        finally:
            self._under_way -= 1

    async def close(self) -> None:
        """End the child and the engine's threads; what is not done fails."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self.process is not None:
            await self.process.close()
        await asyncio.to_thread(self.engine.close)


class EngineProcess:
    """The client of a child process with an Engine. Bound to one event loop."""

    def __init__(self, config: EngineConfig, on_lost: Callable[[], None]) -> None:
        """Starts the child. on_lost: called when it exits without `close`."""
        self._on_lost = on_lost
        self._ids = itertools.count()
        self._pending: dict[int, asyncio.Future[tuple[dict[str, Any], bytes]]] = {}
        self._model_ids: LRUCache[Hashable, int] = LRUCache(_MODEL_IDS)
        self._loads: SingleFlight[None] = SingleFlight()
        self._closed = False
        self._writer: asyncio.StreamWriter | None = None
        self.is_ready = False
        self._child, ours = start_module(
            "playground.inference.engine_process", *asdict(config).values(), cwd=ROOT
        )
        self._reading = asyncio.create_task(self._read(ours))

    @property
    def pid(self) -> int:
        return self._child.pid

    async def generate(
        self, key: Hashable, model: Transformer, request: GenerationRequest
    ) -> Steps:
        """As Engine.generate; raises EngineProcessLost, too."""
        if (model_id := self._model_ids.get(key)) is None:
            model_id = self._model_ids[key] = next(self._ids)
        fields = request_fields(request, model.config.block_size)
        message = {"model": model_id, "request": fields}
        answer = await self._ask("generate", message)
        if answer is None:  # the child does not have the model, or no longer
            await self._loads.run(model_id, lambda _: self._load(model_id, model))
            answer = await self._ask("generate", message)
        if answer is None:  # evicted at once: it does not fit
            raise EngineProcessLost
        return unpack(answer, model.config.vocab_size)

    async def _load(self, model_id: int, model: Transformer) -> None:
        weights = await asyncio.to_thread(save_weights, model)
        await self._ask("load", {"model": model_id, "config": config_fields(model)}, weights)

    async def _ask(self, method: str, arguments: dict[str, Any], data: bytes = b"") -> bytes | None:
        """The bytes of the answer; None if the child does not have the model."""
        if self._writer is None:
            raise EngineProcessLost
        id = next(self._ids)
        future = self._pending[id] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(encode({"id": id, "method": method, **arguments}, data))
            answer, found = await future
        except asyncio.CancelledError:
            if self._writer is not None:
                self._writer.write(encode({"id": id, "method": "cancel"}))
            raise
        finally:
            del self._pending[id]
        return read_answer(answer, found)

    async def _read(self, sock: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=sock)
        self._writer = writer
        lost = contextlib.suppress(asyncio.IncompleteReadError, ConnectionError)
        with contextlib.closing(writer), lost:
            while True:
                answer, data = await receive(reader)
                if answer["id"] is None:
                    self.is_ready = True
                elif (future := self._pending.get(answer["id"])) and not future.done():
                    future.set_result((answer, data))
        self._lose()

    def _lose(self) -> None:
        if not self._closed:
            log.warning("the engine's process exited; this one computes until it is back")
        self.is_ready, self._writer = False, None
        for future in self._pending.values():
            if not future.done():
                future.set_exception(EngineProcessLost())
        self._child.kill()
        self._child.wait()
        if not self._closed:
            self._on_lost()

    async def close(self) -> None:
        """End the child; what is not done raises EngineProcessLost."""
        self._closed = True
        self._child.kill()
        await self._reading


class _Child:
    """The child's side: answers each message, in any order."""

    def __init__(self, writer: asyncio.StreamWriter, config: EngineConfig) -> None:
        self._writer = writer
        self._models: LRUCache[int, Transformer] = LRUCache(
            config.model_cache_bytes, getsizeof=lambda model: model.nbytes
        )
        self._engine = config.create_engine()
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answer messages until the parent exits."""
        self._writer.write(encode({"id": None}))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message, data = await receive(reader)
                id, method = message.pop("id"), message.pop("method")
                if method == "generate":
                    self._tasks[id] = asyncio.create_task(self._generate(id, **message))
                elif method == "load":
                    self._load(data, **message)
                    self._writer.write(encode({"id": id, "known": True}))
                elif (task := self._tasks.get(id)) is not None:
                    task.cancel()

    def _load(self, weights: bytes, model: int, config: dict[str, Any]) -> None:
        with contextlib.suppress(ValueError):  # too large to be kept
            self._models[model] = restore_model(config, weights)

    async def _generate(self, id: int, model: int, request: dict[str, Any]) -> None:
        try:
            loaded = self._models.get(model)
            answer, data = await answer_request(self._engine, model, loaded, request)
        finally:
            del self._tasks[id]
        self._writer.write(encode(answer | {"id": id}, data))


async def _run(sock: socket.socket, config: EngineConfig) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=sock)
    await _Child(writer, config).serve(reader)


def main() -> None:
    """Serve the parent on the socket whose number is the first argument."""
    torch.set_num_threads(1)  # as in the parent: rounding depends on it
    gc.freeze()  # the libraries: a collection would go through them all
    fd, *config = map(int, sys.argv[1:])
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is handled by the parent
        asyncio.run(_run(socket.socket(fileno=fd), EngineConfig(*config)))


if __name__ == "__main__":
    main()
