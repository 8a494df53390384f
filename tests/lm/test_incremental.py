"""The incremental form computes what the full forward does, with the same bits in any company."""

import pytest
import torch
from torch import Tensor

from playground.lm.incremental import Cache, concatenate, empty_cache, extend
from playground.lm.model import ConfigError, ModelConfig, Transformer

SLIDING = {
    "plain": {"n_layer": 2},
    "looped": {"n_layer": 1, "n_loop": 3, "n_head": 1, "n_key": 8, "n_offset": 4},
    "tied": {"n_layer": 2, "tied": True, "n_offset": 3, "share_offsets": True},
    "grams": {"n_layer": 1, "n_gram": 3, "n_gram_rows": 64, "n_offset": 4, "activation": "relu2"},
    "biased": {"n_layer": 3, "bias": True},
}
FULL = {
    "rotary": {"n_layer": 2},
    "one layer": {"n_layer": 1, "n_head": 1, "n_offset": 4},
    "gpt-2": {"n_layer": 2, "learned_positions": True, "bias": True, "tied": True},
    "looped": {"n_layer": 1, "n_loop": 2, "n_gram": 2, "n_gram_rows": 64},
    "no room": {"n_layer": 4, "n_loop": 4, "attention": "sliding"},
}
CONFIGS = [
    *(pytest.param(c | {"attention": "sliding"}, id=f"sliding, {n}") for n, c in SLIDING.items()),
    *(pytest.param(config, id=f"full, {name}") for name, config in FULL.items()),
]
BLOCK = 12
LENGTH = 40


@pytest.fixture
def model(request, random_model) -> Transformer:
    return random_model(block_size=BLOCK, **request.param)


def drawn(n_rows: int, n: int = LENGTH, seed: int = 0) -> Tensor:
    return torch.randint(0, 16, (n_rows, n), generator=torch.Generator().manual_seed(seed))


def read(model: Transformer, cache: Cache, ids: Tensor, n_logits: int = 1):
    return extend(model, cache, ids, torch.full((len(ids),), ids.shape[1]), n_logits)


def one_by_one(model: Transformer, text: Tensor) -> Tensor:
    """Logits (B, T, V) at every position, a call for each."""
    cache, found = empty_cache(model, len(text)), []
    for t in range(text.shape[1]):
        logits, cache = read(model, cache, text[:, t : t + 1])
        found.append(logits)
    return torch.cat(found, 1)


