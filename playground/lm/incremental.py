"""Incremental inference: logits of the next token from cached keys and values.

One function, `extend`, both decodes (one new token a row) and prefills (many). It computes
positions, whatever row and call they belong to, so that a text's logits have the same bits in any
batch, and however the text is cut into calls (on one kind of processor and number of threads).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from playground.lm.layers import Block, norm
from playground.lm.model import CharTransformer

_ROWS_MIN, _ROWS_MAX = 16, 1024  # F.linear gives a row the same bits at any multiple in between


@dataclass(frozen=True, slots=True)
class Cache:
    """The state of B rows. Immutable: `extend` returns a new one.

    keys, values  of each pass, those of the last span - 1 positions, (B, span - 1, H, D); keys
                  before rotation, so that they do not depend on where they stood
    tokens        the last block_size ids, (B, block_size)
    lengths       number of tokens read, (B,); at most block_size where attention is full
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    tokens: Tensor
    lengths: Tensor

    @property
    def nbytes(self) -> int:
        return sum(t.nbytes for t in (*self.keys, *self.values, self.tokens, self.lengths))

    def select(self, rows: Tensor) -> Cache:
        """The state of some rows (N,), in their order."""
        return Cache(
            tuple(k[rows] for k in self.keys),
            tuple(v[rows] for v in self.values),
            self.tokens[rows],
            self.lengths[rows],
        )


def concatenate(caches: Sequence[Cache]) -> Cache:
    """The rows of several caches of one model, in one."""
    return Cache(
        tuple(torch.cat(keys) for keys in zip(*(c.keys for c in caches), strict=True)),
        tuple(torch.cat(values) for values in zip(*(c.values for c in caches), strict=True)),
        torch.cat([c.tokens for c in caches]),
        torch.cat([c.lengths for c in caches]),
    )


def empty_cache(model: CharTransformer, n_rows: int) -> Cache:
    """The state of rows that have read nothing."""
    config = model.config
    key_width, value_width = config.key_width // config.n_head, config.n_embd // config.n_head
    kept = [(n_rows, span - 1, config.n_head) for span in config.spans]
    return Cache(
        keys=tuple(torch.zeros(*shape, key_width) for shape in kept),
        values=tuple(torch.zeros(*shape, value_width) for shape in kept),
        tokens=torch.full((n_rows, config.block_size), model.embed.padding_id),
        lengths=torch.zeros(n_rows, dtype=torch.long),
    )


@torch.inference_mode()
def extend(
    model: CharTransformer, cache: Cache, ids: Tensor, lengths: Tensor, n_logits: int = 1
) -> tuple[Tensor, Cache]:
    """Read new tokens; returns logits (B, n_logits, V) after each of the last ones, and the state.

    ids (B, T): the last lengths[b] of row b, 1 to T, are its new tokens; what precedes them is
    ignored. A row that has read something before must have lengths[b] = T. Of a text longer than
    block_size the last block_size tokens suffice. With full attention, a row that comes to more
    than that is computed anew from its last block_size: a prefill for each token.
    Raises ValueError for lengths that do not fit, and for n_logits > 1 in that case.
    """
    block_size = model.config.block_size
    if ((lengths < ids.shape[1]) & (cache.lengths > 0)).any():
        raise ValueError("a row that has read something before cannot be padded")
    slid = cache.lengths + lengths > block_size
    if model.config.is_sliding or not slid.any():
        return _extend(model, cache, ids, lengths, n_logits)
    if n_logits > 1:
        raise ValueError("with full attention, positions past the window come one at a time")
    window = torch.cat([cache.tokens, ids], 1)[:, -block_size:]
    full = torch.full_like(lengths, block_size)
    anew, known = slid.nonzero()[:, 0], (~slid).nonzero()[:, 0]
    parts = [_extend(model, empty_cache(model, len(anew)), window[anew], full[anew], 1)]
    if len(known):
        parts.append(_extend(model, cache.select(known), ids[known], lengths[known], 1))
    back = torch.cat([anew, known]).argsort()
    logits = torch.cat([logits for logits, _ in parts])
    return logits[back], concatenate([state for _, state in parts]).select(back)


