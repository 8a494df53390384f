"""GPT-2's tensors, by the names and in the layouts of nanoGPT, minGPT and transformers.

    transformer.wte.weight, transformer.h.0.ln_1.weight ..., lm_head.weight

What wraps a model puts a prefix before every name; transformers' GPT2Model leaves `transformer.`
out. transformers keeps a matrix as Conv1D does, (in, out) instead of (out, in). The head is the
embedding's table, unless it is there as a matrix of its own. Tables may have more rows than there
are characters: for special tokens, or rounded up to a multiple for speed. Causal masks are no
weights, nor what a training keeps for itself. A bias that is not there is 0 where others are.
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

# What torch.compile, DataParallel, FSDP, Lightning and people wrap a model in.
_WRAPPERS = re.compile(
    r"((_orig_mod|module|_forward_module|_fsdp_wrapped_module|state_dict|model|base_model|ema"
    r"|ema_model|net|network|gpt|lm|backbone|decoder)\.)*"
)
_BODY = "transformer."
_TABLE, _HEADS = "wte.weight", ("lm_head.", "head.")
_POSITIONS, _LAST_NORM = "wpe.weight", "ln_f"
# Causal masks, positions in order, and what the optimizer keeps.
_NO_WEIGHT = re.compile(
    r"(.*\.)?h\.[0-9]+\.attn\.bias"
    r"|(.*[._])?(mask(ed)?|tril|triu|causal)(_(bias|mask|matrix|buffer))?"
    r"|(.*\.)?(position_ids|pos)|optimizer\..*"
)
_LAYER = re.compile(r"h\.([0-9]{1,4})\.")
_ROWS_MULTIPLE = 8  # what tables are rounded up to: 8 rows, or 64 or 128


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file spells its tensors. wrapper, body: before the names. transposed: as in Conv1D.

    head: before the names of the head's tensors.
    """

    wrapper: str
    body: str
    head: str
    transposed: bool

    @classmethod
    def of(cls, found: Shapes) -> Layout:
        """The layout of the tensors of a file, as far as they determine it."""
        wrapper = max(map(_wrapper, found), key=len, default="")
        bare = wrapper + _BODY
        body = "" if wrapper + _TABLE in found and bare + _TABLE not in found else _BODY
        # Beside the body, in it, or beside whatever holds it.
        heads = [at + head for at in (wrapper, bare, "") for head in _HEADS]
        head = next((head for head in heads if f"{head}weight" in found), heads[0])
        shape = found.get(f"{wrapper}{body}h.0.attn.c_attn.weight", [])
        transposed = len(shape) == 2 and shape[1] == 3 * shape[0]
        return cls(wrapper, body, head, transposed)

    @property
    def table(self) -> str:
        return f"{self.wrapper}{self.body}{_TABLE}"

    @property
    def head_weight(self) -> str:
        return f"{self.head}weight"

    @property
    def head_bias(self) -> str:
        return f"{self.head}bias"

    def inside(self, name: str) -> str:
        """A tensor's name without what is before it."""
        return name.removeprefix(self.wrapper).removeprefix(self.body)


@dataclass(frozen=True, slots=True)
class Variant:
    """Properties of a model that its weights file determines.

    bias: linear layers or norms have one. tied: the head is the embedding's table.
    transposed: matrices as transformers keeps them. sizes: fields of ModelConfig.
    """

    bias: bool
    tied: bool
    transposed: bool
    sizes: dict[str, int]


def read_variant(path: Path, tokens: TokenList) -> Variant | None:
    """The variant of a file; None where it is missing or cannot be read: loading it says why."""
    try:
        check_header_bytes(path, path.name)
        with safe_open(path, framework="pt") as weights:
            shapes = tensor_shapes(weights)
            found = {
                name: shape for name, shape in shapes.items() if not _is_no_weight(name, shape)
            }
            layout = Layout.of(found)
            tied = True
            if layout.table in found and layout.head_weight in found:
                both = (weights.get_tensor(name) for name in (layout.table, layout.head_weight))
                table, head = (_rows(tensor, tokens) for tensor in both)
                tied = torch.equal(table, head)
    except (SafetensorError, OSError, BadCheckpoint, IndexError):
        return None
    bias = any(name.endswith(".bias") for name in found)
    return Variant(bias, tied, layout.transposed, _sizes(layout, found))


