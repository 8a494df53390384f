"""What may be asked of a live training: the presets, their bounds, and a request checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import InvalidInput
from ...lm.model import ModelConfig
from ...lm.training import PRESETS, TrainingParams
from ..hub.layout import gigaflops

PresetName = Literal["quick-100k", "quick-15k", "quick-800k", "plain"]

N_PARAMS_MAX = 2_000_000
CHARACTERS_A_STEP_MAX = 32_768
STEPS = (1, 20_000)
BATCH_SIZE = (1, 256)
SEED = (0, 2**31 - 1)
LEARNING_RATE_FACTOR = 100  # above and below the preset's own
MODEL_BOUNDS: dict[str, tuple[int, int]] = {
    "n_layer": (1, 8),
    "n_head": (1, 8),
    "n_embd": (8, 256),
    "block_size": (8, 256),
}
_BACKWARD_TOO = 3  # an update computes three times as much as a prediction
_WORDS = {"n_layer": "Layers", "n_head": "Heads", "n_embd": "Width", "block_size": "Context"}


@dataclass(frozen=True, slots=True)
class LivePreset:
    """A recipe as a visitor is offered it."""

    name: PresetName
    title: str
    description: str


LIVE_PRESETS = (
    LivePreset("quick-100k", "100K", "Words within seconds."),
    LivePreset("quick-15k", "15K", "As small as it gets: every weight is used several times."),
    LivePreset("quick-800k", "800K", "Slower steps, each of which learns more."),
    LivePreset("plain", "Textbook", "The GPT of the books, with AdamW: what the tricks are worth."),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A training that may be run: the fields of ModelConfig but vocab_size, and how to learn."""

    preset: PresetName
    model: dict[str, Any]
    params: TrainingParams

    @property
    def learning_rate(self) -> float:
        return learning_rate(self.params)

    def gigaflops(self, vocab_size: int) -> float:
        """The work of the whole training, roughly."""
        work = gigaflops(ModelConfig(vocab_size=vocab_size, **self.model))
        return _BACKWARD_TOO * work * self.params.batch_size * self.params.steps


def learning_rate(params: TrainingParams) -> float:
    """The peak rate by which a recipe is known; AdamW's part of Muon's recipe scales with it."""
    return params.matrix_lr if params.optimizer == "muon" else params.lr


def make_plan(
    vocab_size: int,
    preset: PresetName,
    *,
    teraflops_max: float,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int | None = None,
    model: Mapping[str, int] | None = None,
) -> Plan:
    """A preset with a visitor's changes. Raises InvalidInput, saying what is out of bounds."""
    recipe = PRESETS[preset]
    params = recipe.params
    changes: dict[str, Any] = {}
    for name, value, bounds in (
        ("steps", steps, STEPS),
        ("batch_size", batch_size, BATCH_SIZE),
        ("seed", seed, SEED),
    ):
        if value is not None:
            changes[name] = _within(name.replace("_", " ").capitalize(), value, bounds)
    if learning_rate is not None:
        changes |= _rates(params, learning_rate)
    plan = Plan(preset, _model(recipe.model, model or {}), dataclasses.replace(params, **changes))
    _check_size(plan, vocab_size, teraflops_max)
    return plan


def learning_rate_bounds(preset: PresetName) -> tuple[float, float]:
    """The rates that a preset takes, both ends included."""
    rate = learning_rate(PRESETS[preset].params)
    return rate / LEARNING_RATE_FACTOR, rate * LEARNING_RATE_FACTOR


def _rates(params: TrainingParams, rate: float) -> dict[str, float]:
    own = learning_rate(params)
    low, high = own / LEARNING_RATE_FACTOR, own * LEARNING_RATE_FACTOR
    if not low <= rate <= high:
        raise InvalidInput(f"Learning rate must be from {low:g} to {high:g}, not {rate:g}.")
    return {"lr": params.lr * rate / own, "matrix_lr": params.matrix_lr * rate / own}


def _model(recipe: Mapping[str, Any], changes: Mapping[str, int]) -> dict[str, Any]:
    for name, value in changes.items():
        _within(_WORDS[name], value, MODEL_BOUNDS[name])
    model = {"block_size": 64, **recipe, **changes}
    model["n_hidden"] = recipe["n_hidden"] * model["n_embd"] // recipe["n_embd"]
    if model["n_embd"] % (2 * model["n_head"]):
        raise InvalidInput(
            f"Width must be a multiple of twice the heads: "
            f"{model['n_embd']} is none of {2 * model['n_head']}."
        )
    return model


def _within(word: str, value: int, bounds: tuple[int, int]) -> int:
    low, high = bounds
    if not low <= value <= high:
        raise InvalidInput(f"{word} must be from {low:,} to {high:,}, not {value:,}.")
    return value


def _check_size(plan: Plan, vocab_size: int, teraflops_max: float) -> None:
    n_params = ModelConfig(vocab_size=vocab_size, **plan.model).n_params
    if n_params > N_PARAMS_MAX:
        raise InvalidInput(
            f"This model would have {n_params:,} parameters; {N_PARAMS_MAX:,} are the most."
        )
    characters = plan.params.batch_size * plan.model["block_size"]
    if characters > CHARACTERS_A_STEP_MAX:
        raise InvalidInput(
            f"Batch size times context makes {characters:,} characters a step; "
            f"{CHARACTERS_A_STEP_MAX:,} are the most."
        )
    work = plan.gigaflops(vocab_size) / 1000
    if work > teraflops_max:
        raise InvalidInput(
            f"This training is {work / teraflops_max:.1f} times as long as this machine allows: "
            "choose fewer steps, a smaller batch or a smaller model."
        )
