"""Training can be repeated and resumed to the last bit, and it learns."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F

from playground.lm.learning import (
    Trainer,
    TrainingParams,
    schedule,
    train,
    validation_loss,
)
from playground.lm.model import ModelConfig, Transformer
from playground.training.presets import PRESETS

CONFIG = ModelConfig(7, block_size=16, n_layer=1, n_embd=16, n_hidden=32, n_offset=2)
PARAMS = TrainingParams(steps=12, batch_size=4, seed=3, dropout=0.1)
IDS = torch.arange(400) ** 2 % 7


def run(params=PARAMS, config=CONFIG):
    model = Transformer(config, seed=params.seed)
    return model, list(train(model, IDS, params))


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_it_learns_a_pattern(optimizer):
    lr = 0.02 if optimizer == "muon" else 0.01
    params = TrainingParams(steps=60, batch_size=4, optimizer=optimizer, lr=lr)
    model, updates = run(params)
    assert updates[0].loss == pytest.approx(math.log(7))
    assert updates[-1].loss < 0.5
    assert validation_loss(model, IDS, 16) < 0.5


def test_an_update_tells_where_the_run_is():
    _, updates = run()
    assert [update.step for update in updates] == list(range(1, 13))
    assert [update.tokens for update in updates] == [64 * step for step in range(1, 13)]
    assert all(0 < update.lr <= 1 for update in updates)


def test_a_seed_gives_the_same_run_again_and_another_one_another():
    losses = [update.loss for update in run()[1]]
    assert losses == [update.loss for update in run()[1]]
    assert losses != [update.loss for update in run(dataclasses.replace(PARAMS, seed=4))[1]]


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_resumed_run_has_the_losses_of_an_uninterrupted_one(optimizer):
    params = dataclasses.replace(PARAMS, optimizer=optimizer)
    whole, updates = run(params)
    first = Trainer(Transformer(CONFIG, seed=3), IDS, params)
    for _ in range(5):
        first.update()
    state = {name: tensor.clone() for name, tensor in first.state_dict().items()}
    resumed = Transformer(CONFIG, seed=99)
    rest = list(train(resumed, IDS, params, state=state))
    assert rest == updates[5:]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])


def test_training_leaves_the_global_random_state_alone():
    state = torch.random.get_rng_state()
    run()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_dropout_changes_the_training_loss_and_not_the_prediction():
    model, _ = run()
    quiet = dataclasses.replace(PARAMS, dropout=0.0)
    assert Trainer(model, IDS, PARAMS).update().loss != Trainer(model, IDS, quiet).update().loss
    assert torch.equal(model(IDS[None, :16]), model(IDS[None, :16]))


def test_windows_begin_where_they_may():
    starts = torch.tensor([3, 3, 50])
    trainer = Trainer(Transformer(CONFIG), torch.arange(400), PARAMS, starts)
    inputs, targets = trainer._batch(seed=0)
    assert set(inputs[:, 0].tolist()) <= {3, 50}
    assert torch.equal(targets, inputs + 1)


def test_the_last_window_of_a_text_is_drawn_too_and_none_beyond_it():
    trainer = Trainer(Transformer(CONFIG), torch.arange(18), PARAMS)
    last = {trainer._batch(seed)[1][:, -1].max().item() for seed in range(10)}
    assert max(last) == 17


def test_a_text_without_a_whole_window_is_refused():
    with pytest.raises(ValueError, match="more than 16 characters"):
        Trainer(Transformer(CONFIG), IDS[:16], PARAMS)


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"batch_size": 0}, {"optimizer": "sgd"}, {"lr": -1.0}, {"decay": 1.5},
     {"dropout": 1.0}, {"seed": -1}],
)  # fmt: skip
def test_params_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must|should"):
        TrainingParams(**wrong)


def test_the_schedule_rises_stays_and_falls_to_nearly_nothing():
    params = TrainingParams(steps=100, warmup=4, decay=0.5)
    rates = [schedule(step, params) for step in range(100)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert set(rates[4:51]) == {1.0}
    assert rates[75] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.02)


def test_validation_predicts_every_character_but_the_first_once():
    model, _ = run()
    ids = IDS[:57]  # three windows of 16 and a rest of 8
    total, count = 0.0, 0
    for start in range(0, 56, 16):
        window = ids[start : start + 17]
        logits = model(window[None, :-1])[0]
        total += F.cross_entropy(logits, window[1:], reduction="sum").item()
        count += len(window) - 1
    assert count == 56
    assert validation_loss(model, ids, 16) == pytest.approx(total / 56, rel=1e-5)


def test_validation_of_less_than_a_window_and_of_exactly_one():
    model = Transformer(CONFIG)
    assert validation_loss(model, IDS[:2], 16) == pytest.approx(math.log(7))
    assert validation_loss(model, IDS[:17], 16) == pytest.approx(math.log(7))


def test_the_presets_keep_their_promised_sizes():
    sizes = {name: preset.config(65).n_params for name, preset in PRESETS.items()}
    assert sizes["small"] <= 16_000
    assert sizes["large"] <= 1_000_000
    assert sizes["names"] <= 30_000
