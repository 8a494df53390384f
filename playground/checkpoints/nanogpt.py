"""nanoGPT's format: a character-level GPT-2 (Radford et al. 2019) as safetensors.

    config.json                  n_layer, n_head, n_embd, block_size, vocab_size, bias
    vocab.json | tokenizer.json  the characters, in one of several common layouts
    model.safetensors            transformer.wte.weight, transformer.h.0.ln_1.weight ...

transformers' GPT-2 and minGPT keep the same model in other spellings, which are read too. The
weights of its layer norms are folded into the matrices after them. What would not be the same
function then is refused: another activation or epsilon. Files are checked as those of the native
format are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playground.checkpoints.characters import TokenList, parse_characters
from playground.checkpoints.errors import as_invalid_input
from playground.checkpoints.folder import Run, read_index
from playground.checkpoints.folder import read_run as read_native_run
from playground.checkpoints.gpt2_weights import Variant, fits_table, gpt2_format, read_variant
from playground.checkpoints.json_files import parse_json, read_json_bytes
from playground.checkpoints.schema import (
    CONFIG,
    INDEX,
    NAME_MAX,
    TOKENIZER,
    VOCABULARY,
    WEIGHTS,
    CheckpointEntry,
    RunConfig,
)
from playground.checkpoints.weights import weights_entry, weights_size
from playground.errors import BadCheckpoint
from playground.i18n.translate import Message, in_default_locale
from playground.lm.model import ConfigError, ModelConfig

ABOUT = Message.of("models.nanogpt")
_SIZES = ("n_layer", "n_head", "n_embd")
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
# What transformers' GPT-2 may set to something else.
_REQUIRED_VALUES = {
    "layer_norm_epsilon": 1e-5,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
}
_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "relu": "relu",
}


def is_nanogpt(content: bytes) -> bool:
    """Whether a config.json is that of such a model. Raises BadCheckpoint where it is no JSON."""
    values = _config_values(content)
    return "format" not in values and all(name in values for name in _SIZES)


def trained_steps(content: bytes) -> int:
    """The training step that a config.json tells, 0 where it tells none."""
    values = _config_values(content)
    candidates = [values.get("iter_num"), values.get("max_iters")]
    return next((step for step in candidates if type(step) is int and 0 <= step < 10**9), 0)


def model_config(
    content: bytes, tokens: TokenList | None = None, variant: Variant | None = None
) -> ModelConfig:
    """The config of the same model here. Raises BadCheckpoint where there is none.

    tokens, variant: what the other files tell, once they are there.
    """
    values = _config_values(content)
    for name, only in _REQUIRED_VALUES.items():
        if values.get(name, only) != only:
            raise BadCheckpoint("checkpoint.nanogpt_fixed", file=CONFIG, name=name, value=only)
    width = _first_present(values, "n_embd")
    hidden = 4 * width if type(width) is int else 1
    said = _first_present(values, "vocab_size")
    try:
        return ModelConfig(
            vocab_size=len(tokens.vocabulary) if tokens else 1 if said is None else said,
            block_size=_first_present(values, "block_size", "n_positions", "n_ctx"),
            n_layer=_first_present(values, "n_layer"),
            n_head=_first_present(values, "n_head"),
            n_embd=width,
            n_hidden=_first_present(values, "n_inner") or hidden,
            tied=_tied(values, variant),
            learned_positions=True,
            bias=values.get("bias", variant.bias if variant else True),
            activation=_activation(values, variant),
        )
    except ConfigError as error:
        reason = as_invalid_input(error).message
        raise BadCheckpoint("checkpoint.in_file", file=CONFIG, reason=reason) from None


def read_any_run(folder: Path, name: str) -> Run:
    """Everything of a folder in the native format or this one, but its weights.

    name: of a model in this format, which tells none. Raises BadCheckpoint.
    """
    if is_nanogpt(read_json_bytes(folder, CONFIG)):
        return read_run(folder, name)
    return read_native_run(folder)


def read_run(folder: Path, name: str) -> Run:
    """Everything of such a folder but its weights. Raises BadCheckpoint.

    An index of ours may list training steps; else there is one. Where the weights of the last
    step are there, they tell what config.json leaves open.
    """
    content = read_json_bytes(folder, CONFIG)
    file = VOCABULARY if (folder / VOCABULARY).exists() else TOKENIZER
    tokens = parse_characters(read_json_bytes(folder, file), file)
    said = _first_present(_config_values(content), "vocab_size")
    if said is not None and not (type(said) is int and fits_table(said, tokens.n_tokens)):
        raise BadCheckpoint(
            "checkpoint.vocabulary_size", file=file, listed=tokens.n_tokens, said=said
        )
    entries = read_index(folder) if (folder / INDEX).exists() else (_only_step(folder, content),)
    config = model_config(content, tokens, read_variant(folder / entries[-1].path, tokens))
    fields = {slot: getattr(config, slot) for slot in ModelConfig.__slots__}
    about = RunConfig(
        format=1, name=name[:NAME_MAX], description=in_default_locale(ABOUT), model=fields
    )
    weights_format = gpt2_format(tokens)
    return Run(folder, about, config, tokens.vocabulary, entries, config.n_params, weights_format)


def _only_step(folder: Path, content: bytes) -> CheckpointEntry:
    weights_size(folder, WEIGHTS)
    step = trained_steps(content)
    return weights_entry(folder, WEIGHTS, step=step, tokens=0, train_loss=None, val_loss=None)


def _tied(values: Mapping[str, Any], variant: Variant | None) -> bool:
    said = values.get("tie_word_embeddings")
    return said if isinstance(said, bool) else variant is None or variant.tied


def _activation(values: Mapping[str, Any], variant: Variant | None) -> str:
    """The activation that is named; else transformers' and minGPT's default, or nanoGPT's."""
    named = _first_present(values, "activation_function")
    if named is None:
        is_mingpt = str(values.get("model_type", "")).startswith("gpt")
        named = "gelu_new" if is_mingpt or (variant and variant.transposed) else "gelu"
    if (activation := _ACTIVATIONS.get(str(named))) is None:
        raise BadCheckpoint(
            "checkpoint.gpt2_activation", file=CONFIG, names=", ".join(_ACTIVATIONS)
        )
    return activation


def _config_values(content: bytes) -> dict[str, Any]:
    """The values of a config.json, those of the model inside it before those around it."""
    whole = parse_json(content, CONFIG)
    if not isinstance(whole, dict):
        raise BadCheckpoint("checkpoint.no_object", file=CONFIG)
    # model_args, config: as in nanoGPT's own checkpoints; model: as minGPT writes it.
    for key in ("model_args", "config", "model"):
        if isinstance(inner := whole.get(key), dict):
            whole = whole | inner
            break
    sizes = _MINGPT_SIZES.get(str(whole.get("model_type")), ())
    named = dict(zip(_SIZES, sizes, strict=False))
    return whole | {name: size for name, size in named.items() if whole.get(name) is None}


def _first_present(values: Mapping[str, Any], *names: str) -> Any:
    return next((values[name] for name in names if values.get(name) is not None), None)
