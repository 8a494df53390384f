"""Incremental inference: logits of the next token from cached keys and values.

One function, `extend`, both decodes (one new token a row) and prefills (many). It computes
positions, whatever row and call they belong to, so that a text's logits have the same bits in any
batch, and however the text is cut into calls (on one kind of processor and number of threads).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from playground.lm.layers import Block, apply_rotary, norm, rotary_tables

if TYPE_CHECKING:
    from playground.lm.model import Transformer

_ROWS_MIN, _ROWS_MAX = 16, 1024  # a product's rows have the same bits at any multiple in between
_POSITIONS_MAX = 4096  # that are computed at once: what a prefill of many rows takes in memory


@dataclass(frozen=True, slots=True)
class Cache:
    """The state of B rows. Immutable: `extend` returns a new one.

    keys, values  of each pass. Sliding attention: those of the last span - 1 positions,
                  (B, span - 1, H, D); keys before rotation, so that they do not depend on where
                  they stood. Full attention: those of the window's positions, (B, H, block_size, D)
    tokens        the last block_size ids, (B, block_size)
    lengths       number of tokens read, (B,); at most block_size where attention is full
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    tokens: Tensor
    lengths: Tensor

    @property
    def nbytes(self) -> int:
        return sum(t.nbytes for t in self._tensors)

    @property
    def _tensors(self) -> tuple[Tensor, ...]:
        return (*self.keys, *self.values, self.tokens, self.lengths)

    def select(self, rows: Tensor) -> Cache:
        """The state of some rows (N,), in their order."""
        return Cache(
            tuple(k[rows] for k in self.keys),
            tuple(v[rows] for v in self.values),
            self.tokens[rows],
            self.lengths[rows],
        )

    def concatenate(self, others: Sequence[Cache]) -> Cache:
        """These rows, and then those of other states of the model."""
        return concatenate([self, *others])

    @torch.inference_mode()
    def replace(self, rows: Tensor, others: Sequence[Cache]) -> Cache:
        """These rows, some of them (N,) replaced by the N of other states; in place."""
        other = concatenate(others)
        for mine, theirs in zip(self._tensors, other._tensors, strict=True):
            mine[rows] = theirs
        return self

    def split(self) -> list[Cache]:
        """The state of each row, as views."""
        columns = zip(*(t.split(1) for t in (*self.keys, *self.values)), strict=True)
        n = len(self.keys)
        return [
            Cache(tensors[:n], tensors[n:], tokens, lengths)
            for tensors, tokens, lengths in zip(
                columns, self.tokens.split(1), self.lengths.split(1), strict=True
            )
        ]


def concatenate(caches: Sequence[Cache]) -> Cache:
    """The rows of several caches of one model, in one."""
    return Cache(
        tuple(torch.cat(keys) for keys in zip(*(c.keys for c in caches), strict=True)),
        tuple(torch.cat(values) for values in zip(*(c.values for c in caches), strict=True)),
        torch.cat([c.tokens for c in caches]),
        torch.cat([c.lengths for c in caches]),
    )


def empty_cache(model: Transformer, n_rows: int) -> Cache:
    """The state of rows that have read nothing."""
    config = model.config
    key_width, value_width = config.key_width // config.n_head, config.n_embd // config.n_head
    shapes = [(n_rows, config.n_head, config.block_size)] * len(config.spans)
    if config.is_sliding:
        shapes = [(n_rows, span - 1, config.n_head) for span in config.spans]
    return Cache(
        keys=tuple(torch.zeros(*shape, key_width) for shape in shapes),
        values=tuple(torch.zeros(*shape, value_width) for shape in shapes),
        tokens=torch.full((n_rows, config.block_size), model.embed.padding_id),
        lengths=torch.zeros(n_rows, dtype=torch.long),
    )


