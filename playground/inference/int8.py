"""8-bit weights and activations (W8A8), for models that the transformers library runs.

Each output channel of a linear layer has a scale, and so has each row of its input: symmetric,
absmax / 127 (per-channel and per-token, as in LLM.int8(), Dettmers et al., NeurIPS 2022, and
ZeroQuant, Yao et al., NeurIPS 2022). Products are summed exactly: what a layer makes of a row does
not depend on the rows beside it. Attention is float32, and sums over as many keys as the longest
row has: its last bit may differ beside a longer one, and a number on the edge of two levels is
rounded the other way then. Beside rows of the same length nothing differs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

_LEVELS = 127
_BLOCK = 1024  # inputs of a block of float_product


class Int8Linear(nn.Module):
    """A linear layer whose weights are int8, (out, in), and rounded to a scale per output."""

    def __init__(
        self, weight: nn.Parameter, scale: nn.Parameter, bias: nn.Parameter | None = None
    ) -> None:
        super().__init__()
        self.weight, self.scale, self.bias = weight, scale, bias

    def forward(self, x: Tensor) -> Tensor:
        rows, scales = quantize(x.reshape(-1, x.shape[-1]).float())
        found = int8_product(rows, self.weight).float() * (scales * self.scale)
        if self.bias is not None:
            found = found + self.bias
        return found.view(*x.shape[:-1], -1)


class Int8Embedding(nn.Module):
    """An embedding whose vectors are int8 with a scale each; it may share them with the head."""

    def __init__(self, weight: nn.Parameter, scale: nn.Parameter) -> None:
        super().__init__()
        self.weight, self.scale = weight, scale

    def forward(self, ids: Tensor) -> Tensor:
        return self.weight[ids].float() * self.scale[ids][..., None]


def int8_product(x: Tensor, weight: Tensor) -> Tensor:
    """Exact sums (N, M), int32, of int8 rows (N, K) with those of an int8 weight (M, K)."""
    if x.shape[1] > 1 and has_exact_int_mm():  # of one column it has been seen to be wrong
        return torch._int_mm(x, weight.t())
    return float_product(x, weight)


@cache
def has_exact_int_mm() -> bool:
    """Whether torch._int_mm is there, and right: without int8 dot products (VNNI), sums of 16 bits
    may saturate on the way."""
    for n_rows in (1, 2, 8, 33):
        x = torch.full((n_rows, 64), _LEVELS, dtype=torch.int8)
        weight = torch.full((48, 64), _LEVELS, dtype=torch.int8)
        weight[::2] = -_LEVELS
        x[0, ::3] = -_LEVELS
        try:
            found = torch._int_mm(x, weight.t())
        except (RuntimeError, AttributeError):
            return False
        if not torch.equal(found, float_product(x, weight)):
            return False
    return True


def float_product(x: Tensor, weight: Tensor) -> Tensor:
    """As int8_product, in float32: in blocks whose sums stay below 2^24, and so are exact."""
    blocks = zip(x.split(_BLOCK, 1), weight.split(_BLOCK, 1), strict=True)
    return torch.stack([(a.float() @ b.float().t()).int() for a, b in blocks]).sum(0)


def quantize(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (N, K) as int8, and what each of them is to be multiplied by, (N, 1)."""
    scales = rows.abs().amax(1, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny) / _LEVELS
    return (rows / scales).round().to(torch.int8), scales


@torch.no_grad()
def quantize_model(model: Any) -> None:
    """Replace the linear layers and the token embedding of a model, in place, one after the other.

    Subclasses of either stay as they are, and so does whatever else has weights.
    """
    from transformers.pytorch_utils import Conv1D

    # By the weight that they are made from: what was tied stays tied, and takes its memory once.
    made: dict[int, tuple[nn.Parameter, nn.Parameter]] = {}

    def rounded(weight: Tensor, rows: Tensor) -> tuple[nn.Parameter, nn.Parameter]:
        if weight.data_ptr() not in made:
            values, scales = quantize(rows.float())
            made[weight.data_ptr()] = _frozen(values), _frozen(scales[:, 0])
        return made[weight.data_ptr()]

    def replacement(layer: Any) -> nn.Module | None:
        if type(layer) is nn.Linear:
            return Int8Linear(*rounded(layer.weight, layer.weight), layer.bias)
        if type(layer) is Conv1D:  # (in, out)
            return Int8Linear(*rounded(layer.weight, layer.weight.t()), layer.bias)
        if layer is embedding and type(layer) is nn.Embedding:
            return Int8Embedding(*rounded(layer.weight, layer.weight))
        return None

    embedding = model.get_input_embeddings()
    for parent in [one for one in model.modules() if not isinstance(one, nn.Linear | Conv1D)]:
        for name, layer in list(parent.named_children()):
            if (new := replacement(layer)) is not None:
                setattr(parent, name, new)


def _frozen(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.contiguous(), requires_grad=False)
