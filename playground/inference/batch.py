"""Continuous batching: the running batch of one model, which requests join and leave.

Each iteration decodes one token of every row and samples all rows in one call (Orca, Yu et al.,
OSDI 2022; as in vLLM and SGLang). A row's tokens do not depend on the other rows, nor on when it
joined, and a row whose logits are not finite fails alone.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from playground.errors import LogitsNotFinite
from playground.inference.prefix_cache import PrefixCache
from playground.lm.generation import Steps, sample_steps
from playground.lm.incremental import left_pad
from playground.lm.language_model import LanguageModel, State
from playground.lm.sampling import Array, BatchParams, SamplingParams, philox_uniforms

PREFILL_POSITIONS = 1024  # of an iteration: new texts do not hold up those being written
QUANTUM_SECONDS = 0.25  # of its batch's iterations, after which a row makes room for those who wait
ITERATION_SECONDS = 0.1  # aimed at, where rows of a large model take long
# A crowd's iterations begin so far apart at least: more rows share one's fixed cost, which is that
# of 30 tokens of a small model (as with the queue delay of Triton's dynamic batcher).
ITERATION_INTERVAL_SECONDS = 0.008
CROWD_ROWS = 8
PACED_TOKENS_MAX = 64  # whoever wants more would be held up too long
UNPACED_TOKENS = 4  # whoever wants so few has pressed Step
STATE_BYTES_MAX = 256 * 2**20  # of a batch
MEASURED_ROWS = 16  # with fewer, the fixed cost says little about many
TOKEN_SECONDS = 50e-6  # a token's estimated cost besides its arithmetic, until it was measured
FLOPS = 20e9  # a thread's estimated arithmetic operations a second


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """n tokens after a text of token ids, of which the model sees the last block_size.

    position: absolute index of the first new token. seconds_max: longest time that it may take; one
    that would take longer is refused.
    """

    ids: tuple[int, ...]
    params: SamplingParams
    n: int
    position: int
    seconds_max: float = math.inf


@dataclass(slots=True, eq=False)
class Row:
    """A request in a batch, or waiting to join it, and how far it is.

    future: of the one who asked, cancelled when nobody waits any more. error: why it was ended.
    """

    request: GenerationRequest
    future: asyncio.Future[Steps]
    n_done: int = 0
    error: Exception | None = None
    steps: Steps = field(init=False)  # these two from when it first joins a batch
    u: Array | None = None
    state: State | None = None  # of a row that is not in a batch
    joined_at: float = 0.0

    @property
    def n_left(self) -> int:
        return self.request.n - self.n_done

    @property
    def is_cancelled(self) -> bool:
        return self.future.cancelled()

    def read(self) -> list[int]:
        """The ids that the row's state has read: all but the newest token."""
        return [*self.request.ids, *self.steps.token[: self.n_done].tolist()][:-1]

    def newest(self) -> int:
        return int(self.steps.token[self.n_done - 1]) if self.n_done else self.request.ids[-1]


