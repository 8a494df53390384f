"""nanoGPT's format: a character-level GPT-2 (Radford et al. 2019) as safetensors.

    config.json                  n_layer, n_head, n_embd, block_size, vocab_size, bias
    vocab.json | tokenizer.json  the characters, in one of several common layouts
    model.safetensors            transformer.wte.weight, transformer.h.0.ln_1.weight ...

The weights of its layer norms are folded into the matrices after them. What would not be the same
function then is refused: another activation, epsilon or head. Files are checked as those of the
native format are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic_core import from_json
from torch import Tensor

from playground.checkpoints.errors import as_invalid_input
from playground.checkpoints.folder import Run, read_index, read_json_bytes
from playground.checkpoints.schema import CONFIG, TOKENIZER, VOCABULARY, RunConfig
from playground.checkpoints.weights import WeightsFormat
from playground.errors import BadCheckpoint
from playground.i18n.translate import Message, in_default_locale
from playground.i18n.validation import json_message
from playground.lm.model import ConfigError, ModelConfig
from playground.lm.vocabulary import Vocabulary, VocabularyError

ABOUT = Message.of("models.nanogpt")
_SIZES = ("n_layer", "n_head", "n_embd")
# What transformers' GPT-2 may set to something else.
_REQUIRED_VALUES = {
    "activation_function": "gelu",
    "layer_norm_epsilon": 1e-5,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "tie_word_embeddings": True,
}
_COMPILE_PREFIX = "_orig_mod."  # what torch.compile puts before every name
_TABLE, _HEAD = "transformer.wte.weight", "lm_head.weight"
_POSITIONS, _LAST_NORM = "transformer.wpe.weight", "transformer.ln_f"
_SUBWORD_MARKERS = (b'"ByteLevel"', b'"Metaspace"')  # their tokens stand for something else


def is_nanogpt(content: bytes) -> bool:
    """Whether a config.json is that of such a model. Raises BadCheckpoint where it is no JSON."""
    values = _config_values(content)
    return "format" not in values and all(name in values for name in _SIZES)


def trained_steps(content: bytes) -> int:
    """The training step that a config.json tells, 0 where it tells none."""
    whole = _parsed(content, CONFIG)
    candidates = [whole.get("iter_num"), whole.get("max_iters")]
    return next((step for step in candidates if type(step) is int and 0 <= step < 10**9), 0)


def model_config(content: bytes) -> ModelConfig:
    """The config of the same model here. Raises BadCheckpoint where there is none."""
    values = _config_values(content)
    for name, only in _REQUIRED_VALUES.items():
        if values.get(name, only) != only:
            raise BadCheckpoint("checkpoint.nanogpt_fixed", file=CONFIG, name=name, value=only)
    width = _first_present(values, "n_embd")
    hidden = 4 * width if type(width) is int else 1
    try:
        return ModelConfig(
            vocab_size=_first_present(values, "vocab_size"),
            block_size=_first_present(values, "block_size", "n_positions", "n_ctx"),
            n_layer=_first_present(values, "n_layer"),
            n_head=_first_present(values, "n_head"),
            n_embd=width,
            n_hidden=_first_present(values, "n_inner") or hidden,
            tied=True,
            learned_positions=True,
            bias=values.get("bias", True),
        )
    except ConfigError as error:
        reason = as_invalid_input(error).message
        raise BadCheckpoint("checkpoint.in_file", file=CONFIG, reason=reason) from None


def read_run(folder: Path, name: str) -> Run:
    """Everything of such a folder but its weights, with an index of ours. Raises BadCheckpoint."""
    config = model_config(read_json_bytes(folder, CONFIG))
    file = VOCABULARY if (folder / VOCABULARY).exists() else TOKENIZER
    vocabulary = _vocabulary(read_json_bytes(folder, file), file)
    if len(vocabulary) != config.vocab_size:
        raise BadCheckpoint(
            "checkpoint.vocabulary_size",
            file=file,
            listed=len(vocabulary),
            said=config.vocab_size,
        )
    fields = {slot: getattr(config, slot) for slot in ModelConfig.__slots__}
    about = RunConfig(format=1, name=name, description=in_default_locale(ABOUT), model=fields)
    return Run(
        folder, about, config, vocabulary, read_index(folder), config.n_params, NANOGPT_FORMAT
    )


def _config_values(content: bytes) -> dict[str, Any]:
    whole = _parsed(content, CONFIG)
    inner = whole.get("model_args")  # as in nanoGPT's own checkpoints
    return inner if isinstance(inner, dict) else whole


def _parsed(content: bytes, file: str) -> dict[str, Any]:
    values = _json(content, file)
    if not isinstance(values, dict):
        raise BadCheckpoint("checkpoint.no_object", file=file)
    return values


def _json(content: bytes, file: str) -> Any:
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        reason = json_message(str(error))
        raise BadCheckpoint("checkpoint.no_json", file=file, reason=reason) from None


def _first_present(values: Mapping[str, Any], *names: str) -> Any:
    return next((values[name] for name in names if values.get(name) is not None), None)


def _vocabulary(content: bytes, file: str) -> Vocabulary:
    characters = _characters(_json(content, file))
    if any(mark in content for mark in _SUBWORD_MARKERS):
        raise BadCheckpoint("checkpoint.no_characters", file=file)
    if characters is None:
        raise BadCheckpoint("checkpoint.no_list", file=file)
    for token in characters:
        if not isinstance(token, str) or len(token) != 1:
            raise BadCheckpoint("checkpoint.several_characters", file=file)
    try:
        return Vocabulary(characters)
    except VocabularyError as error:
        reason = as_invalid_input(error).message
        raise BadCheckpoint("checkpoint.in_file", file=file, reason=reason) from None


def _characters(content: Any) -> list[Any] | None:
    """The tokens in the order of their ids; None where that is not what it is.

    Of a list, of {token: id}, of {"id": token}, of nanoGPT's {"stoi": ..., "itos": ...}, or of the
    tokenizer.json of the tokenizers library.
    """
    match content:
        case {"model": {"vocab": inner}} | {"stoi": inner} | {"itos": inner}:
            return _characters(inner)
        case list():
            return content
        case dict() if all(type(id) is int for id in content.values()):
            ids = content
        case dict() if all(re.fullmatch("[0-9]{1,6}", id) for id in content):
            tokens = {t: int(id) for id, t in content.items() if isinstance(t, str)}
            return _characters(tokens) if len(tokens) == len(content) else None
        case _:
            return None
    by_id = {id: token for token, id in ids.items()}
    return [by_id[i] for i in range(len(ids))] if by_id.keys() == set(range(len(ids))) else None


# --- Weights --------------------------------------------------------------------------------------


def _shapes(config: ModelConfig, found: Collection[str]) -> dict[str, list[int]]:
    """The tensors of such a file; the table may be there as embedding, as head, or as both."""
    width, hidden = config.n_embd, config.n_hidden
    table = [config.vocab_size, width]
    products = {_LAST_NORM: [width]}
    for layer in range(config.n_layer):
        at = f"transformer.h.{layer}"
        products |= {
            f"{at}.ln_1": [width],
            f"{at}.attn.c_attn": [3 * width, width],
            f"{at}.attn.c_proj": [width, width],
            f"{at}.ln_2": [width],
            f"{at}.mlp.c_fc": [hidden, width],
            f"{at}.mlp.c_proj": [width, hidden],
        }
    shapes = {f"{name}.weight": shape for name, shape in products.items()}
    if config.bias:
        shapes |= {f"{name}.bias": shape[:1] for name, shape in products.items()}
    before = _COMPILE_PREFIX if any(name.startswith(_COMPILE_PREFIX) for name in found) else ""
    tables = [name for name in (_TABLE, _HEAD) if before + name in found] or [_TABLE]
    shapes |= {_POSITIONS: [config.block_size, width], **dict.fromkeys(tables, table)}
    return {before + name: shape for name, shape in shapes.items()}


def _convert_state_dict(config: ModelConfig, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert nanoGPT's tensors to the state_dict of CharTransformer."""
    weights = {name.removeprefix(_COMPILE_PREFIX): t for name, t in tensors.items()}
    table = weights[_TABLE] if _TABLE in weights else weights[_HEAD]
    if not torch.equal(table, weights.get(_HEAD, table)):
        raise BadCheckpoint("checkpoint.head_differs", head=_HEAD, table=_TABLE)
    state = {
        "embed.table": table,
        "positions": weights[_POSITIONS],
        "gain": weights[f"{_LAST_NORM}.weight"],
    }
    if config.bias:
        shift = weights[f"{_LAST_NORM}.bias"].double()
        state["head_bias"] = (table.double() @ shift).float()
    for layer in range(config.n_layer):
        block = _convert_block(config, weights, f"transformer.h.{layer}")
        state |= {f"blocks.{layer}.{name}": tensor.float() for name, tensor in block.items()}
    return state


