"""Scenarios: a service over the loopback Hub, run to its end."""

import asyncio
import hashlib
import json
from pathlib import Path

from playground.checkpoints.schema import INDEX, WEIGHTS
from playground.lm.sampling import SamplingParams
from playground.service.playground import Playground

REPO = "ada/tiny"
STEP_0, STEP_50 = (f"checkpoints/step-{step:06d}/{WEIGHTS}" for step in (0, 50))
GREEDY = SamplingParams(temperature=0)


def run(settings, scenario):
    """What `await scenario(service)` returns, the service closed afterwards."""

    async def whole():
        service = Playground(settings)
        try:
            return await scenario(service)
        finally:
            await service.close()

    return asyncio.run(whole())


async def text(service, session_id, step=None) -> str:
    generation = await service.generate(session_id, "abc", GREEDY, n=5, step=step)
    return generation.text


def on_disk(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def with_weights(files, change, path=WEIGHTS, **entry_changes) -> dict[str, bytes]:
    """The files with other weights, about which the index tells the truth."""
    content = change(files[path])
    index = json.loads(files[INDEX])
    for entry in index:
        if entry["path"] == path:
            truth = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            entry |= truth | entry_changes
    return files | {path: content, INDEX: json.dumps(index).encode()}