class RunningBatch:
    """The rows of one model that are being generated, and those that wait to join them.

    `add` is called by one thread, `run_iteration` by one thread at a time.
    seconds: time that the iterations took. token_seconds: that of a token in a batch of many.
    """

    def __init__(
        self,
        key: Hashable,
        model: LanguageModel,
        prefixes: PrefixCache,
        rows_max: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.model = model
        self.waiting: deque[Row] = deque()
        self.rows: list[Row] = []
        self._vacant: list[int] = []  # indices of rows that are done, or have left
        self._joining: list[Row] = []  # neither waiting nor rows yet
        self._failed: list[Row] = []  # in this iteration
        self.seconds = 0.0
        self._due = 0.0  # when the next one may begin, by the clock; 0 for at once
        self._n_added = self._n_gone = 0  # tokens; two counters, as each is written by one thread
        self._key, self._prefixes, self._clock = key, prefixes, clock
        self._state = model.empty_state(0)
        self._params = BatchParams.stack([])
        self._newest = torch.empty(0, 1, dtype=torch.long)
        fitting = max(model.rows_min, STATE_BYTES_MAX // model.row_bytes)
        self._rows_max = max(1, min(rows_max, fitting))
        self.token_seconds = self._row_seconds = estimated_token_seconds(model)

    def add(self, row: Row) -> None:
        self._n_added += row.n_left
        self.waiting.append(row)
        if row.n_left <= UNPACED_TOKENS:
            self._due = 0.0

    @property
    def delay(self) -> float:
        """Seconds until the next iteration may begin."""
        return max(0.0, self._due - self._clock()) if self._due else 0.0

    @property
    def pending_seconds(self) -> float:
        """The time that all rows, those that wait included, still take, about."""
        return (self._n_added - self._n_gone) * self.token_seconds

    @property
    def under_way(self) -> list[Row]:
        """All rows, those that wait included; also after an iteration that raised an exception."""
        rows = [row for row in self.rows if row.n_left]
        return [*self._failed, *rows, *self._joining, *self.waiting]

    @property
    def n_under_way(self) -> int:
        return self._n_active + len(self._joining) + len(self.waiting)

    @property
    def _n_active(self) -> int:
        return len(self.rows) - len(self._vacant)

    def run_iteration(self) -> list[Row]:
        """Decode and sample one token of every row; returns the rows that are done or failed."""
        begun = self._clock()
        self._failed = []
        self._leave()
        self._join()
        n_rows = len(self.rows)
        if n_rows:
            self._decode()
        done = self._finish()
        seconds = self._clock() - begun
        self.seconds += seconds
        self._due = begun + ITERATION_INTERVAL_SECONDS if self._is_paced else 0.0
        if n_rows:
            self._row_seconds += 0.2 * (seconds / n_rows - self._row_seconds)
        if n_rows >= MEASURED_ROWS:
            self.token_seconds = self._row_seconds
        return done + self._failed

    @property
    def _is_paced(self) -> bool:
        """Whether enough rows take part, and each can wait."""
        enough = self._n_active >= CROWD_ROWS
        return enough and all(row.n_left <= PACED_TOKENS_MAX for row in self.rows)

    def _room(self) -> int:
        """Number of rows that an iteration may have."""
        in_time = max(self.model.rows_min, int(ITERATION_SECONDS / self._row_seconds))
        return max(1, min(self._rows_max, in_time))

    def _leave(self) -> None:
        """Free the places of rows that were cancelled, and where others wait, of those that have
        had their quantum: they wait behind them."""
        excess = len(self.waiting) - (self._room() - self._n_active)
        for index, row in enumerate(self.rows):
            if row.is_cancelled and row.n_left:
                self._n_gone += row.n_left
                self._vacant.append(index)
            elif excess > 0 and row.n_left and self.seconds - row.joined_at >= QUANTUM_SECONDS:
                row.state = self._state.select(torch.tensor([index]))
                self.waiting.append(row)
                self._vacant.append(index)
                excess -= 1

    def _join(self) -> None:
        """Admit those who wait to the batch; texts whose state is not cached are prefilled."""
        size = self.model.config.block_size
        prefills_left = max(1, PREFILL_POSITIONS // size)
        joining = self._joining
        unread: dict[tuple[int, ...], list[Row]] = {}
        while self.waiting and self._n_active + len(joining) < self._room():
            row = self.waiting.popleft()
            if row.is_cancelled:
                self._n_gone += row.n_left
                continue
            past = row.request.ids[:-1]
            if row.state is None:
                row.state = self._known_state(past)
            if row.state is None:
                if past not in unread and len(unread) == prefills_left:
                    self.waiting.appendleft(row)
                    break
                unread.setdefault(past, []).append(row)
            joining.append(row)
        if joining:
            self._prefill(unread)
            joining = [row for row in joining if row.error is None]
            _prepare([row for row in joining if row.u is None], self.model)
        if joining or self._vacant:
            self._exchange(joining)
        self._joining, self._vacant = [], []

    def _known_state(self, past: tuple[int, ...]) -> State | None:
        return self._prefixes.get(self._key, self.model, past) if past else None

    def _prefill(self, unread: dict[tuple[int, ...], list[Row]]) -> None:
        """Read texts, equal ones once; one that is empty needs no reading."""
        for row in unread.pop((), ()):
            row.state = self.model.empty_state(1)
        if not unread:
            return
        nothing, texts = self.model.empty_state(len(unread)), [*unread]
        try:
            _, states = self.model.extend(nothing, *left_pad(texts))
        except LogitsNotFinite as error:
            for index in error.rows:
                self._fail(unread.pop(texts[index]), error)
            self._prefill(unread)
            return
        for state, (past, rows) in zip(states.split(), unread.items(), strict=True):
            self._prefixes.put(self._key, self.model, past, state)
            for row in rows:
                row.state = state

    def _exchange(self, joining: list[Row]) -> None:
        """Put rows in the places of those that have left; what is over is removed, or appended."""
        n_rows, n_replaced = len(self.rows), min(len(joining), len(self._vacant))
        states = []
        for row in joining:
            assert row.state is not None
            states.append(row.state)
            row.state, row.joined_at = None, self.seconds
        if n_replaced:
            replaced = torch.tensor(self._vacant[:n_replaced])
            self._state = self._state.replace(replaced, states[:n_replaced])
        if n_replaced < len(joining):
            self._state = self._state.concatenate(states[n_replaced:])
        order = [*range(n_rows), *range(n_rows + n_replaced, n_rows + len(joining))]
        for joined, index in enumerate(self._vacant[:n_replaced], n_rows):
            order[index] = joined
        if removed := set(self._vacant[n_replaced:]):
            stay = [index for index in range(n_rows) if index not in removed]
            self._state = self._state.select(torch.tensor(stay, dtype=torch.long))
            order = [order[index] for index in stay]
        rows = [*self.rows, *joining]
        self.rows = [rows[index] for index in order]
        params = BatchParams.stack([row.request.params for row in joining])
        self._params = self._params.concatenate(params).select(order)
        newest = torch.tensor([[row.newest()] for row in joining], dtype=torch.long)
        self._newest = torch.cat([self._newest, newest.view(-1, 1)])[order]

    def _fail(self, rows: Sequence[Row], error: Exception) -> None:
        for row in rows:
            row.error = error
            self._n_gone += row.n_left
        self._failed += rows

    def _decode(self) -> None:
        one = torch.ones(len(self.rows), dtype=torch.long)
        try:
            logits, self._state = self.model.extend(self._state, self._newest, one)
        except LogitsNotFinite as error:
            self._fail([self.rows[index] for index in error.rows], error)
            self._vacant = [*error.rows]
            self._exchange([])
            self._vacant = []
            if self.rows:
                self._decode()
            return
        u = np.array([row.u[row.n_done] for row in self.rows if row.u is not None])
        steps = sample_steps(logits[:, -1].numpy(), self._params, u)
        for index, row in enumerate(self.rows):
            row.steps.put(row.n_done, steps, index)
            row.n_done += 1
        self._newest = torch.from_numpy(steps.token[:, None])
        self._n_gone += len(self.rows)

    def _finish(self) -> list[Row]:
        """The rows that are done; their states are kept for whoever continues them."""
        done = [index for index, row in enumerate(self.rows) if not row.n_left]
        if not done:
            return []
        finished = [self.rows[index] for index in done]
        states = self._state.select(torch.tensor(done)).split()
        for row, state in zip(finished, states, strict=True):
            self._prefixes.put(self._key, self.model, row.read(), state)
        self._vacant = done
        return finished


def estimated_token_seconds(model: LanguageModel) -> float:
    """Time that a token takes in a batch of many, before any was measured."""
    return TOKEN_SECONDS + model.token_flops / FLOPS


def _prepare(rows: Sequence[Row], model: LanguageModel) -> None:
    """Draw the random numbers of rows, all in one call, and make room for their steps."""
    if not rows:
        return
    requests = [row.request for row in rows]
    lengths = [request.n for request in requests]
    seeds = np.repeat(np.array([r.params.seed for r in requests], np.uint64), lengths)
    positions = [np.arange(r.position, r.position + r.n, dtype=np.uint64) for r in requests]
    uniforms = philox_uniforms(seeds, np.concatenate(positions))
    for row, u in zip(rows, np.split(uniforms, np.cumsum(lengths)[:-1]), strict=True):
        row.u, row.steps = u, Steps.empty(len(u), model.config.vocab_size)
