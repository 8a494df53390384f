"""A request for a live training, checked against the bounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playground.errors import InvalidInput
from playground.i18n.translate import LocalizedNumber, Message
from playground.lm.learning import TrainingParams
from playground.lm.model import ModelConfig
from playground.tokenization.byte_pairs import VOCAB_SIZE
from playground.training.corpora import TokenizerName
from playground.training.presets import (
    BATCH_SIZE,
    CHARACTERS_PER_STEP_MAX,
    LOGITS_PER_STEP_MAX,
    MODEL_BOUNDS,
    N_PARAMS_MAX,
    PRESETS,
    SEED,
    STEPS,
    TYPICAL_VOCAB_SIZE,
    Preset,
    PresetName,
    learning_rate,
    learning_rate_bounds,
)

_FORWARD_AND_BACKWARD = 3  # work of an update, in forward passes


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """A training within the bounds: the fields of ModelConfig but vocab_size, and its params.

    vocab_size: of the word pieces to learn first; None where tokens are characters.
    """

    preset: PresetName
    model: dict[str, Any]
    params: TrainingParams
    vocab_size: int | None = None

    @property
    def learning_rate(self) -> float:
        return learning_rate(self.params)

    def gigaflops(self, vocab_size: int) -> float:
        """Approximate work of the whole training."""
        work = ModelConfig(vocab_size=vocab_size, **self.model).gigaflops
        return _FORWARD_AND_BACKWARD * work * self.params.batch_size * self.params.steps


def make_plan(
    n_characters: int,
    preset: PresetName,
    *,
    teraflops_max: float,
    tokenizer: TokenizerName = "characters",
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int | None = None,
    model: Mapping[str, int] | None = None,
) -> TrainingPlan:
    """A preset with changes. Raises InvalidInput naming the field that is out of bounds.

    n_characters: of the vocabulary, where tokens are characters.
    """
    recipe = PRESETS[preset]
    params = recipe.params
    changes: dict[str, Any] = {}
    for name, value, bounds in (
        ("steps", steps, STEPS),
        ("batch_size", batch_size, BATCH_SIZE),
        ("seed", seed, SEED),
    ):
        if value is not None:
            changes[name] = _within(name, value, bounds, field=name)
    if learning_rate is not None:
        changes |= _rates(preset, learning_rate)
    shape = _model(recipe, model or {})
    vocab_size = VOCAB_SIZE if tokenizer == "bpe" else None
    plan = TrainingPlan(preset, shape, dataclasses.replace(params, **changes), vocab_size)
    _check_size(plan, vocab_size or n_characters, teraflops_max)
    return plan


def _rates(preset: PresetName, rate: float) -> dict[str, float]:
    low, high = learning_rate_bounds(preset)
    if not low <= rate <= high:
        raise InvalidInput(
            "training.learning_rate",
            low=LocalizedNumber(low),
            high=LocalizedNumber(high),
            rate=LocalizedNumber(rate),
        ).at("learning_rate")
    params = PRESETS[preset].params
    own = learning_rate(params)
    return {"lr": params.lr * rate / own, "matrix_lr": params.matrix_lr * rate / own}


def _model(recipe: Preset, changes: Mapping[str, int]) -> dict[str, Any]:
    for name, value in changes.items():
        _within(name, value, MODEL_BOUNDS[name], field=f"model.{name}")
    default = recipe.config(TYPICAL_VOCAB_SIZE)
    model = {"block_size": default.block_size, **recipe.model, **changes}
    model["n_hidden"] = default.n_hidden * model["n_embd"] // default.n_embd
    if model["n_embd"] % (2 * model["n_head"]):
        raise InvalidInput(
            "training.width_and_heads", width=model["n_embd"], double=2 * model["n_head"]
        ).at("model.n_embd")
    return model


def _within(name: str, value: int, bounds: tuple[int, int], *, field: str) -> int:
    low, high = bounds
    if not low <= value <= high:
        what = Message.of(f"training.word_{name}")
        raise InvalidInput("training.out_of_bounds", what=what, low=low, high=high, value=value).at(
            field
        )
    return value


def _check_size(plan: TrainingPlan, vocab_size: int, teraflops_max: float) -> None:
    n_params = ModelConfig(vocab_size=vocab_size, **plan.model).n_params
    if n_params > N_PARAMS_MAX:
        raise InvalidInput(
            "training.model_too_large", found=n_params, most=N_PARAMS_MAX, size=vocab_size
        )
    characters = plan.params.batch_size * plan.model["block_size"]
    if characters > CHARACTERS_PER_STEP_MAX:
        raise InvalidInput(
            "training.step_too_large", found=characters, most=CHARACTERS_PER_STEP_MAX
        )
    if characters * vocab_size > LOGITS_PER_STEP_MAX:
        most = LOGITS_PER_STEP_MAX // vocab_size
        raise InvalidInput(
            "training.step_too_large_for_vocabulary", found=characters, most=most, size=vocab_size
        )
    work = plan.gigaflops(vocab_size) / 1000
    if work > teraflops_max:
        raise InvalidInput("training.too_long", times=LocalizedNumber(work / teraflops_max, ".1f"))
