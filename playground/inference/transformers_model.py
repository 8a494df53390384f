"""A causal language model of the transformers library as a `LanguageModel`.

Its keys and values are kept as the library computes them, those of a batch padded left, and handed
to its DynamicCache. A text past the window is computed anew from its last tokens each time, as most
architectures attend over all of it from learned or absolute positions. Logits equal those of the
library's own forward up to rounding; a row's last bits may depend on the other rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from playground.checkpoints.schema import CheckpointEntry
from playground.checkpoints.transformers_folder import TransformersRun, TransformersShape
from playground.checkpoints.transformers_library import load_pretrained
from playground.errors import BadCheckpoint, LogitsNotFinite
from playground.inference.int8 import quantize_model
from playground.lm.incremental import left_pad

ROWS_MIN = 8
_POSITIONS_MAX = 1024  # that are computed at once where windows are computed anew
# Of probabilities that a cache gives. With int8 the last bit of a sum may round another way.
_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.1, "int8": 0.1}


@dataclass(frozen=True, slots=True)
class TransformersState:
    """What B rows have read. Immutable.

    keys, values  of each layer, (B, H, T, D) padded left: those of the tokens read; none of a row
                  whose window is full, which is computed anew
    tokens        the last block_size ids, (B, block_size), padded left
    lengths       number of tokens read, (B,), at most block_size
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    tokens: Tensor
    lengths: Tensor

    @property
    def nbytes(self) -> int:
        return sum(t.nbytes for t in (*self.keys, *self.values, self.tokens, self.lengths))

    @property
    def cached(self) -> Tensor:
        """Number of positions whose keys are kept, (B,)."""
        return torch.where(self.lengths < self.tokens.shape[1], self.lengths, 0)

    @property
    def width(self) -> int:
        return self.keys[0].shape[2] if self.keys else 0

    def select(self, rows: Tensor) -> TransformersState:
        """The state of some rows (N,), in their order."""
        return TransformersState(
            tuple(k[rows] for k in self.keys),
            tuple(v[rows] for v in self.values),
            self.tokens[rows],
            self.lengths[rows],
        ).trimmed()

    def trimmed(self) -> TransformersState:
        """Without padding that every row has."""
        n_used = int(self.cached.max()) if len(self.lengths) else 0
        start = self.width - n_used
        return TransformersState(
            tuple(k[:, :, start:] for k in self.keys),
            tuple(v[:, :, start:] for v in self.values),
            self.tokens,
            self.lengths,
        )

    def split(self) -> list[TransformersState]:
        """The state of each row, in memory of its own."""
        each = [self.select(torch.tensor([row])) for row in range(len(self.lengths))]
        return [
            TransformersState(
                tuple(k.clone() for k in state.keys),
                tuple(v.clone() for v in state.values),
                state.tokens,
                state.lengths,
            )
            for state in each
        ]

    def concatenate(self, others: Sequence[TransformersState]) -> TransformersState:
        """These rows, and then those of other states of the model."""
        states = [state for state in (self, *others) if len(state.lengths)] or [self]
        width = max(state.width for state in states)
        like = next((state for state in states if state.keys), states[0])
        padded = [_widened(state, like, width) for state in states]
        return TransformersState(
            tuple(torch.cat(keys) for keys in zip(*(keys for keys, _ in padded), strict=True)),
            tuple(torch.cat(values) for values in zip(*(v for _, v in padded), strict=True)),
            torch.cat([state.tokens for state in states]),
            torch.cat([state.lengths for state in states]),
        )

    def replace(self, rows: Tensor, others: Sequence[TransformersState]) -> TransformersState:
        """These rows, some of them (N,) replaced by the N of other states of the model."""
        order = torch.arange(len(self.lengths))
        order[rows] = torch.arange(len(self.lengths), len(self.lengths) + len(rows))
        return self.concatenate(others).select(order)


