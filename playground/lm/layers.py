"""The layers of the model: input embedding, transformer block, rotary positions.

Shapes: B rows, T positions, C channels, H heads, D = C / H, K input features a position.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from playground.lm.model import ModelConfig

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "relu": F.relu,
    "relu2": lambda x: F.relu(x).square(),
}


class InputEmbedding(nn.Module):
    """Sum of K embeddings for each position: of the last characters and of hashed n-grams.

    Feature j < n_offset is the character j positions back; the others are the n-grams of 2 to
    n_gram characters that end at the position. Each is a row of one table, at
    `sum(multiplier * character) % size + first`, so that one embedding bag looks up all of them.
    Positions before the window have the id V.
    """

    multiplier: Tensor
    sizes: Tensor
    first: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_context = config.n_context
        self.padding_id = config.vocab_size if self.n_context > 1 else 0
        n_chars = config.vocab_size + (self.n_context > 1)
        self.n_char_rows = n_chars * (1 if config.share_offsets else config.n_offset)
        n_tables = config.n_gram - 1
        n_rows = self.n_char_rows + n_tables * config.n_gram_rows
        self.table = nn.Parameter(torch.empty(n_rows, config.n_embd))
        self.scales = None
        if config.share_offsets and config.n_offset > 1:
            self.scales = nn.Parameter(torch.empty(config.n_offset - 1, config.n_embd))
        # Polynomial hash with an odd base >= n_chars: short n-grams are free of collisions in a
        # table with a row for each, and longer ones spread evenly over 2 ** n rows.
        power = [pow(n_chars | 1, i, config.n_gram_rows) for i in range(self.n_context)]
        offsets = [[int(i == j) for i in range(self.n_context)] for j in range(config.n_offset)]
        n_grams = [[p * (i <= g) for i, p in enumerate(power)] for g in range(1, n_tables + 1)]
        sizes = [n_chars] * config.n_offset + [config.n_gram_rows] * n_tables
        first = [sum(sizes[:k]) for k in range(len(sizes))]
        newest_last = torch.tensor([row[::-1] for row in offsets + n_grams])
        self.register_buffer("multiplier", newest_last, persistent=False)  # (K, n_context)
        self.register_buffer("sizes", torch.tensor(sizes), persistent=False)
        self.register_buffer("first", torch.tensor(first), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        padded = F.pad(ids, (self.n_context - 1, 0), value=self.padding_id)
        return self.forward_last(padded, ids.shape[1])

    def forward_last(self, ids: Tensor, n: int) -> Tensor:
        """Embeddings (B, n, C) of the last n of ids (B, T), T >= n + n_context - 1."""
        if self.n_context == 1:
            return F.embedding(ids[:, -n:], self.table)
        past = ids[:, -(n + self.n_context - 1) :]
        past = past.unfold(1, self.n_context, 1).unsqueeze(2)  # (B, n, 1, n_context)
        features = (past * self.multiplier).sum(-1) % self.sizes + self.first  # (B, n, K)
        x = F.embedding_bag(features.flatten(0, 1), self._weight(), mode="sum")  # (B * n, C)
        out: Tensor = x.unflatten(0, past.shape[:2])  # (B, n, C)
        return out

    def _weight(self) -> Tensor:
        if self.scales is None:
            return self.table
        chars = self.table[: self.n_char_rows]
        scaled = (self.scales.unsqueeze(1) * chars).flatten(0, 1)
        return torch.cat([chars, scaled, self.table[self.n_char_rows :]])


class Block(nn.Module):
    """Pre-norm transformer block: causal self-attention and feed-forward, both residual."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, hidden = config.n_embd, config.n_hidden
        self.key_width = config.key_width
        self.n_head = config.n_head
        self.activation = ACTIVATIONS[config.activation]
        self.norm_eps = config.norm_eps
        self.qkv = nn.Parameter(torch.empty(2 * self.key_width + width, width))
        # With a single head the value and output matrices act as their product: one is enough.
        self.out = nn.Parameter(torch.empty(width, width)) if self.n_head > 1 else None
        self.up = nn.Parameter(torch.empty(hidden, width))
        self.down = nn.Parameter(torch.empty(width, hidden))
        self.qkv_bias = self.out_bias = self.up_bias = self.down_bias = None
        if config.bias:
            self.qkv_bias = nn.Parameter(torch.empty(len(self.qkv)))
            if self.out is not None:
                self.out_bias = nn.Parameter(torch.empty(width))
            self.up_bias = nn.Parameter(torch.empty(hidden))
            self.down_bias = nn.Parameter(torch.empty(width))

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None, dropout: float = 0.0
    ) -> Tensor:
        n_time = x.shape[1]
        qkv = F.linear(norm(x, self.norm_eps), self.qkv, self.qkv_bias)
        qk, v = qkv.split((2 * self.key_width, x.shape[2]), 2)
        qk = apply_rotary(qk.unflatten(2, (2 * self.n_head, -1)), cos[:n_time], sin[:n_time])
        q, k = qk.transpose(1, 2).chunk(2, 1)  # (B, H, T, D) each
        v = v.unflatten(2, (self.n_head, -1))  # (B, T, H, D)
        y = F.scaled_dot_product_attention(q, k, v.transpose(1, 2), mask, is_causal=mask is None)
        x = x + F.dropout(self._output(y.transpose(1, 2).flatten(2)), dropout)  # (B, T, C)
        return x + F.dropout(self.feed_forward(x), dropout)

    def _output(self, y: Tensor) -> Tensor:
        return y if self.out is None else F.linear(y, self.out, self.out_bias)

    def feed_forward(self, x: Tensor) -> Tensor:
        """The feed-forward branch of hidden states (..., C), before it is added."""
        h = self.activation(F.linear(norm(x, self.norm_eps), self.up, self.up_bias))
        return F.linear(h, self.down, self.down_bias)


def norm(x: Tensor, eps: float) -> Tensor:
    """Layer normalisation without learnable weights: the following matrix can scale."""
    return F.layer_norm(x, x.shape[-1:], eps=eps)


def rotary_tables(n_time: int, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines (T, 1, D) of rotary position embeddings (Su et al. 2021)."""
    frequency = 10000.0 ** -(torch.arange(0, width, 2) / width)
    angle = torch.outer(torch.arange(n_time), frequency).unsqueeze(1)  # (T, 1, D / 2)
    return torch.cat([angle.cos()] * 2, -1), torch.cat([-angle.sin(), angle.sin()], -1)


def apply_rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate channel pairs (i, i + D / 2) of x (..., T, H, D) by the angle of their position."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)