@pytest.mark.parametrize("model", CONFIGS, indirect=True)
def test_every_position_agrees_with_the_full_forward_of_its_window(model):
    text = drawn(3)
    found = one_by_one(model, text)
    for t in range(LENGTH):
        with torch.inference_mode():
            expected = model(text[:, max(0, t + 1 - BLOCK) : t + 1])[:, -1]
        torch.testing.assert_close(found[:, t], expected, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("model", CONFIGS, indirect=True)
def test_what_lies_outside_of_the_window_changes_no_bit(model):
    text, other = drawn(1), drawn(1, seed=1)
    other[:, -BLOCK:] = text[:, -BLOCK:]
    assert torch.equal(one_by_one(model, text)[:, -1], one_by_one(model, other)[:, -1])


@pytest.mark.parametrize("model", CONFIGS, indirect=True)
@pytest.mark.parametrize("chunk", [2, 5, BLOCK])
def test_a_text_has_the_same_bits_however_it_is_cut(model, chunk):
    n = LENGTH if model.config.is_sliding else BLOCK  # beyond: a position at a time
    text = drawn(3, n)
    cache, found = empty_cache(model, 3), []
    for part in text.split(chunk, 1):
        logits, cache = read(model, cache, part, part.shape[1])
        found.append(logits)
    assert torch.equal(torch.cat(found, 1), one_by_one(model, text))


@pytest.mark.parametrize("model", CONFIGS, indirect=True)
def test_a_prefill_of_the_window_alone_goes_on_with_the_same_bits(model):
    text = drawn(2)
    expected = one_by_one(model, text)
    start = LENGTH - 10
    logits, cache = read(model, empty_cache(model, 2), text[:, start - BLOCK : start])
    for t in range(start, LENGTH):
        assert torch.equal(logits[:, 0], expected[:, t - 1])
        logits, cache = read(model, cache, text[:, t : t + 1])


@pytest.fixture(params=(1, 2))
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("model", CONFIGS, indirect=True)
def test_rows_of_any_length_share_a_batch_without_changing_a_bit(model):
    text = drawn(20, BLOCK)
    lengths = torch.arange(20) % BLOCK + 1
    together, cache = extend(model, empty_cache(model, 20), text, lengths)
    following = drawn(20, 8, seed=2)
    steps = [together]
    for t in range(8):
        logits, cache = read(model, cache, following[:, t : t + 1])
        steps.append(logits)
    for row, length in enumerate(lengths.tolist()):
        alone = torch.cat([text[row, BLOCK - length :], following[row]])[None]
        expected = one_by_one(model, alone)[0, length - 1 :]
        assert torch.equal(torch.cat(steps, 1)[row], expected)


@pytest.mark.parametrize("model", CONFIGS[:1], indirect=True)
def test_a_cache_is_a_value_whose_rows_come_and_go(model):
    text = drawn(3)
    _, cache = read(model, empty_cache(model, 3), text[:, :20])
    kept = cache.select(torch.tensor([2, 0]))
    _, newcomer = read(model, empty_cache(model, 1), text[1:2, :5])
    logits, _ = read(model, concatenate([kept, newcomer]), text[[2, 0, 1], 20:21])
    expected = one_by_one(model, text[:, :21])[:, -1]
    assert torch.equal(logits[:2, 0], expected[[2, 0]])
    again, _ = read(model, cache, text[:, 20:21])
    assert torch.equal(again[:, 0], expected)
    assert cache.nbytes == sum(t.nbytes for t in (*cache.keys, *cache.values)) + 3 * 8 * (BLOCK + 1)


@pytest.mark.parametrize("model", CONFIGS[:1], indirect=True)
def test_a_row_that_has_read_something_cannot_be_padded(model):
    _, cache = read(model, empty_cache(model, 1), drawn(1, 4))
    with pytest.raises(ValueError, match="padded"):
        extend(model, cache, drawn(1, 3), torch.tensor([2]))


def test_with_full_attention_positions_past_the_window_come_one_at_a_time(random_model):
    model = random_model(block_size=BLOCK)
    with pytest.raises(ValueError, match="one at a time"):
        read(model, empty_cache(model, 1), drawn(1, BLOCK + 2), 2)


@pytest.mark.parametrize(
    ("shape", "spans"),
    [
        ({"n_layer": 1, "n_loop": 3, "n_offset": 4}, (21, 21, 21)),
        ({"n_layer": 2, "n_offset": 4, "n_gram": 3}, (31, 31)),
        ({"n_layer": 1, "n_offset": 4, "n_gram": 4}, (61,)),
        ({"n_layer": 4, "n_offset": 4}, (16, 16, 16, 16)),
        ({"n_layer": 2}, (33, 32)),
        ({"n_layer": 4, "n_loop": 4, "block_size": 12}, (12,) * 16),
    ],
)
def test_the_spans_add_up_to_the_window(shape, spans):
    config = ModelConfig(65, attention="sliding", **shape)
    assert config.spans == spans
    if config.is_sliding:
        assert sum(span - 1 for span in spans) + config.n_context == config.block_size
    assert ModelConfig(65, **shape).spans == (config.block_size,) * len(spans)


def test_learned_positions_do_not_slide():
    with pytest.raises(ConfigError):
        ModelConfig(65, attention="sliding", learned_positions=True)


@pytest.mark.parametrize("model", CONFIGS, indirect=True)
def test_rows_are_replaced_without_changing_a_bit(model):
    text = drawn(5)
    _, cache = read(model, empty_cache(model, 3), text[:3, :20])
    others = [
        read(model, empty_cache(model, 1), text[row : row + 1, :n])[1]
        for row, n in ((3, 5), (4, 20))
    ]
    expected = concatenate([*others, cache]).select(torch.tensor([0, 3, 1]))
    kept = [other.tokens.clone() for other in others]
    found = cache.replace(torch.tensor([0, 2]), others)
    for mine, theirs in zip(found._tensors, expected._tensors, strict=True):
        assert torch.equal(mine, theirs)
    assert all(torch.equal(o.tokens, k) for o, k in zip(others, kept, strict=True))
