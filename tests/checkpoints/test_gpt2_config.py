"""config.json of a GPT-2 in the spellings of many; what makes another function is refused."""

import json

import pytest
import torch
from safetensors.torch import save

from playground.checkpoints.gpt2_config import is_nanogpt, model_config, trained_steps
from playground.checkpoints.nanogpt import read_any_run
from playground.checkpoints.schema import WEIGHTS
from playground.errors import BadCheckpoint, HubTooLarge
from tests.checkpoints.gpt2 import REPO, SIZES, draw, files_with, hold_equal, opened


def encoded(config):
    return json.dumps(config).encode()


def without(*names):
    return {name: value for name, value in SIZES.items() if name not in names}


ALIASES = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 16}
NULLS = {"vocab_size": None, "block_size": None}
MODEL = without("vocab_size", "block_size") | NULLS
CONFIGS = {
    "minGPT's": {"system": {"seed": 1}, "model": MODEL | {"model_type": None}},
    "minGPT's, told beside": {"block_size": 8, "model": MODEL},
    "names of transformers": ALIASES | {"max_position_embeddings": 8, "vocab_size": 11},
    "names of others": {"n_layers": 2, "num_heads": 2, "d_model": 16, "context_length": 8},
    "no n_layer": without("n_layer"),
    "no n_embd": without("n_embd"),
    "no block_size": without("block_size"),
    "n_head alone": {"n_head": 2},
    "floats": {name: float(value) for name, value in SIZES.items()},
    "Weights & Biases": {name: {"value": value, "desc": None} for name, value in SIZES.items()},
    "a format of other files": SIZES | {"format": "pt"},
    "inside twice": {"config": {"model": SIZES, "trainer": {"x": 1}}},
    **{
        nest: {nest: SIZES, "learning_rate": 1e-3}
        for nest in (
            "model_config", "gpt_config", "hparams", "cfg", "params", "hyper_parameters",
            "config", "model_args",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGS)
def test_spellings_of_the_sizes(hub, settings, name):
    tensors = draw(bias=True)
    hub.commit(REPO, files_with(tensors) | {"config.json": encoded(CONFIGS[name])})
    hold_equal(opened(settings)[1], tensors)


def test_a_size_that_only_the_weights_tell_is_held_against_the_limit(hub, settings):
    hub.commit(REPO, files_with(draw(bias=True)) | {"config.json": encoded({"n_head": 2})})
    with pytest.raises(HubTooLarge, match="GFLOP for a character"):
        opened(settings.model_copy(update={"hub_gigaflops": 7e-6}))


def test_the_number_of_heads_is_asked_for():
    with pytest.raises(BadCheckpoint, match=r"^config.json does not say n_head, .* add the number"):
        model_config(encoded(without("n_head")))


def test_numbers_of_steps():
    assert trained_steps(encoded({"iter_num": 500.0})) == 500
    assert trained_steps(encoded({"iter_num": True, "max_iters": 7})) == 7
    assert trained_steps(encoded({"iter_num": 10**12})) == 0


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (SIZES, True),
        (ALIASES, True),
        (ALIASES | {"model_type": "llama"}, False),
        (SIZES | {"model_type": "nanoGPT"}, True),
        ({"format": 1, "name": "x", "model": SIZES}, False),
        ({"learning_rate": 1e-3}, False),
    ],
)
def test_whose_config_it_is(config, expected):
    assert is_nanogpt(encoded(config)) == expected


@pytest.mark.parametrize("name", ["activation_function", "activation", "hidden_act", "act_fn"])
def test_the_activation_by_each_name(name):
    for said, expected in (("relu", "relu"), ("GELU", "gelu"), ("gelu_new", "gelu_tanh")):
        assert model_config(encoded(SIZES | {name: said})).activation == expected
    with pytest.raises(BadCheckpoint, match=f"^config.json: {name} must be one of gelu, "):
        model_config(encoded(SIZES | {name: "silu"}))


