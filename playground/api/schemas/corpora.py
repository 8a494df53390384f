"""Schemas of the corpora and presets that a training may use."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel

from playground.training.corpora import CORPORA, CorpusName
from playground.training.presets import (
    BATCH_SIZE,
    LIVE_PRESETS,
    MODEL_BOUNDS,
    PRESETS,
    SEED,
    STEPS,
    TYPICAL_VOCAB_SIZE,
    LivePreset,
    PresetName,
    learning_rate,
    learning_rate_bounds,
)


class CorpusBody(BaseModel):
    name: CorpusName
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
    def from_preset(cls, preset: LivePreset) -> Self:
        """The preset's values for a vocabulary of typical size, in the current locale."""
        recipe = PRESETS[preset.name]
        config = recipe.config(TYPICAL_VOCAB_SIZE)
        low, high = learning_rate_bounds(preset.name)
        return cls(
            name=preset.name,
            title=str(preset.title),
            description=str(preset.description),
            params=config.n_params,
            optimizer=recipe.params.optimizer,  # type: ignore[arg-type]
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
    """What the form offers: texts, presets, and the bounds of what may be changed."""

    corpora: list[CorpusBody]
    presets: list[PresetBody]
    bounds: dict[str, Bounds]

    @classmethod
    def create(cls) -> Self:
        """All of them, in the current locale."""
        bounds = {"steps": STEPS, "batch_size": BATCH_SIZE, "seed": SEED, **MODEL_BOUNDS}
        return cls(
            corpora=[
                CorpusBody(name=c.name, title=str(c.title), description=str(c.description))
                for c in CORPORA
            ],
            presets=[PresetBody.from_preset(preset) for preset in LIVE_PRESETS],
            bounds={name: Bounds(low=low, high=high) for name, (low, high) in bounds.items()},
        )


class TextResponse(BaseModel):
    """An uploaded text, as it would be learned."""

    text: str
    characters: int
    different_characters: int
