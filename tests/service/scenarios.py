"""Text and session ids of a service."""

import asyncio

import numpy as np
import torch

from playground.checkpoints.folder import load_model
from playground.lm.sampling import SamplingParams

GREEDY = SamplingParams(temperature=0)


def text_of(service, session_id="plain", context="ab", params=GREEDY, n=12, **arguments):
    async def write():
        generation = await service.generate(session_id, context, params, n=n, **arguments)
        return generation.text

    return asyncio.run(write())


def ids(service):
    return [session.session_id for session in service.sessions()]


def own_probs(service, session_id, step, temperature, context) -> np.ndarray:
    """Probabilities of the next token by a plain forward."""
    run = service.registered_run(session_id)
    model, ids = load_model(run, step, max_bytes=2**30), run.vocabulary.encode(context)
    with torch.inference_mode():
        logits = model(torch.tensor([ids[-run.model_config.block_size :]]))[0, -1].double()
    return (logits / (temperature or 1)).softmax(-1).numpy()
