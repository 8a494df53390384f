"""What may be asked of a live training: the presets, their bounds, and a request checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from playground.errors import InvalidInput
from playground.i18n.translate import LocalizedNumber, Message
from playground.lm.learning import PRESETS, TrainingParams
from playground.lm.model import ModelConfig

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


@dataclass(frozen=True, slots=True)
class LivePreset:
    """A recipe as a visitor is offered it."""

    name: PresetName

    @property
    def title(self) -> Message:
        return Message.of(f"training.preset_{self.name}")

    @property
    def description(self) -> Message:
        return Message.of(f"training.preset_{self.name}_about")


LIVE_PRESETS = tuple(LivePreset(name) for name in get_args(PresetName))


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
        work = ModelConfig(vocab_size=vocab_size, **self.model).gigaflops
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
            changes[name] = _within(name, value, bounds)
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
        raise InvalidInput(
            "training.learning_rate",
            low=LocalizedNumber(low),
            high=LocalizedNumber(high),
            rate=LocalizedNumber(rate),
        )
    return {"lr": params.lr * rate / own, "matrix_lr": params.matrix_lr * rate / own}


def _model(recipe: Mapping[str, Any], changes: Mapping[str, int]) -> dict[str, Any]:
    for name, value in changes.items():
        _within(name, value, MODEL_BOUNDS[name])
    model = {"block_size": 64, **recipe, **changes}
    model["n_hidden"] = recipe["n_hidden"] * model["n_embd"] // recipe["n_embd"]
    if model["n_embd"] % (2 * model["n_head"]):
        raise InvalidInput(
            "training.width_and_heads", width=model["n_embd"], double=2 * model["n_head"]
        )
    return model


def _within(name: str, value: int, bounds: tuple[int, int]) -> int:
    low, high = bounds
    if not low <= value <= high:
        what = Message.of(f"training.word_{name}")
        raise InvalidInput("training.out_of_bounds", what=what, low=low, high=high, value=value)
    return value


def _check_size(plan: Plan, vocab_size: int, teraflops_max: float) -> None:
    n_params = ModelConfig(vocab_size=vocab_size, **plan.model).n_params
    if n_params > N_PARAMS_MAX:
        raise InvalidInput("training.model_too_large", found=n_params, most=N_PARAMS_MAX)
    characters = plan.params.batch_size * plan.model["block_size"]
    if characters > CHARACTERS_A_STEP_MAX:
        raise InvalidInput("training.step_too_large", found=characters, most=CHARACTERS_A_STEP_MAX)
    work = plan.gigaflops(vocab_size) / 1000
    if work > teraflops_max:
        raise InvalidInput("training.too_long", times=LocalizedNumber(work / teraflops_max, ".1f"))
