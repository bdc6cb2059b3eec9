"""Minimises many functions on a box at once: projected BFGS in which each row stops by itself.

Dense inverse Hessians beat limited memory here: rows have at most a few hundred variables, the update is a
handful of batched operations, and it needs fewer evaluations (Nocedal and Wright 2006, chapters 6 and 16.7).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Objective = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_SUFFICIENT_DECREASE = 1e-4
_MOST_HALVINGS = 15


@dataclass(frozen=True)
class Minimum:
    """Where each row ended: `x` [b, h], `value` [b], and whether it `converged` [b] or ran out of steps."""

    x: Tensor
    value: Tensor
    converged: Tensor
    evaluations: int


def minimize(
    objective: Objective,
    start: Tensor,
    low: Tensor,
    high: Tensor,
    *,
    max_steps: int = 200,
    gradient_tolerance: float = 1e-5,
    value_tolerance: float = 1e-9,
    first_step: float = 0.2,
    longest_step: float = 0.5,
) -> Minimum:
    """Minimise each row of `start` [b, h] on the box between `low` and `high` (each [h] or [b, h]).

    `objective(x, rows)` returns values [c] and gradients [c, h] at x [c, h], where `rows` [c] says which rows
    of `start` these are. A row converges when its projected gradient or its progress is small, or when no
    step along its direction makes progress; a value that is not finite counts as no progress, and a row that
    starts at one stays there.
    """
    state = _Rows(objective, start, low, high)
    for step in range(max_steps):
        if not len(state.active):
            break
        state.advance(
            first_step if step == 0 else longest_step,
            gradient_tolerance,
            value_tolerance,
        )
    converged = torch.isfinite(state.value)
    converged[state.active] = False
    return Minimum(state.x, state.value, converged, state.evaluations)


class _Rows:
    """All rows and which of them are still active."""

    def __init__(self, objective: Objective, start: Tensor, low: Tensor, high: Tensor) -> None:
        self.objective = objective
        self.low, self.high = low.expand_as(start), high.expand_as(start)
        self.x = torch.minimum(torch.maximum(start, self.low), self.high)
        self.active = torch.arange(len(start), device=start.device)
        self.evaluations = 0
        self.value, self.gradient = self._evaluate(self.x, self.active)
        h = start.shape[1]
        self.inverse_hessian = torch.eye(h, dtype=start.dtype, device=start.device).repeat(len(start), 1, 1)
        self.fresh = torch.ones(len(start), dtype=torch.bool, device=start.device)
        self.active = self.active[torch.isfinite(self.value)]

    def _evaluate(self, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        self.evaluations += len(rows)
        return self.objective(x, rows)

    def advance(self, longest: float, gradient_tolerance: float, value_tolerance: float) -> None:
        rows = self.active
        x, value, gradient = self.x[rows], self.value[rows], self.gradient[rows]
        low, high = self.low[rows], self.high[rows]
        free = ~(((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0)))
        direction = self._direction(rows, gradient * free, free)
        new_x, new_value, new_gradient, moved = self._search(rows, x, value, gradient, direction, longest)

        self._update(rows[moved], (new_x - x)[moved] * free[moved], (new_gradient - gradient)[moved] * free[moved])
        kept = rows[moved]
        self.x[kept], self.value[kept], self.gradient[kept] = new_x[moved], new_value[moved], new_gradient[moved]

        residual = (torch.clamp(new_x - new_gradient, low, high) - new_x).abs().amax(1)
        progress = value - new_value
        small = (residual < gradient_tolerance) | (progress <= value_tolerance * value.abs().clamp(min=1.0))
        # A row that made no progress from a learnt curvature gets one more try along its plain gradient.
        restart = ~moved & ~self.fresh[rows]
        self._forget(rows[restart])
        self.active = rows[restart | (moved & ~small)]

    def _direction(self, rows: Tensor, gradient: Tensor, free: Tensor) -> Tensor:
        direction = -(self.inverse_hessian[rows] @ gradient.unsqueeze(2)).squeeze(2) * free
        uphill = (direction * gradient).sum(1) >= -1e-14 * gradient.norm(dim=1) * direction.norm(dim=1)
        return torch.where(uphill.unsqueeze(1), -gradient, direction)

    def _search(
        self, rows: Tensor, x: Tensor, value: Tensor, gradient: Tensor, direction: Tensor, longest: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Backtrack along the projected direction until the decrease suffices (Armijo)."""
        low, high = self.low[rows], self.high[rows]
        slope = (gradient * direction).sum(1)
        step = (longest / direction.abs().amax(1).clamp(min=1e-300)).clamp(max=1.0)
        new_x, new_value, new_gradient = x.clone(), value.clone(), gradient.clone()
        todo = torch.arange(len(rows), device=x.device)
        for _ in range(_MOST_HALVINGS):
            trial = torch.clamp(x[todo] + step[todo, None] * direction[todo], low[todo], high[todo])
            trial_value, trial_gradient = self._evaluate(trial, rows[todo])
            enough = value[todo] + _SUFFICIENT_DECREASE * ((trial - x[todo]) * gradient[todo]).sum(1)
            good = trial_value <= enough
            done = todo[good]
            new_x[done], new_value[done], new_gradient[done] = trial[good], trial_value[good], trial_gradient[good]
            if good.all():
                todo = todo[:0]
                break
            todo, excess = todo[~good], (trial_value - value[todo])[~good]
            step[todo] = _shorter(step[todo], slope[todo], excess)
        moved = torch.ones(len(rows), dtype=torch.bool, device=x.device)
        moved[todo] = False
        return new_x, new_value, new_gradient, moved

    def _update(self, rows: Tensor, s: Tensor, y: Tensor) -> None:
        """Update the inverse Hessians [b, h, h] (Nocedal and Wright 2006, equations 6.17 and 6.20)."""
        sy = (s * y).sum(1)
        curved = sy > 1e-10 * s.norm(dim=1) * y.norm(dim=1)
        rows, s, y, sy = rows[curved], s[curved], y[curved], sy[curved]
        if not len(rows):
            return
        H = self.inverse_hessian[rows]
        H = torch.where(self.fresh[rows, None, None], H * (sy / (y * y).sum(1))[:, None, None], H)
        Hy = (H @ y.unsqueeze(2)).squeeze(2)
        rank_one = s.unsqueeze(2) * Hy.unsqueeze(1)
        weight = ((sy + (y * Hy).sum(1)) / sy**2)[:, None, None]
        H = H + weight * (s.unsqueeze(2) * s.unsqueeze(1)) - (rank_one + rank_one.mT) / sy[:, None, None]
        self.inverse_hessian[rows] = H
        self.fresh[rows] = False

    def _forget(self, rows: Tensor) -> None:
        h = self.x.shape[1]
        self.inverse_hessian[rows] = torch.eye(h, dtype=self.x.dtype, device=self.x.device)
        self.fresh[rows] = True


def _shorter(step: Tensor, slope: Tensor, excess: Tensor) -> Tensor:
    """Return the minimum of the parabola through what is known, between a tenth and a half of the step."""
    parabola = -slope * step**2 / (2 * (excess - slope * step))
    parabola = torch.where(torch.isfinite(parabola), parabola, 0.1 * step)
    return torch.minimum(torch.maximum(parabola, 0.1 * step), 0.5 * step)
