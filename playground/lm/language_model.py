"""Protocol of a language model: prefill, step and state, for generation and for scoring.

Ours (`Transformer`), and those that other libraries run, compute the logits of the next token
from a state: what the rows of a batch have read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self

from torch import Tensor


class ModelShape(Protocol):
    """Sizes of a model.

    vocab_size: number of logits. block_size: tokens of the window. is_sliding: whether a state is
    exact for ever; else a text past the window is computed anew for each token. gigaflops: of a
    forward pass over a full window.
    """

    @property
    def vocab_size(self) -> int: ...

    @property
    def block_size(self) -> int: ...

    @property
    def is_sliding(self) -> bool: ...

    @property
    def gigaflops(self) -> float: ...


class State(Protocol):
    """What B rows have read. Immutable, but for `replace`."""

    @property
    def nbytes(self) -> int: ...

    def select(self, rows: Tensor) -> Self:
        """The state of some rows (N,), in their order."""

    def split(self) -> list[Self]:
        """The state of each row."""

    def concatenate(self, others: Sequence[Self]) -> Self:
        """These rows, and then those of other states of the model."""

    def replace(self, rows: Tensor, others: Sequence[Self]) -> Self:
        """These rows, some of them (N,) replaced by the N of other states of the model.

        May write into this state's memory, which must not be used any more.
        """


class LanguageModel(Protocol):
    """Logits of next tokens. Shapes: B rows, T new tokens, V tokens of the vocabulary."""

    @property
    def config(self) -> ModelShape: ...

    @property
    def nbytes(self) -> int:
        """Bytes of parameters and buffers."""

    @property
    def token_flops(self) -> float:
        """Floating-point operations of one more token of a text."""

    @property
    def row_bytes(self) -> int:
        """Bytes of a row's state at most."""

    @property
    def rows_min(self) -> int:
        """Rows that are computed together however long it takes: they share most of the work."""

    def empty_state(self, n_rows: int) -> State:
        """The state of rows that have read nothing."""

    def extend(
        self, state: Any, ids: Tensor, lengths: Tensor, n_logits: int = 1
    ) -> tuple[Tensor, State]:
        """Read new tokens; logits (B, n_logits, V) after each of the last ones, and the state.

        state: one of this model's. ids (B, T): the last lengths[b] of row b, 1 to T, are its new
        tokens; what precedes them is ignored. A row that has read something before must have
        lengths[b] = T. A row that comes to more than block_size tokens reads the last block_size;
        n_logits is then 1. An error that names rows is of these alone: without them it works.
        """

    def __call__(self, ids: Tensor) -> Tensor:
        """Logits (B, T, V) of whole texts (B, T), T <= block_size."""
