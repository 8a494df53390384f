"""A model's README.md: what it is, and how good it was at each of its training steps."""

from __future__ import annotations

from collections.abc import Sequence

from playground.checkpoints.schema import CheckpointEntry, RunConfig
from playground.lm.model import ModelConfig


def model_card(
    config: RunConfig,
    shape: ModelConfig,
    entries: Sequence[CheckpointEntry],
    *,
    origin: str,
    notes: str,
    licence: str | None = None,
) -> str:
    """Front matter by which the playground finds a model, and what a person wants to know of it.

    origin: how it learned, before the table of losses; notes: what comes after it.
    """
    terms = f"license: {licence}\n" if licence else ""
    about = f"{config.description}\n\n" if config.description else ""
    rows = "\n".join(
        f"| {e.step:,} | {e.tokens:,} | {_loss(e.train_loss)} | {_loss(e.val_loss)} |"
        for e in entries
    )
    return f"""---
{terms}library_name: token-playground
pipeline_tag: text-generation
tags:
- char-level
- token-playground
---
# {config.name}

{about}A character-level transformer with {shape.n_params:,} parameters that reads the last \
{shape.block_size} characters.
{origin}

| step | characters seen | training loss | validation loss |
|-----:|----------------:|--------------:|----------------:|
{rows}

{notes}
"""


def _loss(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