def left_pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token ids of different lengths as `extend` takes them: (B, T) padded left, lengths (B,)."""
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
    for padded, row in zip(ids, rows, strict=True):
        padded[-len(row) :] = torch.tensor(row)
    return ids, lengths


@torch.inference_mode()
def extend(
    model: Transformer, cache: Cache, ids: Tensor, lengths: Tensor, n_logits: int = 1
) -> tuple[Tensor, Cache]:
    """Read new tokens; returns logits (B, n_logits, V) after each of the last ones, and the state.

    ids (B, T): the last lengths[b] of row b, 1 to T, are its new tokens; what precedes them is
    ignored. A row that has read something before must have lengths[b] = T. Of a text longer than
    block_size the last block_size tokens suffice. With full attention, a row that comes to more
    than that is computed anew from its last block_size: a prefill for each token.
    Raises ValueError for lengths that do not fit, and for n_logits > 1 in that case.
    """
    block_size = model.config.block_size
    if ids.shape[1] > 1 and ((lengths < ids.shape[1]) & (cache.lengths > 0)).any():
        raise ValueError("a row that has read something before cannot be padded")
    if model.config.is_sliding:
        return _extend(model, cache, ids, lengths, n_logits)
    slid = cache.lengths + lengths > block_size
    if not slid.any():
        return _extend(model, cache, ids, lengths, n_logits)
    if n_logits > 1:
        raise ValueError("with full attention, positions past the window come one at a time")
    window = torch.cat([cache.tokens, ids], 1)[:, -block_size:]
    anew, known = slid.nonzero()[:, 0], (~slid).nonzero()[:, 0]
    parts = [
        _extend(
            model, empty_cache(model, len(rows)), window[rows], torch.full_like(rows, block_size)
        )
        for rows in anew.split(max(1, _POSITIONS_MAX // block_size))
    ]
    if len(known):
        parts.append(_extend(model, cache.select(known), ids[known], lengths[known]))
    back = torch.cat([anew, known]).argsort()
    logits = torch.cat([logits for logits, _ in parts])
    return logits[back], concatenate([state for _, state in parts]).select(back)


def _extend(
    model: Transformer, cache: Cache, ids: Tensor, lengths: Tensor, n_logits: int = 1
) -> tuple[Tensor, Cache]:
    spans, n_new = model.config.spans, ids.shape[1]
    total = cache.lengths + lengths
    positions = total.unsqueeze(1) + torch.arange(-n_new, 0)  # (B, T); negative: no token
    if n_new > 1:
        ids = ids.masked_fill(positions < 0, model.embed.padding_id)
    tokens = torch.cat([cache.tokens, ids], 1)
    x = model.embed.forward_last(tokens, n_new)  # (B, T, C)
    if model.positions is not None:
        x = x + model.positions[positions.clamp(min=0)]
    attention = _sliding_attention if model.config.is_sliding else _full_attention
    attend = attention(model, positions)
    n_rows, n_in = x.shape[:2]
    x = _pad_rows(x.flatten(0, 1))  # (N, C), as in all that follows but attention
    keys, values = [], []
    for index, block in enumerate(model.unrolled_blocks()):
        # Of each pass, what a later one or a logit attends to is computed.
        n_out = min(n_in, n_logits + sum(span - 1 for span in spans[index + 1 :]))
        qkv = _by_rows(partial(_project, block), x)[: n_rows * n_in].view(n_rows, n_in, -1)
        q, k, v = _split_heads(block, qkv)
        y, k, v = attend(q[:, -n_out:], k, v, cache.keys[index], cache.values[index])
        if n_out < n_in:
            x = x[: n_rows * n_in].view(n_rows, n_in, -1)[:, -n_out:]
            x, n_in = _pad_rows(x.flatten(0, 1)), n_out
        x = _by_rows(partial(_transform, block), x, _pad_rows(y.flatten(0, 1)))
        keys.append(k)
        values.append(v)
    logits = _by_rows(model.logits, x)[: n_rows * n_in].view(n_rows, n_in, -1)
    kept = tokens[:, -model.config.block_size :]
    return logits, Cache(tuple(keys), tuple(values), kept, total)


def _split_heads(block: Block, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys (B, T, H, K) and values (B, T, H, D), which lie side by side in (B, T, C)."""
    n_rows, n_time, width = qkv.shape
    key_width, n_head = block.key_width, block.n_head
    q, k, v = qkv.split((key_width, key_width, width - 2 * key_width), 2)
    return (
        q.view(n_rows, n_time, n_head, -1),
        k.view(n_rows, n_time, n_head, -1),
        v.view(n_rows, n_time, n_head, -1),
    )


def _project(block: Block, x: Tensor) -> Tensor:
    """Queries, keys and values of a pass, side by side (N, 2 K + C), of its input (N, C)."""
    return F.linear(norm(x, block.norm_eps), block.qkv, block.qkv_bias)


def _transform(block: Block, x: Tensor, y: Tensor) -> Tensor:
    """A pass's output (N, C), of its input and of what attention gathered."""
    x = x + (y if block.out is None else F.linear(y, block.out, block.out_bias))
    return x + block.feed_forward(x)