def _widened(
    state: TransformersState, like: TransformersState, width: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Keys and values of a state, padded left; shaped as another's where it has none yet."""
    n_rows = len(state.lengths)
    keys = state.keys or [k.new_zeros(n_rows, k.shape[1], 0, k.shape[3]) for k in like.keys]
    values = state.values or [v.new_zeros(n_rows, v.shape[1], 0, v.shape[3]) for v in like.values]
    padding = (0, 0, width - state.width, 0)
    return [F.pad(k, padding) for k in keys], [F.pad(v, padding) for v in values]


class TransformersModel:
    """A `LanguageModel` around a model of the library, with the tokens of its tokenizer alone.

    Ids of the model beyond those of the tokenizer, and those between that no token has, cannot be
    predicted. Whatever computes logits raises LogitsNotFinite where they are not finite: a table
    may have one position, or one token, whose values are far too large.
    """

    rows_min = ROWS_MIN

    def __init__(
        self, model: Any, *, n_tokens: int, block_size: int, gaps: Sequence[int] = ()
    ) -> None:
        """n_tokens: of the tokenizer. block_size: of the window. gaps: ids that no token has."""
        n_params = sum(p.numel() for p in model.parameters())
        self.config = TransformersShape(n_tokens, block_size, n_params)
        self._model = model
        self._gaps = torch.tensor([id for id in gaps if id < n_tokens], dtype=torch.long)
        names = inspect.signature(model.forward).parameters
        self._cache_name = "cache" if "cache" in names else "past_key_values"
        self._has_positions = "position_ids" in names
        self._keeps_logits = "logits_to_keep" in names
        self.row_bytes = self._measured_row_bytes()

    @property
    def nbytes(self) -> int:
        """Bytes of parameters and buffers."""
        return sum(t.nbytes for t in [*self._model.parameters(), *self._model.buffers()])

    @property
    def token_flops(self) -> float:
        """Floating-point operations of one more token of a text that fits the window."""
        return 2.0 * self.config.n_params

    def empty_state(self, n_rows: int) -> TransformersState:
        """The state of rows that have read nothing."""
        tokens = torch.zeros(n_rows, self.config.block_size, dtype=torch.long)
        return TransformersState((), (), tokens, torch.zeros(n_rows, dtype=torch.long))

    @torch.inference_mode()
    def __call__(self, ids: Tensor) -> Tensor:
        """Logits (B, T, V) of whole texts (B, T), T <= block_size."""
        output = self._model(input_ids=ids, use_cache=False)
        return self._checked(self._logits(output, ids.shape[1]))

    @torch.inference_mode()
    def extend(
        self, state: TransformersState, ids: Tensor, lengths: Tensor, n_logits: int = 1
    ) -> tuple[Tensor, TransformersState]:
        """Read new tokens; see lm.language_model.LanguageModel.extend. Raises ValueError for
        lengths that do not fit, and for n_logits > 1 past the window.
        """
        size = self.config.block_size
        if ids.shape[1] > 1 and ((lengths < ids.shape[1]) & (state.lengths > 0)).any():
            raise ValueError("a row that has read something before cannot be padded")
        slid = state.lengths + lengths > size
        if n_logits > 1 and slid.any():
            raise ValueError("past the window, positions come one at a time")
        if slid.any():
            logits, read = self._slide(state, ids, lengths, slid)
        else:
            logits, read = self._extend(state, ids, lengths, n_logits)
        return self._checked(logits), read

    def _slide(
        self, state: TransformersState, ids: Tensor, lengths: Tensor, slid: Tensor
    ) -> tuple[Tensor, TransformersState]:
        """As `extend`, where some rows, slid (B,), come to more than the window holds."""
        size = self.config.block_size
        window = torch.cat([state.tokens, ids], 1)[:, -size:]
        anew, known = slid.nonzero()[:, 0], (~slid).nonzero()[:, 0]
        parts = [self._read_windows(window[rows]) for rows in anew.split(self._windows_at_once)]
        if len(known):
            parts.append(self._extend(state.select(known), ids[known], lengths[known], 1))
        back = torch.cat([anew, known]).argsort()
        logits = torch.cat([logits for logits, _ in parts])[back]
        states = [state for _, state in parts]
        return logits, states[0].concatenate(states[1:]).select(back)

    @property
    def _windows_at_once(self) -> int:
        return max(1, _POSITIONS_MAX // self.config.block_size)

    def _read_windows(self, windows: Tensor) -> tuple[Tensor, TransformersState]:
        """Logits (B, 1, V) after full windows, of which no keys are kept: they would be stale."""
        kept = {"logits_to_keep": 1} if self._keeps_logits else {}
        output = self._model(input_ids=windows, use_cache=False, **kept)
        full = torch.full((len(windows),), self.config.block_size)
        return self._logits(output, 1), TransformersState((), (), windows, full)

    def _extend(
        self, state: TransformersState, ids: Tensor, lengths: Tensor, n_logits: int
    ) -> tuple[Tensor, TransformersState]:
        from transformers import DynamicCache

        state, n_new = state.trimmed(), ids.shape[1]
        total, width = state.lengths + lengths, state.width
        cache = DynamicCache()
        if width:
            for layer, (keys, values) in enumerate(zip(state.keys, state.values, strict=True)):
                cache.update(keys, values, layer)
        is_past = torch.arange(width) >= width - state.cached[:, None]
        is_new = torch.arange(n_new) >= n_new - lengths[:, None]
        inputs = {
            "input_ids": ids.where(is_new, 0),
            "attention_mask": torch.cat([is_past, is_new], 1).long(),
            self._cache_name: cache,
            "use_cache": True,
        }
        if self._has_positions:
            positions = total[:, None] + torch.arange(-n_new, 0)
            inputs["position_ids"] = positions.clamp(min=0)
        if self._keeps_logits:
            inputs["logits_to_keep"] = n_logits
        logits = self._logits(self._model(**inputs), n_logits)
        layers: list[Any] = cache.layers
        read = TransformersState(
            tuple(layer.keys for layer in layers),
            tuple(layer.values for layer in layers),
            torch.cat([state.tokens, ids], 1)[:, -self.config.block_size :],
            total,
        )
        return logits, read.trimmed()

    def _logits(self, output: Any, n_logits: int) -> Tensor:
        logits: Tensor = output.logits[:, -n_logits:, : self.config.vocab_size].float()
        return logits.index_fill(2, self._gaps, -torch.inf) if len(self._gaps) else logits

    def _checked(self, logits: Tensor) -> Tensor:
        """The logits (B, T, V). Raises LogitsNotFinite."""
        is_finite = logits.amax(-1).isfinite().all(1)  # of a row with a NaN the largest is one
        if not is_finite.all():
            raise LogitsNotFinite((~is_finite).nonzero()[:, 0].tolist())
        return logits

    def _measured_row_bytes(self) -> int:
        """Bytes of the state of a row that is about to fill the window."""
        one = torch.ones(1, dtype=torch.long)
        _, state = self._extend(self.empty_state(1), torch.zeros(1, 1, dtype=torch.long), one, 1)
        kept = sum(t.nbytes for t in (*state.keys, *state.values))
        return self.config.block_size * (kept + state.tokens.element_size())

    @torch.inference_mode()
    def largest_difference(self) -> float:
        """How far probabilities from cached, padded rows are off those of a plain forward."""
        n = min(6, self.config.block_size)
        text = [(7 * at + 3) % self.config.vocab_size for at in range(n)]
        texts = [text, text[n // 2 :]]
        ids, lengths = left_pad([row[:-1] for row in texts if len(row) > 1])
        _, state = self.extend(self.empty_state(len(ids)), ids, lengths)
        newest = torch.tensor([text[-1:]] * len(ids))
        found, _ = self.extend(state, newest, torch.ones(len(ids), dtype=torch.long))
        expected = [self(torch.tensor([row]))[0, -1] for row in texts if len(row) > 1]
        differences = found[:, -1].softmax(-1) - torch.stack(expected).softmax(-1)
        return float(differences.abs().max())


def load_transformers_model(run: TransformersRun, entry: CheckpointEntry) -> TransformersModel:
    """The model of a step. Raises BadCheckpoint, also for an architecture whose keys and values
    cannot be kept in this way.
    """
    pretrained = load_pretrained(run, entry)
    if run.limits.dtype == "int8":
        quantize_model(pretrained)
    try:
        model = TransformersModel(
            pretrained,
            n_tokens=run.model_config.vocab_size,
            block_size=run.model_config.block_size,
            gaps=run.vocabulary.gaps,
        )
        is_exact = model.largest_difference() <= _TOLERANCE[run.limits.dtype]
    except BadCheckpoint:
        raise BadCheckpoint("checkpoint.answers_not_finite", file=entry.path) from None
    except Exception:  # whatever an architecture makes of arguments that it does not expect
        is_exact = False
    if not is_exact:
        raise BadCheckpoint("transformers.not_cachable", type=run.values["model_type"][:60])
    return model
