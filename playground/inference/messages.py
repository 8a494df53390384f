"""Messages between this server and an engine elsewhere: requests, answers, weights.

A message is JSON followed by bytes (weights, or the records of steps), both preceded by their
lengths.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Hashable
from typing import Any

import numpy as np
import orjson
from safetensors.torch import load, save

from playground.errors import Overloaded
from playground.inference.batch import GenerationRequest
from playground.inference.engine import Engine
from playground.lm.generation import Steps, steps_dtype
from playground.lm.model import ModelConfig, Transformer
from playground.lm.sampling import SamplingParams

_LENGTHS = struct.Struct("!II")
_FOREVER = 1e9  # seconds; JSON knows no infinity


def encode(message: object, data: bytes = b"") -> bytes:
    """A message and its bytes."""
    head = orjson.dumps(message)
    return _LENGTHS.pack(len(head), len(data)) + head + data


def decode(body: bytes) -> tuple[Any, bytes]:
    """The message and the bytes of `encode`. Raises ValueError for anything else."""
    if len(body) < _LENGTHS.size:
        raise ValueError("cut off")
    n_head, n_data = _LENGTHS.unpack_from(body)
    head, data = body[_LENGTHS.size :][:n_head], body[_LENGTHS.size + n_head :]
    if len(data) != n_data:
        raise ValueError("cut off")
    return orjson.loads(head), data


async def receive(reader: asyncio.StreamReader) -> tuple[Any, bytes]:
    """The next message of a stream. Raises IncompleteReadError at its end."""
    n_head, n_data = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    return orjson.loads(await reader.readexactly(n_head)), await reader.readexactly(n_data)


def request_fields(request: GenerationRequest, block_size: int) -> dict[str, Any]:
    """A request as JSON has it, with the ids of the window alone."""
    return {
        "ids": request.ids[-block_size:],
        "params": request.params,  # orjson knows dataclasses
        "n": request.n,
        "position": request.position,
        "seconds_max": min(request.seconds_max, _FOREVER),
    }


def config_fields(model: Transformer) -> dict[str, Any]:
    """A model's config as JSON has it."""
    return {name: getattr(model.config, name) for name in ModelConfig.__slots__}


def save_weights(model: Transformer) -> bytes:
    """A model's weights, for `restore_model`."""
    return save(model.state_dict())


def restore_model(config: dict[str, Any], weights: bytes) -> Transformer:
    """The model of `config_fields` and `save_weights`."""
    model = Transformer(ModelConfig(**config))
    model.load_state_dict(load(weights))
    return model.eval()


async def answer_request(
    engine: Engine, key: Hashable, model: Transformer | None, fields: dict[str, Any]
) -> tuple[dict[str, Any], bytes]:
    """The answer to a request: a message and its bytes. model: None if it is not known here."""
    if model is None:
        return {"known": False}, b""
    message: dict[str, Any] = {"known": True}
    try:
        params = SamplingParams(**fields["params"])
        request = GenerationRequest(**fields | {"params": params})
        return message, pack(await engine.generate(key, model, request))
    except Overloaded as error:
        return message | {"retry_after_seconds": error.retry_after_seconds}, b""
    except Exception as error:
        return message | {"error": str(error)}, b""


def read_answer(message: dict[str, Any], data: bytes) -> bytes | None:
    """The bytes of an answer, None if the model is not known there.

    Raises Overloaded, or RuntimeError with the text of an error there.
    """
    if "retry_after_seconds" in message:
        raise Overloaded(message["retry_after_seconds"])
    if "error" in message:
        raise RuntimeError(message["error"])
    return data if message["known"] else None


def pack(steps: Steps) -> bytes:
    """The records of steps."""
    return steps.records.tobytes()


def unpack(data: bytes, vocab_size: int) -> Steps:
    """The Steps of `pack`, without a copy: they must not be written to."""
    return Steps(np.frombuffer(data, steps_dtype(vocab_size)))