def _convert_block(
    config: ModelConfig, weights: Mapping[str, Tensor], at: str
) -> dict[str, Tensor]:
    """Convert one layer; in float64, so that products are rounded once."""
    layer = {
        k.removeprefix(f"{at}."): t.double() for k, t in weights.items() if k.startswith(f"{at}.")
    }
    block = {
        "qkv": layer["attn.c_attn.weight"] * layer["ln_1.weight"],
        "out": layer["attn.c_proj.weight"],
        "up": layer["mlp.c_fc.weight"] * layer["ln_2.weight"],
        "down": layer["mlp.c_proj.weight"],
    }
    if config.bias:
        block |= {
            "qkv_bias": layer["attn.c_attn.weight"] @ layer["ln_1.bias"]
            + layer["attn.c_attn.bias"],
            "out_bias": layer["attn.c_proj.bias"],
            "up_bias": layer["mlp.c_fc.weight"] @ layer["ln_2.bias"] + layer["mlp.c_fc.bias"],
            "down_bias": layer["mlp.c_proj.bias"],
        }
    return block if config.n_head > 1 else _fold_output_projection(config, block)


def _fold_output_projection(config: ModelConfig, block: dict[str, Tensor]) -> dict[str, Tensor]:
    """Fold the output matrix into the values; attention weights sum to 1, so biases fold too."""
    out, values = block.pop("out"), slice(-config.n_embd, None)
    block["qkv"][values] = out @ block["qkv"][values]
    if config.bias:
        block["qkv_bias"][values] = out @ block["qkv_bias"][values] + block.pop("out_bias")
    return block


NANOGPT_FORMAT = WeightsFormat(_shapes, _convert_state_dict)