@pytest.mark.parametrize(
    ("field", "value", "needed"),
    [
        ("rotary", True, "false"),
        ("rotary_pct", 0.25, "false"),
        ("n_kv_head", 1, "2"),
        ("num_key_value_heads", 1, "2"),
        ("position_embedding_type", "rope", '"learned"'),
        ("norm_type", "rmsnorm", '"layernorm"'),
        ("num_experts", 8, "1"),
        ("scale_attn_weights", None, "true"),
    ],
)
def test_what_makes_another_function_is_refused(field, value, needed):
    with pytest.raises(BadCheckpoint, match=f"^config.json: {field} must be {needed}, as nanoGPT"):
        model_config(encoded(SIZES | {field: value}))


@pytest.mark.parametrize(
    "fields",
    [
        {"rotary": False, "alibi": None, "n_kv_head": 2, "norm_type": "LayerNorm"},
        {"position_embedding_type": "absolute", "sliding_window": 0, "layer_norm_epsilon": None},
        {"resid_pdrop": 0.1, "embd_pdrop": 0.3, "attn_pdrop": 0.0, "attention_dropout": 0.5},
        {
            "use_cache": False,
            "torch_dtype": "bfloat16",
            "dtype": "float16",
            "gradient_checkpointing": True,
        },
        {
            "architectures": ["GPT2LMHeadModel"],
            "_name_or_path": "gpt2",
            "transformers_version": "4.40.0",
        },
        {"summary_type": "cls_index", "summary_use_proj": True, "summary_first_dropout": 0.1},
        {"task_specific_params": {"text-generation": {"do_sample": True, "n_layer": 3}}},
        {"bos_token_id": 50256, "eos_token_id": None, "pad_token_id": -1, "id2label": {"0": "A"}},
        {"initializer_range": 0.02, "reorder_and_upcast_attn": True, "my notes": [1, {"a": None}]},
    ],
)
def test_what_makes_none_is_read(fields):
    assert model_config(encoded(SIZES | fields)) == model_config(encoded(SIZES))


@pytest.mark.parametrize("name", ["layer_norm_epsilon", "norm_eps", "ln_eps"])
@pytest.mark.parametrize("eps", [1e-12, 0.01])
def test_the_epsilon_of_the_norms_is_the_one_that_is_said(hub, settings, name, eps):
    tensors = {key: 0.1 * tensor for key, tensor in draw(bias=True).items()}  # where it matters
    hub.commit(REPO, files_with(tensors, **{name: eps}))
    model = opened(settings)[1]
    hold_equal(model, tensors, eps=eps)
    with pytest.raises(AssertionError):
        hold_equal(model, tensors)


@pytest.fixture
def folder(tmp_path):
    for name, content in files_with(draw(bias=True)).items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_size_that_is_text_says_so(folder):
    (folder / "config.json").write_bytes(encoded(SIZES | {"vocab_size": "11"}))
    with pytest.raises(BadCheckpoint, match="vocab_size must be a whole number"):
        read_any_run(folder, "nano")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"n_embd": None, "hidden_size": "16"},
            "hidden_size: n_embd must be a whole number from 4",
        ),
        ({"block_size": None, "n_ctx": 4096}, "n_ctx: block_size must be a whole number from 1 to"),
        (
            {"block_size": None},
            r"^config.json: block_size must be a whole number from 1 to 1024\.$",
        ),
        ({"layer_norm_eps": 2}, r"layer_norm_eps: norm_eps must be a number above 0, at most 1\.$"),
    ],
)
def test_a_field_that_cannot_be_is_named_as_it_is_written(fields, sentence):
    with pytest.raises(BadCheckpoint, match=sentence):
        model_config(encoded(SIZES | fields))


def test_a_config_of_nothing_known_says_what_is_needed(folder):
    (folder / "config.json").write_bytes(encoded({"learning_rate": 1e-3}))
    with pytest.raises(BadCheckpoint, match=r"^config.json: it tells neither .* n_layer, n_head"):
        read_any_run(folder, "nano")


def test_weights_that_are_none_are_blamed_whatever_the_config_leaves_out(hub, settings):
    broken = save({"x": torch.ones(2)})
    hub.commit(
        REPO, files_with(draw(bias=True)) | {"config.json": encoded({"n_head": 2}), WEIGHTS: broken}
    )
    with pytest.raises(BadCheckpoint, match="lacks tensors"):
        opened(settings)
