"""GPT-2's tensors, by the names and in the layouts of nanoGPT, minGPT and transformers.

    transformer.wte.weight, transformer.h.0.ln_1.weight ..., lm_head.weight

What wraps a model puts a prefix before every name; transformers' GPT2Model leaves `transformer.`
out. transformers keeps a matrix as Conv1D does, (in, out) instead of (out, in). The head is the
embedding's table, unless it is there as a matrix of its own. Tables may have more rows than there
are characters: for special tokens, or rounded up to a multiple for speed. Causal masks are no
weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from playground.checkpoints.characters import TokenList
from playground.checkpoints.weights import (
    Shapes,
    WeightsFormat,
    check_header_bytes,
    tensor_shapes,
)
from playground.errors import BadCheckpoint
from playground.lm.model import ModelConfig

# As torch.compile, DataParallel and Lightning wrap a model.
_WRAPPERS = re.compile(r"((_orig_mod|module|model|net)\.)*")
_BODY = "transformer."
_TABLE, _HEAD = "wte.weight", "lm_head.weight"
_POSITIONS, _LAST_NORM = "wpe.weight", "ln_f"
_MASK = re.compile(r"(.*\.)?h\.[0-9]+\.attn\.(bias|masked_bias)")
_ROWS_MULTIPLE = 8  # what tables are rounded up to: 8 rows, or 64 or 128


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file spells its tensors. wrapper, body: before the names. transposed: as in Conv1D."""

    wrapper: str
    body: str
    transposed: bool

    @classmethod
    def of(cls, found: Shapes) -> Layout:
        """The layout of the tensors of a file, as far as it can be told."""
        wrapper = max((_wrapper(name) for name in found), key=len, default="")
        bare = wrapper + _BODY
        body = "" if wrapper + _TABLE in found and bare + _TABLE not in found else _BODY
        match found.get(f"{wrapper}{body}h.0.attn.c_attn.weight"):
            case [rows, columns]:
                return cls(wrapper, body, transposed=columns == 3 * rows)
            case _:
                return cls(wrapper, body, transposed=False)

    @property
    def table(self) -> str:
        return f"{self.wrapper}{self.body}{_TABLE}"

    @property
    def head(self) -> str:
        return self.wrapper + _HEAD


@dataclass(frozen=True, slots=True)
class Variant:
    """What a file of weights alone can tell of its model.

    bias: the linear layers and norms have one. tied: the head is the embedding's table.
    transposed: matrices as transformers keeps them.
    """

    bias: bool
    tied: bool
    transposed: bool


def read_variant(path: Path, tokens: TokenList) -> Variant | None:
    """The variant of a file; None where it is missing or cannot be read: loading it says why."""
    try:
        check_header_bytes(path, path.name)
        with safe_open(path, framework="pt") as weights:
            found = tensor_shapes(weights)
            layout = Layout.of(found)
            tied = True
            if layout.table in found and layout.head in found:
                table, head = (weights.get_tensor(name) for name in (layout.table, layout.head))
                tied = torch.equal(_rows(table, tokens), _rows(head, tokens))
    except (SafetensorError, OSError, BadCheckpoint, IndexError):
        return None
    bias = f"{layout.wrapper}{layout.body}h.0.attn.c_attn.bias" in found
    return Variant(bias, tied, layout.transposed)


def fits_table(n_rows: int, n_tokens: int) -> bool:
    """Whether a table of so many rows may be that of so many tokens: rounded up, or exact."""
    return n_rows == n_tokens or (n_rows > n_tokens and n_rows % _ROWS_MULTIPLE == 0)


def gpt2_format(tokens: TokenList) -> WeightsFormat:
    """The format of the weights of a GPT-2 over these tokens."""
    return WeightsFormat(
        shapes=partial(_expected_shapes, tokens),
        state=partial(_convert_state_dict, tokens),
        is_ignored=lambda name: _MASK.fullmatch(name) is not None,
    )


def _wrapper(name: str) -> str:
    match = _WRAPPERS.match(name)
    return match[0] if match else ""


def _rows(table: Tensor, tokens: TokenList) -> Tensor:
    """The rows of the characters."""
    return table[list(tokens.ids)]


def _expected_shapes(tokens: TokenList, config: ModelConfig, found: Shapes) -> Shapes:
    """The tensors of such a file; a tied table may be there as embedding, as head, or as both."""
    layout, width, hidden = Layout.of(found), config.n_embd, config.n_hidden
    norms: Shapes = {_LAST_NORM: [width]}
    linears: Shapes = {}
    for at in (f"h.{layer}" for layer in range(config.n_layer)):
        norms |= {f"{at}.ln_1": [width], f"{at}.ln_2": [width]}
        linears |= {
            f"{at}.attn.c_attn": [3 * width, width],
            f"{at}.attn.c_proj": [width, width],
            f"{at}.mlp.c_fc": [hidden, width],
            f"{at}.mlp.c_proj": [width, hidden],
        }
    step = -1 if layout.transposed else 1
    shapes = {f"{name}.weight": shape for name, shape in norms.items()}
    shapes |= {f"{name}.weight": shape[::step] for name, shape in linears.items()}
    if config.bias:
        shapes |= {f"{name}.bias": shape[:1] for name, shape in (norms | linears).items()}
    shapes[_POSITIONS] = [config.block_size, width]
    expected = {f"{layout.wrapper}{layout.body}{name}": shape for name, shape in shapes.items()}
    tables = [layout.table, layout.head]
    if config.tied:
        tables = [name for name in tables if name in found] or [layout.table]
    return expected | {name: [_n_rows(found.get(name), tokens), width] for name in tables}


def _n_rows(shape: list[int] | None, tokens: TokenList) -> int:
    n_rows = shape[0] if shape else 0
    return n_rows if fits_table(n_rows, tokens.n_tokens) else tokens.n_tokens


def _convert_state_dict(
    tokens: TokenList, config: ModelConfig, tensors: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Convert GPT-2's tensors to the state_dict of CharTransformer."""
    layout = Layout.of({name: list(tensor.shape) for name, tensor in tensors.items()})
    weights = {
        name.removeprefix(layout.wrapper).removeprefix(_BODY): t for name, t in tensors.items()
    }
    tables = [_rows(weights[name], tokens) for name in (_TABLE, _HEAD) if name in weights]
    table, head = tables[0], tables[-1]
    if config.tied and not torch.equal(table, head):
        raise BadCheckpoint("checkpoint.head_differs", head=layout.head, table=layout.table)
    gain = weights[f"{_LAST_NORM}.weight"]
    state = {"embed.table": table, "positions": weights[_POSITIONS]}
    state |= {"gain": gain} if config.tied else {"head": (head.double() * gain).float()}
    if config.bias:
        shift = weights[f"{_LAST_NORM}.bias"].double()
        state["head_bias"] = (head.double() @ shift).float()
    for layer in range(config.n_layer):
        block = _convert_block(config, _layer_weights(weights, f"h.{layer}.", layout))
        state |= {f"blocks.{layer}.{name}": tensor.float() for name, tensor in block.items()}
    return state


def _layer_weights(weights: Mapping[str, Tensor], at: str, layout: Layout) -> dict[str, Tensor]:
    """The weights of a layer as (out, in); in float64, so that products are rounded once."""
    layer = {
        name.removeprefix(at): t.double() for name, t in weights.items() if name.startswith(at)
    }
    if layout.transposed:
        layer = {name: t.T if t.dim() == 2 else t for name, t in layer.items()}
    return layer


def _convert_block(config: ModelConfig, layer: Mapping[str, Tensor]) -> dict[str, Tensor]:
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