def _extend(
    model: CharTransformer, cache: Cache, ids: Tensor, lengths: Tensor, n_logits: int
) -> tuple[Tensor, Cache]:
    spans, n_new = model.config.spans, ids.shape[1]
    new = torch.arange(-n_new, 0)
    total = cache.lengths + lengths
    positions = total.unsqueeze(1) + new  # (B, T); negative where there is no token
    known = ids.masked_fill(positions < 0, model.embed.padding_id)
    tokens = torch.cat([cache.tokens, known], 1)
    x = model.embed.forward_last(tokens, n_new)  # (B, T, C)
    if model.positions is not None:
        x = x + model.positions[positions.clamp(min=0)]
    keys, values = [], []
    for index, block in enumerate(model.unrolled_blocks()):
        # Of each pass, what a later one or a logit attends to is computed.
        n_out = min(n_new, n_logits + sum(span - 1 for span in spans[index + 1 :]))
        y, k, v = _attend(
            model, block, norm(x), positions[:, -n_out:], cache.keys[index], cache.values[index]
        )
        x = x[:, -n_out:] + y
        x = x + _by_rows(block.feed_forward, x)
        keys.append(k)
        values.append(v)
    logits = _by_rows(model.logits, x[:, -n_logits:])
    kept = tokens[:, -model.config.block_size :]
    return logits, Cache(tuple(keys), tuple(values), kept, total)


def _attend(
    model: CharTransformer, block: Block, h: Tensor, positions: Tensor, keys: Tensor, values: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Attention of a pass at some last positions (B, N), out of its normed input h (B, T, C).

    keys, values: of the span - 1 positions before, (B, span - 1, H, D).
    Returns (B, N, C), and the keys and values of the last span - 1 positions.
    """
    n_kept, n_out, width = keys.shape[1], positions.shape[1], block.key_width
    q_bias, kv_bias = None, None
    if block.qkv_bias is not None:
        q_bias, kv_bias = block.qkv_bias[:width], block.qkv_bias[width:]
    kv = _by_rows(lambda rows: F.linear(rows, block.qkv[width:], kv_bias), h)
    q = _by_rows(lambda rows: F.linear(rows, block.qkv[:width], q_bias), h[:, -n_out:])
    k, v = kv.split((width, h.shape[2]), 2)
    keys = torch.cat([keys, k.unflatten(2, (block.n_head, -1))], 1)
    values = torch.cat([values, v.unflatten(2, (block.n_head, -1))], 1)
    age = torch.arange(n_kept, -1, -1)  # (S,) distances of the span's keys, the oldest first
    q = q.unflatten(2, (block.n_head, -1)) * (width // block.n_head) ** -0.5
    q = q.unsqueeze(-1)  # (B, N, H, D, 1)
    # The query is turned by the distance, instead of both by their positions.
    cos, sin = model.cos[age, 0].T, model.sin[age, 0].T  # (D, S)
    turned = torch.addcmul(q * cos, q.roll(q.shape[3] // 2, 3), sin)  # (B, N, H, D, S)
    first = keys.shape[1] - n_out - n_kept
    # Sums by hand: fused attention splits them among threads as the batch's shape has it.
    scores = (turned * keys[:, first:].unfold(1, n_kept + 1, 1)).sum(3)  # (B, N, H, S)
    # Padding attends to itself, so that no softmax is empty; nobody attends to padding.
    unseen = (positions.unsqueeze(2) < age) & (age > 0)  # (B, N, S)
    weights = scores.masked_fill(unseen.unsqueeze(2), -torch.inf).softmax(-1)
    y = (weights.unsqueeze(3) * values[:, first:].unfold(1, n_kept + 1, 1)).sum(-1).flatten(2)
    if (out := block.out) is not None:
        y = _by_rows(lambda rows: F.linear(rows, out, block.out_bias), y)
    kept = slice(keys.shape[1] - n_kept, None)
    return y, keys[:, kept], values[:, kept]


def _by_rows(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A function of rows (N, C) on x (B, T, C), N such that a row's bits are always the same."""
    rows = x.flatten(0, 1)
    missing = -len(rows) % _ROWS_MIN
    padded = F.pad(rows, (0, 0, 0, missing)) if missing else rows
    parts = [function(part) for part in padded.split(_ROWS_MAX)]
    out: Tensor = torch.cat(parts)[: len(rows)].unflatten(0, x.shape[:2])
    return out