_Attend = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""Attention of a pass: (B, N, C) for queries q (B, N, H, D), and the keys and values to be kept.

k, v: of the new positions (B, T, H, D). keys, values: those of the cache.
"""


def _sliding_attention(model: Transformer, positions: Tensor) -> _Attend:
    """Attention to the last few positions, for new ones (B, T)."""
    is_start = bool((positions < max(model.config.spans)).any())  # a span reaches before the text

    def attend(
        q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        n_kept, n_out = keys.shape[1], q.shape[1]
        keys, values = torch.cat([keys, k], 1), torch.cat([values, v], 1)
        age, cos, sin = _rotation_by_age(n_kept, q.shape[3])
        q = q.unsqueeze(-1)  # (B, N, H, D, 1)
        # The query is turned by the distance, instead of both by their positions.
        turned = torch.addcmul(q * cos, q.roll(q.shape[3] // 2, 3), sin)  # (B, N, H, D, S)
        first = keys.shape[1] - n_out - n_kept
        # Sums by hand: fused attention splits them among threads as the batch's shape has it.
        scores = (turned * keys[:, first:].unfold(1, n_kept + 1, 1)).sum(3)  # (B, N, H, S)
        if is_start:
            # Padding attends to itself, so that no softmax is empty; nobody attends to padding.
            unseen = (positions[:, -n_out:, None] < age) & (age > 0)  # (B, N, S)
            scores = scores.masked_fill(unseen.unsqueeze(2), -torch.inf)
        weights = scores.softmax(-1).unsqueeze(3)
        y = (weights * values[:, first:].unfold(1, n_kept + 1, 1)).sum(-1).flatten(2)
        kept = slice(keys.shape[1] - n_kept, None)
        return y, keys[:, kept], values[:, kept]

    return attend


@lru_cache(maxsize=64)
def _rotation_by_age(n_kept: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Distances of a span's keys, the oldest first (S,), their cosines and sines (D, S), scaled."""
    age = torch.arange(n_kept, -1, -1)
    cos, sin = (width**-0.5 * table[age, 0].T for table in rotary_tables(n_kept + 1, width))
    return age, cos.contiguous(), sin.contiguous()


def _full_attention(model: Transformer, positions: Tensor) -> _Attend:
    """Causal attention to all of the window, for new positions (B, T)."""
    at = positions.clamp(min=0)
    cos, sin = model.cos[at], model.sin[at]  # (B, T, 1, D)
    rows, columns = (positions >= 0).nonzero(as_tuple=True)
    places = at[rows, columns]

    def attend(
        q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        n_head, n_out, size = q.shape[2], q.shape[1], keys.shape[2]
        keys, values = keys.clone(), values.clone()
        keys[rows, :, places] = apply_rotary(k, cos, sin)[rows, columns]
        values[rows, :, places] = v[rows, columns]
        q = apply_rotary(q, cos[:, -n_out:], sin[:, -n_out:]) * q.shape[3] ** -0.5
        # A window of keys at a time: with one shape, a query has the same bits in any company.
        padding = (0, 0, 0, -n_out % _ROWS_MIN)
        q = F.pad(q.transpose(1, 2).flatten(0, 1), padding)  # (B * H, N rounded up, D)
        scores = torch.bmm(q, keys.flatten(0, 1).transpose(1, 2))[:, :n_out]
        scores = scores.unflatten(0, (-1, n_head))  # (B, H, N, S)
        unseen = torch.arange(size) > at[:, -n_out:, None]  # (B, N, S)
        weights = scores.masked_fill(unseen.unsqueeze(1), -torch.inf).softmax(-1).flatten(0, 1)
        y = torch.bmm(F.pad(weights, padding), values.flatten(0, 1))[:, :n_out]
        return y.unflatten(0, (-1, n_head)).transpose(1, 2).flatten(2), keys, values

    return attend


def _by_rows(function: Callable[..., Tensor], *rows: Tensor) -> Tensor:
    """A function of rows (N, C), of which there are so many that a row always has the same bits."""
    if len(rows[0]) <= _ROWS_MAX:
        return function(*rows)
    parts = zip(*(x.split(_ROWS_MAX) for x in rows), strict=True)
    return torch.cat([function(*part) for part in parts])


def _pad_rows(x: Tensor) -> Tensor:
    """Rows (N, C), and as many of zeros after them as `_by_rows` needs."""
    n_missing = -len(x) % _ROWS_MIN
    return torch.constant_pad_nd(x, (0, 0, 0, n_missing)) if n_missing else x
