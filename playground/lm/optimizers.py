"""Optimizers that PyTorch lacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor


class Muon(torch.optim.Optimizer):
    """Momentum with orthogonalized updates (Muon), for matrices.

    Keller Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/. A group's "sizes" is the
    list of the numbers of rows of the matrices that are stacked in each of its parameters, or None
    for a single matrix.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], lr: float, momentum: float, weight_decay: float
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        updates = [
            (p, group, self._momentum(p, group).split(group["sizes"] or [len(p)]))
            for group in self.param_groups
            for p in group["params"]
            if p.grad is not None
        ]
        orthogonal = iter(orthogonalize_all([part for *_, parts in updates for part in parts]))
        for p, group, parts in updates:
            scale = max(1.0, max(map(len, parts)) / p.shape[1]) ** 0.5
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.add_(torch.cat([next(orthogonal) for _ in parts]), alpha=-group["lr"] * scale)

    def _momentum(self, p: Tensor, group: dict[str, Any]) -> Tensor:
        """The gradient with Nesterov momentum."""
        assert p.grad is not None
        state = self.state[p]
        if not state:
            state["momentum"] = torch.zeros_like(p)
        average = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
        return p.grad.lerp(average, group["momentum"])


def orthogonalize_all(matrices: Sequence[Tensor]) -> list[Tensor]:
    """`orthogonalize` each matrix (rows, columns); those of one shape in one batched product."""
    wide = [matrix.mT if _is_tall(matrix) else matrix for matrix in matrices]
    by_shape: dict[torch.Size, list[int]] = {}
    for index, matrix in enumerate(wide):
        by_shape.setdefault(matrix.shape, []).append(index)
    done: dict[int, Tensor] = {}
    for indices in by_shape.values():
        batch = orthogonalize(torch.stack([wide[index] for index in indices]))
        done.update(zip(indices, batch, strict=True))
    return [done[i].mT if _is_tall(matrix) else done[i] for i, matrix in enumerate(matrices)]


def orthogonalize(matrices: Tensor, steps: int = 4) -> Tensor:
    """Nearly orthogonal matrices (..., rows, columns): same singular vectors, values near 1.

    Newton-Schulz iteration with the quintic of Muon, tuned for speed: the singular values end up
    between 0.6 and 1.3, which trains as well as 1. Quicker with no more rows than columns.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.reshape(-1, *matrices.shape[-2:])  # the batched product takes one more dimension
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.view_as(matrices)


def _is_tall(matrix: Tensor) -> bool:
    return matrix.shape[0] > matrix.shape[1]
