"""Training: batches, optimizers, learning rate schedule, validation loss. No IO, clock or thread.

Deterministic: an update is a function of the weights, the optimizers' state and (seed, step), so
that a resumed run has the losses of an uninterrupted one. (To the bit with the same number of
threads only: sums over a batch are split among them.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from playground.lm.model import Transformer
from playground.lm.optimizers import Muon

SEED_MAX = 2**31 - 1

# Batch size of a validation: bounds its memory.
_WINDOWS_AT_ONCE = 128
_LOGITS_AT_ONCE = 2**25


@dataclass(frozen=True, slots=True)
class TrainingParams:
    """Training hyperparameters. Raises ValueError for a value out of range.

    steps         updates, 1 or more
    batch_size    windows in an update, 1 or more
    optimizer     "muon": Muon for the layers' matrices, AdamW for the rest; "adamw": AdamW for all
    lr            AdamW's peak rate
    matrix_lr     Muon's peak rate
    momentum      Muon's
    weight_decay  AdamW's and Muon's, as a fraction of the rate; for the layers' matrices only
    dropout       fraction of each layer's contribution that is left out in training
    warmup        steps until the rates reach their peak
    decay         the last part of the run, 0 to 1, in which the rates fall to zero
    seed          of the first weights, the batches and the dropout
    """

    steps: int = 2000
    batch_size: int = 64
    optimizer: str = "muon"
    lr: float = 0.02
    matrix_lr: float = 0.05
    momentum: float = 0.95
    weight_decay: float = 0.0
    dropout: float = 0.0
    warmup: int = 5
    decay: float = 0.8
    seed: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 1:
            raise ValueError("steps and batch_size must be 1 or more.")
        if self.optimizer not in ("muon", "adamw"):
            raise ValueError('optimizer must be "muon" or "adamw".')
        if min(self.lr, self.matrix_lr, self.momentum, self.weight_decay, self.warmup) < 0:
            raise ValueError("rates, momentum, weight_decay and warmup must not be negative.")
        if not 0 <= self.decay <= 1 or not 0 <= self.dropout < 1:
            raise ValueError("decay and dropout must be fractions.")
        if not 0 <= self.seed <= SEED_MAX:
            raise ValueError(f"seed must be from 0 to {SEED_MAX}.")


@dataclass(frozen=True, slots=True)
class Update:
    """Result of one optimizer step.

    step counts from 1; loss is the batch's mean, in nats per token, before the update; lr is the
    fraction of the peak rates; tokens are those seen so far, repeats included.
    """

    step: int
    loss: float
    lr: float
    tokens: int


class Trainer:
    """Training loop: `update()` makes one optimizer step, the state methods save and restore it."""

    def __init__(
        self,
        model: Transformer,
        ids: Tensor,
        params: TrainingParams,
        starts: Tensor | None = None,
    ) -> None:
        """Trains `model` in place on token ids (N,). Raises ValueError if they fill no window.

        Windows begin anywhere, or at one of `starts`, each as likely as often as it is listed.
        """
        n_starts = len(ids) - model.config.block_size
        if n_starts < 1:
            raise ValueError(f"The text must have more than {model.config.block_size} characters.")
        self.model, self.ids, self.params = model, ids, params
        self.starts = torch.arange(n_starts) if starts is None else starts[starts < n_starts]
        self.step = 0
        self.optimizers = make_optimizers(model, params)

    def update(self) -> Update:
        """Make one optimizer step. The global random state is left unchanged."""
        model, params = self.model, self.params
        fraction = schedule(self.step, params)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak_lr"] * fraction
        seed = params.seed * 1_000_003 + self.step
        inputs, targets = self._batch(seed)
        model.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # dropout draws from the global generator
            logits = model(inputs, dropout=params.dropout)  # (B, T, V)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        model.eval()
        self.step += 1
        tokens = self.step * params.batch_size * model.config.block_size
        return Update(self.step, loss.item(), fraction, tokens)

    def _batch(self, seed: int) -> tuple[Tensor, Tensor]:
        """Random windows: inputs (B, T) and targets (B, T), shifted by one."""
        generator = torch.Generator().manual_seed(seed)
        rows = (self.params.batch_size, 1)
        start = self.starts[torch.randint(len(self.starts), rows, generator=generator)]
        windows = self.ids[start + torch.arange(self.model.config.block_size + 1)]  # (B, T + 1)
        return windows[:, :-1], windows[:, 1:]

    def state_dict(self) -> dict[str, Tensor]:
        """Weights, optimizers' state and step, as a flat dict of tensors."""
        state = {f"model.{name}": p.detach() for name, p in self.model.named_parameters()}
        for name, p in self.model.named_parameters():
            for optimizer in self.optimizers:
                for key, value in optimizer.state.get(p, {}).items():
                    state[f"optimizer.{name}.{key}"] = value
        return state | {"step": torch.tensor(self.step)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restore a `state_dict()` of a run with the same model, text and params."""
        own = dict(self.model.named_parameters())
        self.model.load_state_dict({name: state[f"model.{name}"] for name in own})
        names = {p: name for name, p in own.items()}
        for optimizer in self.optimizers:
            for p in (p for group in optimizer.param_groups for p in group["params"]):
                saved = _with_prefix_removed(state, f"optimizer.{names[p]}.")
                if saved:
                    optimizer.state[p] = saved
        self.step = int(state["step"])


def _with_prefix_removed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    found = (key for key in state if key.startswith(prefix))
    return {key[len(prefix) :]: state[key].clone() for key in found}


def train(
    model: Transformer,
    ids: Tensor,
    params: TrainingParams,
    starts: Tensor | None = None,
    state: dict[str, Tensor] | None = None,
) -> Iterator[Update]:
    """Train in place, one Update a step; `state` continues an earlier run."""
    trainer = Trainer(model, ids, params, starts)
    if state is not None:
        trainer.load_state_dict(state)
    while trainer.step < params.steps:
        yield trainer.update()


def schedule(step: int, params: TrainingParams) -> float:
    """Fraction of the peak rates at a step from 0: linear warmup, constant, linear decay."""
    up = (step + 1) / (params.warmup + 1)
    down = (params.steps - step) / (params.steps * params.decay) if params.decay else 1.0
    return min(1.0, up, down)


@torch.inference_mode()
def validation_loss(model: Transformer, ids: Tensor, block_size: int = 64) -> float:
    """Mean nats per token over all of ids (N,), N >= 2, each token but the first once.

    The text is cut into non-overlapping windows of block_size inputs, the last one shorter; a
    window's targets are its inputs shifted by one, so that window k predicts the tokens
    k * block_size + 1 to (k + 1) * block_size, each from what precedes it in the window.
    """
    was_training = model.training
    model.eval()
    n_windows = (len(ids) - 1) // block_size
    cut = n_windows * block_size
    inputs, targets = ids[:cut].view(-1, block_size), ids[1 : cut + 1].view(-1, block_size)
    n_fitting = max(1, _LOGITS_AT_ONCE // (block_size * model.config.vocab_size))
    n_at_once = min(_WINDOWS_AT_ONCE, n_fitting)
    pieces = [*zip(inputs.split(n_at_once), targets.split(n_at_once), strict=True)]
    pieces.append((ids[None, cut:-1], ids[None, cut + 1 :]))
    total = sum(
        F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item()
        for x, y in pieces
        if x.numel()
    )
    model.train(was_training)
    return total / (len(ids) - 1)


def make_optimizers(model: Transformer, params: TrainingParams) -> list[torch.optim.Optimizer]:
    """The optimizers of a run; each group has its peak learning rate as "peak_lr"."""
    keys, values = model.config.key_width, model.config.n_embd
    stacked = [block.qkv for block in model.blocks]
    single = [p for block in model.blocks for p in (block.out, block.up, block.down)]
    single = [p for p in single if p is not None]
    matrices = {id(p) for p in (*stacked, *single)}
    rest = [p for p in model.parameters() if id(p) not in matrices]
    groups: list[dict[str, Any]] = [{"params": rest, "weight_decay": 0.0}]
    optimizers: list[torch.optim.Optimizer] = []
    if params.optimizer == "muon":
        optimizers.append(
            Muon(
                [
                    {"params": stacked, "sizes": [keys, keys, values]},
                    {"params": single, "sizes": None},
                ],
                lr=params.matrix_lr,
                momentum=params.momentum,
                weight_decay=params.weight_decay,
            )
        )
    else:
        groups.append({"params": [*stacked, *single], "weight_decay": params.weight_decay})
    optimizers.append(torch.optim.AdamW(groups, lr=params.lr, betas=(0.9, 0.95), fused=True))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers
