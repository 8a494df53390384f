"""Decoder-only transformer: its config and the model; see layers.py for the rest.

With the defaults of `ModelConfig` it is a small GPT: one embedding a character, rotary attention, a
GELU feed-forward, an untied head. Options make it smaller or faster to train: embeddings of several
previous characters, weight sharing between offsets and between layers (looped), hashed n-gram
embeddings. With learned positions, biases and a tied head it is GPT-2 with the weights of its layer
norms folded into the matrices after them.

Shapes: B batch, T time (characters of a window), C channels, V vocabulary size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.lm.incremental import Cache, empty_cache, extend
from playground.lm.layers import ACTIVATIONS, Block, InputEmbedding, norm, rotary_tables

_RANGES = {
    "vocab_size": (1, 0x110000),  # all that Unicode has; what it costs is bounded elsewhere
    "block_size": (1, 1024),
    "n_layer": (1, 16),
    "n_head": (1, 16),
    "n_embd": (4, 512),
    "n_key": (0, 512),
    "n_loop": (1, 8),
    "n_hidden": (1, 2048),
    "n_offset": (1, 8),
    "n_gram": (1, 8),
    "n_gram_rows": (1, 65536),
}
_RULES = {
    "integer": "{field} must be a whole number from {low} to {high}.",
    "boolean": "{field} must be true or false.",
    "epsilon": "{field} must be a number above 0, at most 1.",
    "activation": '{field} must be "gelu", "gelu_tanh", "relu" or "relu2".',
    "attention": '{field} must be "full" or "sliding".',
    "positions": "learned_positions go with full attention only.",
    "width": "n_embd and n_key must be multiples of twice n_head.",
}


class ConfigError(ValueError):
    """A field of ModelConfig is out of range.

    field: its name. reason: the rule that it breaks. low, high: the bounds, both included, of an
    "integer".
    """

    def __init__(
        self,
        field: str,
        reason: Literal[
            "integer", "boolean", "epsilon", "activation", "attention", "positions", "width"
        ],
        low: int = 0,
        high: int = 0,
    ) -> None:
        super().__init__(_RULES[reason].format(field=field, low=low, high=high))
        self.field, self.reason = field, reason
        self.low, self.high = low, high


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The hyperparameters that fix a model's shape. Raises ConfigError for a value out of range.

    n_key        total width of the queries, and of the keys; 0: n_embd, the width of the values
    n_hidden     width of the feed-forward
    n_loop       times that the stack of layers is applied, with shared weights
    n_offset     characters that an input embedding sums: the current one and those before it
    share_offsets  offsets share the character embedding, scaled by channel; else a table each
    n_gram       longest n-gram with an embedding of its own (1: none)
    n_gram_rows  rows of the table of each n; n-grams are hashed into them
    tied         the head shares the character embedding (weight tying)
    activation   of the feed-forward: "gelu", "gelu_tanh" (its approximation in GPT-2), "relu", or
                 "relu2" (ReLU squared, So et al. 2021)
    learned_positions  learned absolute position embeddings; else rotary ones
    bias         the linear layers and the head have a bias
    norm_eps     added to the variance in layer normalisation
    attention    "full": a position attends to all before it in the window; "sliding": to the last
                 few (`spans`), so that its keys and values never depend on where the window begins
    """

    vocab_size: int
    block_size: int = 64
    n_layer: int = 2
    n_head: int = 2
    n_embd: int = 64
    n_key: int = 0
    n_loop: int = 1
    n_hidden: int = 256
    n_offset: int = 1
    share_offsets: bool = False
    n_gram: int = 1
    n_gram_rows: int = 8192
    tied: bool = False
    activation: str = "gelu"
    learned_positions: bool = False
    bias: bool = False
    norm_eps: float = 1e-5
    attention: str = "full"

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ConfigError(name, "integer", low, high)
        for name in ("share_offsets", "tied", "learned_positions", "bias"):
            if type(getattr(self, name)) is not bool:
                raise ConfigError(name, "boolean")
        if type(self.norm_eps) not in (int, float) or not 0 < self.norm_eps <= 1:
            raise ConfigError("norm_eps", "epsilon")
        if self.activation not in ACTIVATIONS:
            raise ConfigError("activation", "activation")
        if self.attention not in ("full", "sliding"):
            raise ConfigError("attention", "attention")
        if self.attention == "sliding" and self.learned_positions:
            raise ConfigError("learned_positions", "positions")
        for name in ("n_embd", "n_key"):
            if getattr(self, name) % (2 * self.n_head):
                raise ConfigError(name, "width")

    @property
    def key_width(self) -> int:
        return self.n_key or self.n_embd

    @property
    def n_context(self) -> int:
        """Characters that an input embedding depends on."""
        return max(self.n_offset, self.n_gram)

    @property
    def is_sliding(self) -> bool:
        """Whether attention slides: not where the window has fewer characters than passes."""
        n_passes = self.n_layer * self.n_loop
        return self.attention == "sliding" and self.block_size - self.n_context >= n_passes

    @property
    def spans(self) -> tuple[int, ...]:
        """Number of positions that each pass attends to, its own included.

        Sliding-window attention (Longformer, Beltagy et al. 2020; Mistral 7B, Jiang et al. 2023),
        with spans such that the receptive field, input embeddings included, is block_size.
        """
        n_passes = self.n_layer * self.n_loop
        if not self.is_sliding:
            return (self.block_size,) * n_passes
        span, remainder = divmod(self.block_size - self.n_context, n_passes)
        return tuple(span + 1 + (i < remainder) for i in range(n_passes))

    @property
    def n_params(self) -> int:
        """Number of weights, counted without allocating any of them."""
        with torch.device("meta"):
            return sum(p.numel() for p in Transformer(self).parameters())

    @property
    def gigaflops(self) -> float:
        """Floating-point operations of one forward pass over a full window, in 10^9.

        Counts the matrix products alone: 2 operations a weight and position, as in Kaplan et al.
        2020, table 1, plus attention's and the head's.
        """
        with torch.device("meta"):
            n_weights = sum(p.numel() for p in Transformer(self).blocks.parameters())
        n_time, width = self.block_size, self.n_embd
        layers = 2 * n_time * n_weights * self.n_loop
        attention = 4 * n_time * sum(self.spans) * width
        return (layers + attention + 2 * n_time * self.vocab_size * width) / 1e9


class Transformer(nn.Module):
    """Decoder-only transformer over token ids. For generation see incremental.py."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.embed = InputEmbedding(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.gain = nn.Parameter(torch.empty(config.n_embd)) if config.tied else None
        head_shape = (config.vocab_size, config.n_embd)
        self.head = None if config.tied else nn.Parameter(torch.empty(head_shape))
        self.head_bias = nn.Parameter(torch.empty(config.vocab_size)) if config.bias else None
        # Not on the meta device, where weights are counted: there, torch 2.13 imports its compiler
        # for the arithmetic, which takes 0.8 s.
        with torch.device("cpu"):
            cos, sin = rotary_tables(config.block_size, config.key_width // config.n_head)
        self.positions = None
        if config.learned_positions:
            self.positions = nn.Parameter(torch.empty(config.block_size, config.n_embd))
            cos, sin = torch.ones_like(cos), torch.zeros_like(sin)  # rotation disabled
        self.register_buffer("cos", cos, persistent=False)  # (T, 1, D)
        self.register_buffer("sin", sin, persistent=False)
        if not self.embed.table.is_meta:
            self._initialise(seed)

    @torch.no_grad()
    def _initialise(self, seed: int) -> None:
        """Initialise the weights from an own generator: the global random state is left alone."""
        generator = torch.Generator().manual_seed(seed)
        self.embed.table.normal_(std=0.1 if self.config.tied else 0.5, generator=generator)
        # N-grams that never occur in training would keep a random row: they start at zero.
        self.embed.table[self.embed.n_char_rows :].zero_()
        if self.embed.scales is not None:
            self.embed.scales.normal_(std=0.5, generator=generator)
        if self.positions is not None:
            self.positions.normal_(std=0.02, generator=generator)
        for block in self.unrolled_blocks()[: self.config.n_layer]:
            for weight in (block.qkv, block.up):
                weight.normal_(std=weight.shape[1] ** -0.5, generator=generator)
            # Zero output matrices make each layer start as the identity: training is faster.
            block.down.zero_()
            if block.out is not None:
                block.out.zero_()
            else:
                block.qkv[-self.config.n_embd :].zero_()
        # A zero head makes the initial distribution uniform.
        for output in (self.gain, self.head):
            if output is not None:
                output.zero_()
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()

    def forward(self, ids: Tensor, dropout: float = 0.0) -> Tensor:
        """Logits (B, T, V) for ids (B, T), T <= block_size; position t depends on ids[:, : t + 1].

        dropout: probability in training of zeroing an element of the embedding and of each
        layer's two residual branches.
        """
        x = F.dropout(self._embed(ids), dropout)  # (B, T, C)
        for block, mask in zip(self.unrolled_blocks(), self._masks(ids.shape[1]), strict=True):
            x = block(x, self.cos, self.sin, mask, dropout)
        return self.logits(x)

    @property
    def nbytes(self) -> int:
        """Bytes of parameters and buffers."""
        return sum(t.nbytes for t in [*self.parameters(), *self.buffers()])

    @property
    def token_flops(self) -> float:
        """Floating-point operations of one more token of a text."""
        positions = 1 if self.config.is_sliding else self.config.block_size
        return 2.0 * sum(p.numel() for p in self.parameters()) * self.config.n_loop * positions

    @property
    def row_bytes(self) -> int:
        """Bytes of a row's state."""
        return empty_cache(self, 1).nbytes

    rows_min = 1

    def empty_state(self, n_rows: int) -> Cache:
        """The state of rows that have read nothing."""
        return empty_cache(self, n_rows)

    def extend(
        self, state: Cache, ids: Tensor, lengths: Tensor, n_logits: int = 1
    ) -> tuple[Tensor, Cache]:
        """Read new tokens: incremental.extend."""
        return extend(self, state, ids, lengths, n_logits)

    def _embed(self, ids: Tensor) -> Tensor:
        x: Tensor = self.embed(ids)  # (B, T, C)
        return x if self.positions is None else x + self.positions[: ids.shape[1]]

    def unrolled_blocks(self) -> list[Block]:
        """The block of each pass, n_layer * n_loop of them."""
        return cast("list[Block]", [*self.blocks]) * self.config.n_loop

    def _masks(self, n_time: int) -> list[Tensor | None]:
        """The attention mask (T, T) of each pass, True for what is attended to; None: causal."""
        if not self.config.is_sliding:
            return [None] * len(self.config.spans)
        positions = torch.arange(n_time)
        age = positions.unsqueeze(1) - positions
        banded = {span: (age >= 0) & (age < span) for span in set(self.config.spans)}
        return [banded[span] for span in self.config.spans]

    def logits(self, x: Tensor) -> Tensor:
        """The head: logits (..., V) of hidden states (..., C)."""
        x = norm(x, self.config.norm_eps)
        if self.head is not None:
            return F.linear(x, self.head, self.head_bias)
        assert self.gain is not None  # tied
        table = self.embed.table[: self.config.vocab_size]
        return F.linear(x * self.gain, table, self.head_bias)
