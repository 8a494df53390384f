"""Requests for a training: within the bounds, or refused with a sentence and the field's name."""

import pytest

from playground.errors import InvalidInput
from playground.settings import Settings
from playground.training.plans import make_plan
from playground.training.presets import LIVE_PRESETS


@pytest.mark.parametrize("preset", [preset.name for preset in LIVE_PRESETS])
def test_every_preset_is_within_the_limits(preset):
    plan = make_plan(100, preset, teraflops_max=Settings().training_teraflops)
    assert plan.gigaflops(100) / 1000 < Settings().training_teraflops / 2


@pytest.mark.parametrize("preset", [preset.name for preset in LIVE_PRESETS])
@pytest.mark.parametrize("vocab_size", [1_500, 4_500])
def test_every_preset_learns_a_chinese_text(preset, vocab_size):
    make_plan(vocab_size, preset, teraflops_max=Settings().training_teraflops)


@pytest.mark.parametrize(
    ("vocab_size", "changes", "sentence"),
    [
        (100_000, {}, "^With 100,000 different characters .* 4,000,000 are the most: choose a"),
        (
            4_500,
            {"batch_size": 256, "model": {"block_size": 128}},
            "makes 32,768 characters a step; with 4,500 different characters 14,913 are the most",
        ),
    ],
)
def test_what_a_large_alphabet_costs_is_bounded(vocab_size, changes, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        make_plan(vocab_size, "quick-100k", teraflops_max=20.0, **changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"steps": 0}, "Steps must be from 1 to 20,000, not 0"),
        ({"steps": 10**9}, "Steps"),
        ({"batch_size": 257}, "Batch size"),
        ({"seed": -1}, "Seed"),
        ({"seed": 2**31}, "Seed"),
        ({"learning_rate": 0.0}, "Learning rate must be from"),
        ({"learning_rate": 1e9}, "Learning rate"),
        ({"model": {"n_layer": 9}}, "Layers"),
        ({"model": {"n_embd": 7}}, "Width"),
        ({"model": {"n_embd": 66, "n_head": 4}}, "multiple of twice the heads"),
        ({"model": {"block_size": 10**6}}, "Context"),
        ({"model": {"n_layer": 8, "n_embd": 256}}, "parameters"),
        ({"batch_size": 256, "model": {"block_size": 256}}, "characters a step"),
        ({"steps": 20_000, "batch_size": 256}, "times as long"),
    ],
)
def test_absurd_hyperparameters_get_a_sentence(changes, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        make_plan(100, "quick-100k", teraflops_max=20.0, **changes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"steps": 0}, "steps"),
        ({"learning_rate": 1e9}, "learning_rate"),
        ({"model": {"n_layer": 9}}, "model.n_layer"),
        ({"model": {"n_embd": 66, "n_head": 4}}, "model.n_embd"),
        ({"model": {"n_layer": 8, "n_embd": 256}}, None),
    ],
)
def test_a_refusal_names_the_field(changes, field):
    with pytest.raises(InvalidInput) as caught:
        make_plan(100, "quick-100k", teraflops_max=20.0, **changes)
    assert caught.value.field == field
