"""The bundled models, opened as the server opens them."""

from __future__ import annotations

import random

import torch

from playground.checkpoints.folder import Run, load_model, read_run
from playground.lm.model import Transformer
from playground.settings import Settings

SMALL, LARGE = "shakespeare", "shakespeare-large"


def open_model(name: str) -> tuple[Run, Transformer]:
    run = read_run(Settings().models_dir / name)
    return run, load_model(run, None, max_bytes=Settings().checkpoint_bytes)


def random_texts(run: Run, count: int, seed: int) -> torch.Tensor:
    """Ids (count, block_size) of texts that no cache knows."""
    generator = torch.Generator().manual_seed(seed)
    config = run.model_config
    return torch.randint(config.vocab_size, (count, config.block_size), generator=generator)


def random_text(characters: str, length: int, draw: random.Random) -> str:
    return "".join(draw.choices(characters, k=length))
