"""What people's GPT-2 weights look like; each spelling gives the logits of an independent GPT-2."""

import json
import math

import pytest
import torch
from safetensors.torch import save

from playground.checkpoints.schema import WEIGHTS
from tests.checkpoints.gpt2 import (
    CHARACTERS,
    REPO,
    SIZES,
    draw,
    files_with,
    hold_equal,
    logits,
    opened,
)


def commit(hub, tensors, config=None, **files):
    """A repo with these weights; config: instead of nanoGPT's."""
    contents = files_with(draw(bias=True)) | {WEIGHTS: save(tensors)} | files
    config = SIZES | {"bias": True} if config is None else config
    hub.commit(REPO, contents | {"config.json": json.dumps(config).encode()})


def with_masks(tensors):
    """With the buffers of the causal mask, as nanoGPT, minGPT and old transformers save them."""
    size = SIZES["block_size"]
    mask = torch.tril(torch.ones(size, size)).view(1, 1, size, size)
    return tensors | {
        name: value.clone()
        for layer in range(SIZES["n_layer"])
        for name, value in {
            f"transformer.h.{layer}.attn.bias": mask.bool() if layer else mask,
            f"transformer.h.{layer}.attn.masked_bias": torch.tensor(-1e4),
        }.items()
    }


def with_head(tensors):
    """With a head of its own, as minGPT has it."""
    generator = torch.Generator().manual_seed(7)
    head = torch.randn(len(CHARACTERS), SIZES["n_embd"], generator=generator)
    return tensors | {"lm_head.weight": head}


def padded(tensors, rows, fill=3.0):
    """With tables of more rows than there are characters."""

    def pad(table):
        return torch.cat([table, torch.full((rows - len(table), table.shape[1]), fill)])

    tables = ("transformer.wte.weight", "lm_head.weight")
    return {name: pad(t) if name in tables else t for name, t in tensors.items()}


def transposed(tensors):
    """As transformers' GPT-2 keeps them."""
    return {n: t.T.contiguous() if t.dim() == 2 and ".c_" in n else t for n, t in tensors.items()}


def prefixed(tensors, prefix):
    return {prefix + name: tensor for name, tensor in tensors.items()}


PREFIXES = (
    "", "_orig_mod.", "module.", "_orig_mod.module.", "module._orig_mod.", "model.",
    "_forward_module._orig_mod.", "_fsdp_wrapped_module.", "gpt.", "network.", "ema_model.module.",
    "model.state_dict.", "gpt2.", "my_gpt.core.",
)  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("bias", [True, False])
def test_buffers_of_a_mask_are_no_weights(hub, settings, prefix, bias):
    tensors = draw(bias=bias)
    commit(hub, prefixed(with_masks(tensors), prefix), SIZES | {"bias": bias})
    hold_equal(opened(settings)[1], tensors)


@pytest.mark.parametrize(
    "name",
    [
        *(f"transformer.h.1.attn.{name}" for name in ("mask", "tril", "causal_mask")),
        *("tril", "transformer.mask", "transformer.h.0.attn.causal_bias", "module.future_mask"),
        *("transformer.h.0.attn.triu_mask", "transformer.h.1.attn.attention.masked_bias"),
        *("transformer.position_ids", "transformer.pos", "optimizer.state.0.exp_avg"),
    ],
)
def test_what_no_answer_depends_on_is_no_weight(hub, settings, name):
    tensors = draw(bias=True)
    commit(hub, tensors | {name: torch.ones(8, 8)})
    hold_equal(opened(settings)[1], tensors)


def test_numbers_that_a_training_counts_are_no_weights(hub, settings):
    tensors = draw(bias=True)
    counts = {"iter_num": torch.tensor(500), "best_val_loss": torch.tensor(1.5)}
    commit(hub, tensors | counts | {"n_averaged": torch.tensor(7)})
    hold_equal(opened(settings)[1], tensors)


@pytest.mark.parametrize("name", ["transformer.lm_head.weight", "head.weight"])
def test_a_head_by_another_name(hub, settings, name):
    tensors = draw(bias=True)
    for head in (tensors["transformer.wte.weight"], with_head(tensors)["lm_head.weight"]):
        commit(hub, tensors | {name: head.clone()})
        _, model = opened(settings, f"{REPO}@{hub.repos[REPO].branches['main']}")
        hold_equal(model, tensors | {"lm_head.weight": head})


def test_a_head_beside_what_holds_the_model(hub, settings):
    held = with_head(draw(bias=True))
    inside = {n.replace("transformer.", "gpt2."): t for n, t in held.items()}
    commit(hub, inside)
    hold_equal(opened(settings)[1], held)