def _sizes(layout: Layout, found: Shapes) -> dict[str, int]:
    """The sizes that follow from the shapes."""
    sizes = {}
    match found.get(f"{layout.wrapper}{layout.body}{_POSITIONS}"):
        case [rows, columns]:
            sizes = {"block_size": rows, "n_embd": columns}
    layers = [_LAYER.match(layout.inside(name)) for name in found]
    if any(layers):
        sizes["n_layer"] = 1 + max(int(match[1]) for match in layers if match)
    return sizes


def fits_table(n_rows: int, n_tokens: int) -> bool:
    """Whether a table of so many rows may be that of so many tokens: rounded up, or exact."""
    return n_rows == n_tokens or (n_rows > n_tokens and n_rows % _ROWS_MULTIPLE == 0)


def gpt2_format(tokens: TokenList) -> WeightsFormat:
    """The format of the weights of a GPT-2 over these tokens."""
    return WeightsFormat(
        shapes=partial(_expected_shapes, tokens),
        state=partial(_convert_state_dict, tokens),
        is_ignored=_is_no_weight,
    )


def _is_no_weight(name: str, shape: list[int]) -> bool:
    """Whether a tensor is a mask or the like; a single number is one that training counts."""
    return not shape or _NO_WEIGHT.fullmatch(name) is not None


def _wrapper(name: str) -> str:
    """What is before a name of GPT-2: before the table, whatever people call it."""
    if name.endswith(f".{_TABLE}"):
        return name.removesuffix(_TABLE).removesuffix(_BODY)
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
    before = layout.wrapper + layout.body
    if config.bias:
        biases = {f"{name}.bias": shape[:1] for name, shape in (norms | linears).items()}
        some = {name: shape for name, shape in biases.items() if before + name in found}
        # Where there is none at all, they are missing: it is the config that tells of them.
        shapes |= some if some or layout.head_bias in found else biases
    shapes[_POSITIONS] = [config.block_size, width]
    expected = {before + name: shape for name, shape in shapes.items()}
    tables = [layout.table, layout.head_weight]
    if config.tied:
        tables = [name for name in tables if name in found] or [layout.table]
    expected |= {name: [_n_rows(found.get(name), tokens), width] for name in tables}
    if layout.head_bias in found:
        expected[layout.head_bias] = [_n_rows(found[layout.head_bias], tokens)]
    return expected


def _n_rows(shape: list[int] | None, tokens: TokenList) -> int:
    n_rows = shape[0] if shape else 0
    return n_rows if fits_table(n_rows, tokens.n_tokens) else tokens.n_tokens


def _convert_state_dict(
    tokens: TokenList, config: ModelConfig, tensors: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Convert GPT-2's tensors to the state_dict of Transformer."""
    layout = Layout.of({name: list(tensor.shape) for name, tensor in tensors.items()})
    weights = {layout.inside(name): tensor for name, tensor in tensors.items()}
    both = (layout.table, layout.head_weight)
    tables = [_rows(tensors[name], tokens) for name in both if name in tensors]
    table, head = tables[0], tables[-1]
    if config.tied and not torch.equal(table, head):
        raise BadCheckpoint("checkpoint.head_differs", head=layout.head_weight, table=layout.table)
    gain = weights[f"{_LAST_NORM}.weight"]
    state = {"embed.table": table, "positions": weights[_POSITIONS]}
    state |= {"gain": gain} if config.tied else {"head": (head.double() * gain).float()}
    if config.bias:
        shift = weights.get(f"{_LAST_NORM}.bias", torch.zeros_like(gain)).double()
        head_bias = head.double() @ shift
        if layout.head_bias in tensors:
            head_bias = head_bias + _rows(tensors[layout.head_bias], tokens)
        state["head_bias"] = head_bias.float()
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
    no_biases = {
        name.replace("weight", "bias"): torch.zeros(len(tensor), dtype=tensor.dtype)
        for name, tensor in layer.items()
    }
    return no_biases | layer


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
