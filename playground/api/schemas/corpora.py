"""Schemas of the corpora and presets that a training may use."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel

from playground.training.choices import Choice
from playground.training.corpora import CORPORA, TOKENIZERS, CorpusName, TokenizerName
from playground.training.presets import (
    BATCH_SIZE,
    LIVE_PRESETS,
    MODEL_BOUNDS,
    PRESETS,
    SEED,
    STEPS,
    TYPICAL_VOCAB_SIZE,
    PresetName,
    learning_rate,
    learning_rate_bounds,
)


class CorpusBody(BaseModel):
    name: CorpusName
    title: str
    description: str


class TokenizerBody(BaseModel):
    name: TokenizerName
    title: str
    description: str


class Bounds(BaseModel):
    """Both ends included."""

    low: float
    high: float


class PresetBody(BaseModel):
    """A recipe: its values, which are what a request without them means."""

    name: PresetName
    title: str
    description: str
    params: int
    optimizer: Literal["muon", "adamw"]
    steps: int
    batch_size: int
    learning_rate: float
    learning_rate_bounds: Bounds
    seed: int
    n_layer: int
    n_head: int
    n_embd: int
    block_size: int

    @classmethod
    def from_preset(cls, preset: Choice[PresetName]) -> Self:
        """The preset's values for a vocabulary of typical size, in the current locale."""
        recipe = PRESETS[preset.name]
        config = recipe.config(TYPICAL_VOCAB_SIZE)
        low, high = learning_rate_bounds(preset.name)
        return cls(
            **_texts(preset),
            params=config.n_params,
            optimizer=recipe.params.optimizer,
            steps=recipe.params.steps,
            batch_size=recipe.params.batch_size,
            learning_rate=learning_rate(recipe.params),
            learning_rate_bounds=Bounds(low=low, high=high),
            seed=recipe.params.seed,
            n_layer=config.n_layer,
            n_head=config.n_head,
            n_embd=config.n_embd,
            block_size=config.block_size,
        )


class CorporaResponse(BaseModel):
    """What the form offers: texts, tokens, presets, and the bounds of what may be changed."""

    corpora: list[CorpusBody]
    tokenizers: list[TokenizerBody]
    presets: list[PresetBody]
    bounds: dict[str, Bounds]

    @classmethod
    def create(cls) -> Self:
        """All of them, in the current locale."""
        bounds = {"steps": STEPS, "batch_size": BATCH_SIZE, "seed": SEED, **MODEL_BOUNDS}
        return cls(
            corpora=[CorpusBody(**_texts(corpus)) for corpus in CORPORA],
            tokenizers=[TokenizerBody(**_texts(tokenizer)) for tokenizer in TOKENIZERS],
            presets=[PresetBody.from_preset(preset) for preset in LIVE_PRESETS],
            bounds={name: Bounds(low=low, high=high) for name, (low, high) in bounds.items()},
        )


class TextResponse(BaseModel):
    """An uploaded text, as it would be learned."""

    text: str
    characters: int
    different_characters: int


def _texts(choice: Choice[str]) -> dict[str, Any]:
    """The fields that all choices have, in the current locale."""
    return {
        "name": choice.name,
        "title": str(choice.title),
        "description": str(choice.description),
    }