@pytest.mark.parametrize("bias", [True, False])
def test_a_bias_of_the_head(hub, settings, bias):
    tensors = with_head(draw(bias=bias))
    commit(hub, padded(tensors, 16) | {"lm_head.bias": torch.zeros(16)}, SIZES | {"bias": bias})
    hold_equal(opened(settings)[1], tensors)
    shift = torch.arange(len(CHARACTERS)).float()
    commit(hub, tensors | {"lm_head.bias": shift})
    _, model = opened(settings, f"{REPO}@{hub.repos[REPO].branches['main']}")
    ids = list(range(8))
    expected = logits(tensors, ids, 2).float() + shift
    torch.testing.assert_close(model(torch.tensor([ids]))[0], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("said", [True, False, None])
@pytest.mark.parametrize("own", ["c_attn", "ln_", "h.1.", "mlp"])
def test_where_some_have_a_bias_the_others_have_none(hub, settings, said, own):
    tensors = {n: t for n, t in draw(bias=True).items() if "bias" not in n or own in n}
    commit(hub, tensors, SIZES | ({} if said is None else {"bias": said}))
    hold_equal(opened(settings)[1], tensors)


def test_a_config_that_denies_the_biases_of_the_file(hub, settings):
    tensors = draw(bias=True)
    commit(hub, tensors, SIZES | {"bias": False})
    hold_equal(opened(settings)[1], tensors)


@pytest.mark.parametrize("bias", [True, False])
def test_a_head_of_its_own(hub, settings, bias):
    tensors = with_head(draw(bias=bias))
    commit(hub, tensors, SIZES | {"bias": bias})
    session, model = opened(settings)
    assert not model.config.tied
    hold_equal(model, tensors)
    stored = sum(tensor.numel() for tensor in tensors.values())
    assert 0.8 * stored < session.run.n_params <= 1.1 * stored


def test_a_head_that_is_the_embedding_is_counted_once(hub, settings):
    tensors = draw(bias=True)
    commit(hub, tensors | {"lm_head.weight": tensors["transformer.wte.weight"].clone()})
    session, model = opened(settings)
    assert model.config.tied
    assert session.run.n_params == sum(p.numel() for p in model.parameters())
    hold_equal(model, tensors)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(hub, settings, dtype):
    tensors = {name: tensor.to(dtype) for name, tensor in draw(bias=True).items()}
    commit(hub, tensors)
    _, model = opened(settings)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    hold_equal(model, {name: tensor.float() for name, tensor in tensors.items()})


@pytest.mark.parametrize("own_head", [False, True])
@pytest.mark.parametrize(("said", "rows"), [(16, 16), (128, 128), (11, 64), (None, 16)])
def test_rows_that_no_character_has_are_left_out(hub, settings, said, rows, own_head):
    tensors = with_head(draw(bias=True)) if own_head else draw(bias=True)
    commit(hub, padded(tensors, rows), SIZES | {"vocab_size": said})
    session, model = opened(settings)
    assert "".join(session.run.vocabulary.characters) == CHARACTERS
    assert session.run.model_config.vocab_size == len(CHARACTERS)
    hold_equal(model, tensors)


@pytest.mark.parametrize("bias", [True, False])
def test_what_the_config_does_not_tell_the_weights_do(hub, settings, bias):
    """As nanoGPT's checkpoint["config"] and checkpoint["model_args"] are, less what is missing."""
    tensors = draw(bias=bias)
    sizes = {name: value for name, value in SIZES.items() if name != "vocab_size"}
    script = {"out_dir": "out", "dataset": "shakespeare_char", "max_iters": 70, "dropout": 0.2}
    for config, step in (
        (script | sizes, 70),
        ({"iter_num": 60, "best_val_loss": math.inf, "config": script | sizes}, 60),
        (script | sizes | {"vocab_size": None, "grad_clip": math.nan}, 70),
        ({"model": sizes | {"embd_pdrop": 0.1}, "trainer": {"max_iters": None}}, 0),
    ):
        commit(hub, tensors, config)
        session, model = opened(settings, f"{REPO}@{hub.repos[REPO].branches['main']}")
        assert session.run.steps == [step]
        assert model.config.bias == bias
        hold_equal(model, tensors)


@pytest.mark.parametrize("body", ["transformer.", ""])
@pytest.mark.parametrize("own_head", [False, True])
def test_the_layout_of_transformers(hub, settings, body, own_head):
    tensors = with_head(draw(bias=True)) if own_head else draw(bias=True)
    stored = transposed(with_masks(tensors))
    stored = {name.replace("transformer.", body): tensor for name, tensor in stored.items()}
    config = {k: v for k, v in SIZES.items() if k != "block_size"} | {"n_positions": 8, "n_ctx": 8}
    for named in ({}, {"activation_function": "gelu_new"}, {"model_type": "gpt2"}):
        commit(hub, stored, config | named | {"n_inner": None, "tie_word_embeddings": not own_head})
        _, model = opened(settings, f"{REPO}@{hub.repos[REPO].branches['main']}")
        hold_equal(model, tensors, tanh=True)


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh"])
def test_the_activation_that_is_named(hub, settings, activation):
    tensors = draw(bias=True)
    commit(hub, tensors, SIZES | {"activation_function": activation})
    hold_equal(opened(settings)[1], tensors, tanh=activation != "gelu")


def test_all_of_it_at_once(hub, settings):
    tensors = with_head(draw(bias=True))
    stored = prefixed(with_masks(padded(tensors, 64)), "_orig_mod.")
    commit(hub, stored, {k: v for k, v in SIZES.items() if k != "vocab_size"})
    hold_equal(opened(settings)[1], tensors)
