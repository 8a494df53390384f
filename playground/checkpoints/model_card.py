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
    is_of_characters = config.characters_per_token is None
    kind = "character-level " if is_of_characters else ""
    window = f"{shape.block_size} {unit(config)}"
    if not is_of_characters:
        window += f" of a vocabulary of {shape.vocab_size:,} word pieces (byte-level BPE)"
    about = f"{config.description}\n\n" if config.description else ""
    return f"""---
{terms}library_name: token-playground
pipeline_tag: text-generation
tags:
- {kind_tag(config)}
- token-playground
---
# {config.name}

{about}A {kind}transformer with {shape.n_params:,} parameters that reads the last \
{window}.
{origin}

{_losses(config, entries)}

{notes}
"""


def kind_tag(config: RunConfig) -> str:
    """The tag of the Hub for what the model's tokens are."""
    return "char-level" if config.characters_per_token is None else "subword"


def unit(config: RunConfig) -> str:
    """What the model's tokens are, in the plural."""
    return "characters" if config.characters_per_token is None else "tokens"


def _losses(config: RunConfig, entries: Sequence[CheckpointEntry]) -> str:
    """A Markdown table of the training steps; without the sliding window where none has it.

    Losses are per character; the last column has them per token, where that is not the same.
    """
    columns = {
        "step": [f"{e.step:,}" for e in entries],
        f"{unit(config)} seen": [f"{e.tokens:,}" for e in entries],
        "training loss": [_loss(e.train_loss) for e in entries],
        "validation loss": [_loss(e.val_loss) for e in entries],
    }
    if any(e.sliding_val_loss is not None for e in entries):
        columns["sliding window"] = [_loss(e.sliding_val_loss) for e in entries]
        if (n := config.characters_per_token) is not None:
            columns["per token"] = [
                _loss(e.sliding_val_loss and e.sliding_val_loss * n) for e in entries
            ]
    rule = "|".join("-" * (len(title) + 1) + ":" for title in columns)
    rows = [f"| {' | '.join(cells)} |" for cells in zip(*columns.values(), strict=True)]
    return "\n".join([f"| {' | '.join(columns)} |", f"|{rule}|", *rows])


def _loss(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
