"""The model sees its window and nothing else."""

import dataclasses

import pytest
import torch

from playground.lm.model import ConfigError, ModelConfig, Transformer
from playground.training.presets import PRESETS

SHAPES = {
    "books": {},
    "looped": {"n_layer": 1, "n_head": 1, "n_loop": 3, "n_offset": 4, "share_offsets": True}
    | {"n_key": 16, "tied": True, "activation": "relu2"},
    "tables": {"n_layer": 1, "n_offset": 4, "n_gram": 3, "n_gram_rows": 128},
    "deep": {"n_layer": 3, "n_head": 4, "n_key": 32, "n_offset": 2, "tied": True},
    "gpt2": {"n_head": 4, "learned_positions": True, "bias": True, "tied": True},
    "one head with biases": {"n_head": 1, "bias": True},
}


@pytest.fixture(params=SHAPES, scope="module")
def model(request, random_model):
    return random_model(vocab_size=11, block_size=64, **SHAPES[request.param])


@pytest.fixture(scope="module")
def rows():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(11, (64, 64), generator=generator)
    return ids, torch.randint(1, 65, (64,), generator=generator)


@torch.inference_mode()
def test_a_later_character_changes_no_earlier_logits_but_those_from_it_on(model, rows):
    ids = rows[0][:4]
    before = model(ids)
    for place in (0, 1, 31, 63):
        changed = ids.clone()
        changed[:, place] = (changed[:, place] + 1) % 11
        after = model(changed)
        assert torch.equal(after[:, :place], before[:, :place])
        assert not torch.equal(after[:, place], before[:, place])


@torch.inference_mode()
def test_a_shorter_window_gives_what_the_longer_one_gives_there(model, rows):
    ids = rows[0][:4]
    torch.testing.assert_close(model(ids[:, :20]), model(ids)[:, :20], atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_the_order_of_the_past_matters(model, rows):
    """One place back or two: without positions or offsets these would be the same."""
    ids = rows[0][:1].clone()
    swapped = ids.clone()
    ids[0, 60:62] = torch.tensor([1, 2])
    swapped[0, 60:62] = torch.tensor([2, 1])
    assert (model(ids)[0, 63] - model(swapped)[0, 63]).abs().max() > 1e-4


@torch.inference_mode()
@pytest.mark.parametrize("preset", PRESETS)
def test_an_untrained_model_finds_every_character_equally_likely(preset):
    model = Transformer(PRESETS[preset].config(27))
    assert not model(torch.arange(27)[None]).any()


def test_the_seed_fixes_the_weights_and_the_callers_generator_is_left_alone():
    config = PRESETS["small"].config(11)
    state = torch.random.get_rng_state()
    one, same, other = (Transformer(config, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(one.embed.table, same.embed.table)
    assert not torch.equal(one.embed.table, other.embed.table)


@pytest.mark.parametrize("shape", SHAPES)
def test_parameters_are_counted_without_building_them(shape):
    config = ModelConfig(vocab_size=11, **SHAPES[shape])
    state = Transformer(config).state_dict()
    assert config.n_params == sum(tensor.numel() for tensor in state.values())


def test_a_looped_layer_and_a_tied_head_are_stored_once():
    shape = SHAPES["looped"]
    once = ModelConfig(vocab_size=11, **shape | {"n_loop": 1})
    untied = ModelConfig(vocab_size=11, **shape | {"tied": False})
    config = ModelConfig(vocab_size=11, **shape)
    assert config.n_params == once.n_params
    assert untied.n_params - config.n_params == 11 * config.n_embd - config.n_embd
    pointers = [tensor.data_ptr() for tensor in Transformer(config).state_dict().values()]
    assert len(set(pointers)) == len(pointers)


def test_the_largest_config_is_counted_without_allocating_it():
    config = ModelConfig(4096, 1024, n_layer=16, n_embd=512, n_hidden=2048, n_gram=8,
                         n_gram_rows=65536)  # fmt: skip
    assert config.n_params > 2 * 10**8


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"vocab_size": 0}, "vocab_size must be a whole number from 1 to 1114112."),
        ({"n_layer": 17}, "n_layer must be a whole number from 1 to 16."),
        ({"n_embd": 64.0}, "n_embd must be a whole number from 4 to 512."),
        ({"n_loop": True}, "n_loop must be a whole number from 1 to 8."),
        ({"n_gram_rows": 10**9}, "n_gram_rows must be a whole number from 1 to 65536."),
        ({"n_embd": 48, "n_head": 5}, "n_embd and n_key must be multiples of twice n_head."),
        ({"n_key": 7}, "n_embd and n_key must be multiples of twice n_head."),
        ({"tied": 1}, "tied must be true or false."),
        ({"learned_positions": None}, "learned_positions must be true or false."),
        ({"bias": 0}, "bias must be true or false."),
        ({"norm_eps": 0.0}, "norm_eps must be a number above 0, at most 1."),
        ({"norm_eps": float("nan")}, "norm_eps must be a number above 0, at most 1."),
        ({"norm_eps": True}, "norm_eps must be a number above 0, at most 1."),
        ({"activation": "tanh"}, 'activation must be "gelu", "gelu_tanh", "relu" or "relu2".'),
    ],
)
def test_a_config_out_of_range_is_refused_in_a_sentence(wrong, sentence):
    with pytest.raises(ConfigError) as caught:
        ModelConfig(**{"vocab_size": 11} | wrong)
    assert str(caught.value) == sentence


def test_a_config_survives_json_shaped_dicts():
    config = PRESETS["large"].config(65)
    assert ModelConfig(**dataclasses.asdict(config)) == config


def test_the_longest_groups_of_the_largest_alphabet_can_be_looked_up():
    config = ModelConfig(4096, n_layer=1, n_embd=4, n_head=1, n_gram=8, n_gram_rows=64, n_hidden=1)
    assert Transformer(config)(torch.full((1, 64), 4095)).shape == (1, 64, 4096)


def test_short_groups_of_characters_share_no_row_of_a_table_with_room_for_them():
    model = Transformer(ModelConfig(11, n_gram=2, n_gram_rows=256, n_embd=4, n_head=1))
    pairs = torch.cartesian_prod(torch.arange(11), torch.arange(11))
    pair_rows = model.embed.table.detach()[model.embed.n_char_rows :]
    with torch.no_grad():
        model.embed.table[: model.embed.n_char_rows] = 0
        model.embed.table[model.embed.n_char_rows :] = torch.arange(256.0)[:, None]
    seen = model.embed(pairs)[:, 1, 0].tolist()
    assert len(pair_rows) == 256
    assert len(set(seen)) == 121
