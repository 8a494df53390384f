"""GPT-2's config.json, by the names of nanoGPT, minGPT, transformers and others.

Sizes that it leaves out are those of the weights, once they are there; n_head is in no tensor. What
would make another function of the same weights is refused: rotary positions, RMSNorm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from playground.checkpoints.characters import TokenList
from playground.checkpoints.errors import as_invalid_input
from playground.checkpoints.gpt2_weights import Variant, fits_table
from playground.checkpoints.json_files import parse_json, whole_number
from playground.checkpoints.schema import CONFIG
from playground.errors import BadCheckpoint
from playground.i18n.translate import Message
from playground.lm.model import ConfigError, ModelConfig

# What the values of a model may lie in, before those around it: as in nanoGPT's own checkpoints,
# as minGPT and Lightning write them, and as people do.
_NESTS = (
    "model_args", "model", "model_config", "gpt_config", "hyper_parameters", "hyperparameters",
    "hparams", "params", "args", "cfg", "config",
)  # fmt: skip
_LAYERS = ("n_layer", "n_layers", "num_layers", "num_hidden_layers")
_HEADS = ("n_head", "n_heads", "num_heads", "num_attention_heads")
_WIDTH = ("n_embd", "n_embed", "hidden_size", "d_model", "emb_dim", "embed_dim")
_WINDOW = ("block_size", "n_positions", "n_ctx", "max_position_embeddings", "context_length")
_HIDDEN = ("n_inner", "n_hidden", "intermediate_size", "d_ff")
_ACTIVATION_NAMES = ("activation_function", "activation", "hidden_act", "act_fn")
_EPSILONS = (
    "layer_norm_epsilon", "layer_norm_eps", "layernorm_epsilon", "layernorm_eps", "norm_epsilon",
    "norm_eps", "ln_eps",
)  # fmt: skip
_SIZES = (_LAYERS, _HEADS, _WIDTH)
# What fields of ModelConfig are called.
_NAMES = {
    "block_size": _WINDOW,
    "n_layer": _LAYERS,
    "n_head": _HEADS,
    "n_embd": _WIDTH,
    "n_hidden": _HIDDEN,
    "norm_eps": _EPSILONS,
}
# minGPT's names of sizes: a config may have one of them instead of the numbers.
_MINGPT_SIZES = {
    "openai-gpt": (12, 12, 768),
    "gpt2": (12, 12, 768),
    "gpt2-medium": (24, 16, 1024),
    "gpt2-large": (36, 20, 1280),
    "gpt2-xl": (48, 25, 1600),
    "gopher-44m": (8, 16, 512),
    "gpt-mini": (6, 6, 192),
    "gpt-micro": (4, 4, 128),
    "gpt-nano": (3, 3, 48),
}
# Any other model_type names an architecture of transformers.
_GPT_TYPE = re.compile("(nano|min)?gpt(-.*)?", re.IGNORECASE)
# The values that a field may have, so that the function is GPT-2's; the first is its own.
_REQUIRED_VALUES: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("scale_attn_weights", "norm_first", "pre_norm", "causal"), (True,)),
    **dict.fromkeys(
        (
            "scale_attn_by_inverse_layer_idx", "rotary", "use_rotary", "rope", "use_rope",
            "rotary_pct", "rotary_dim", "rope_theta", "alibi", "use_alibi", "rmsnorm", "rms_norm",
            "use_rmsnorm", "qk_norm", "use_qk_norm", "swiglu", "use_swiglu", "parallel_residual",
            "use_parallel_residual", "sliding_window", "logit_softcap", "use_moe",
        ),
        (False,),
    ),
    **dict.fromkeys(
        ("position_embedding_type", "pos_emb_type", "position_encoding"), ("learned", "absolute")
    ),
    **dict.fromkeys(("norm_type", "normalization"), ("layernorm", "layer_norm")),
    **dict.fromkeys(("n_experts", "n_expert", "num_experts"), (1, 0)),
}  # fmt: skip
# The number of heads, too: with fewer keys than queries it is another attention.
_KEY_HEADS = (
    "n_kv_head", "n_kv_heads", "num_kv_heads", "num_key_value_heads", "n_query_groups",
)  # fmt: skip
_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "relu": "relu",
    "gelu_tanh": "gelu_tanh",
    "gelu_accurate": "gelu_tanh",
    "gelu_python_tanh": "gelu_tanh",
    "newgelu": "gelu_tanh",
    "gelu_python": "gelu",
    "relu2": "relu2",
    "relu_squared": "relu2",
}


def is_nanogpt(content: bytes) -> bool:
    """Whether a config.json is that of such a model. Raises BadCheckpoint where it is no JSON."""
    values = config_values(content)
    if is_native(values):
        return False
    kind = values.get("model_type")
    if isinstance(kind, str) and not _GPT_TYPE.fullmatch(kind):
        return all(names[0] in values for names in _SIZES)
    return any(_names_one(values, names) for names in _SIZES)


def is_native(values: Mapping[str, Any]) -> bool:
    """Whether a config.json is of the native format: others say "pt" there, or nothing."""
    return whole_number(values.get("format")) is not None


def trained_steps(content: bytes) -> int:
    """The training step of a config.json, 0 where it has none."""
    values = config_values(content)
    steps = (whole_number(values.get(name)) for name in ("iter_num", "max_iters"))
    return next((step for step in steps if step is not None and 0 <= step < 10**9), 0)


def check_vocabulary_size(content: bytes, tokens: TokenList, file: str) -> None:
    """Raises BadCheckpoint unless as many tokens are listed as a config.json says, if it does."""
    said = _size(config_values(content), ("vocab_size",), None)
    if type(said) is int and not fits_table(said, tokens.n_tokens):
        raise BadCheckpoint(
            "checkpoint.vocabulary_size", file=file, listed=tokens.n_tokens, said=said
        )


def model_config(
    content: bytes, tokens: TokenList | None = None, variant: Variant | None = None
) -> ModelConfig:
    """The config of the same model here. Raises BadCheckpoint where there is none.

    tokens, variant: what the other files tell, once they are there. Until then a size that
    config.json leaves out is a small one.
    """
    values = config_values(content)
    n_head = _size(values, _HEADS, None)
    if n_head is None:
        raise BadCheckpoint("checkpoint.no_heads", file=CONFIG)
    _check_function(values, n_head)
    found = variant.sizes if variant else {}
    width = _size(values, _WIDTH, found.get("n_embd", 4 * n_head if type(n_head) is int else 4))
    epsilon = _first_present(values, _EPSILONS)
    said = _size(values, ("vocab_size",), None)
    listed = len(tokens.vocabulary) if tokens else 1 if said is None else said
    try:
        return ModelConfig(
            vocab_size=listed if said is None or type(said) is int else said,
            block_size=_size(values, _WINDOW, found.get("block_size", 1)),
            n_layer=_size(values, _LAYERS, found.get("n_layer", 1)),
            n_head=n_head,
            n_embd=width,
            n_hidden=_size(values, _HIDDEN, None) or (4 * width if type(width) is int else 1),
            tied=_tied(values, variant),
            learned_positions=True,
            bias=_bias(values, variant),
            activation=_activation(values, variant),
            **({} if epsilon is None else {"norm_eps": epsilon}),
        )
    except ConfigError as error:
        reason = _config_message(values, error)
        raise BadCheckpoint("checkpoint.in_file", file=CONFIG, reason=reason) from None


def _config_message(values: Mapping[str, Any], error: ConfigError) -> Message:
    """What is wrong with a field, after the name that the config has for it, if that is another."""
    what = as_invalid_input(error).message
    names = [name for name in _NAMES.get(error.field, ()) if values.get(name) is not None]
    if not names or names[0] == error.field:
        return what
    return Message.of("fields.problem", field=names[0], what=what)


def config_values(content: bytes) -> dict[str, Any]:
    """The values of a config.json, those of the model inside it before those around it."""
    whole = parse_json(content, CONFIG)
    if not isinstance(whole, dict):
        raise BadCheckpoint("checkpoint.no_object", file=CONFIG)
    values = _flattened(whole)
    sizes = _MINGPT_SIZES.get(str(values.get("model_type")), ())
    named = zip(_SIZES, sizes, strict=False)
    return values | {
        names[0]: size for names, size in named if _first_present(values, names) is None
    }


def _flattened(values: dict[str, Any]) -> dict[str, Any]:
    """With what lies inside; a null there, as minGPT's for what its data set decides, is nothing.

    A {"value": ...} is that value, as Weights & Biases keeps it.
    """
    result = {
        name: value["value"] if isinstance(value, dict) and "value" in value else value
        for name, value in values.items()
    }
    for nest in reversed(_NESTS):
        if isinstance(inner := result.get(nest), dict):
            present = {name: v for name, v in _flattened(inner).items() if v is not None}
            result |= present
    return result


def _size(values: Mapping[str, Any], names: Iterable[str], found: int | None) -> Any:
    """What is said by one of these names, a whole 11.0 as 11; else what is found in the weights.

    A null that is not found either was to be a number: it stays one that is refused.
    """
    said = _first_present(values, names)
    if said is None and not _names_one(values, names):
        return found
    return int(said) if isinstance(said, float) and said.is_integer() else said


def _check_function(values: Mapping[str, Any], n_head: Any) -> None:
    """Raise BadCheckpoint for a field that makes another function of the weights."""
    required = _REQUIRED_VALUES | dict.fromkeys(_KEY_HEADS, (n_head,))
    for name in values.keys() & required.keys():
        value, allowed = values[name], required[name]
        lowered = value.lower() if isinstance(value, str) else value
        is_unset = value is None and allowed != (True,)  # a null is false, or says nothing
        if lowered not in allowed and not is_unset:
            raise BadCheckpoint(
                "checkpoint.nanogpt_fixed", file=CONFIG, name=name, value=json.dumps(allowed[0])
            )


def _tied(values: Mapping[str, Any], variant: Variant | None) -> bool:
    said = values.get("tie_word_embeddings")
    return said if isinstance(said, bool) else variant is None or variant.tied


def _bias(values: Mapping[str, Any], variant: Variant | None) -> Any:
    """Whether there are biases: those in the weights are, whatever the config says of them."""
    said = values.get("bias", variant.bias if variant else True)
    if said not in (True, False):
        return said
    return bool(said) or (variant is not None and variant.bias)


def _activation(values: Mapping[str, Any], variant: Variant | None) -> str:
    """The activation that is named; else transformers' and minGPT's default, or nanoGPT's."""
    name = next((name for name in _ACTIVATION_NAMES if values.get(name) is not None), None)
    if name is None:
        is_mingpt = str(values.get("model_type", "")).startswith("gpt")
        return "gelu_tanh" if is_mingpt or (variant and variant.transposed) else "gelu"
    if (activation := _ACTIVATIONS.get(str(values[name]).lower())) is None:
        raise BadCheckpoint(
            "checkpoint.gpt2_activation", file=CONFIG, name=name, names=", ".join(_ACTIVATIONS)
        )
    return activation


def _names_one(values: Mapping[str, Any], names: Iterable[str]) -> bool:
    return any(name in values for name in names)


def _first_present(values: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((values[name] for name in names if values.get(name) is not None), None)
