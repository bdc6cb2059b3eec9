"""Minimise many functions on a box at once by projected BFGS; each row stops by itself.

Dense inverse Hessians beat limited memory here: rows have at most a few hundred variables, the update is a handful of
batched operations, and fewer evaluations are needed (Nocedal and Wright 2006, chapters 6 and 16.7). The rows' states
are small and live in NumPy. The expensive objective may live on a device, and is called for all active rows at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Objective = Callable[[Array, NDArray[np.intp]], tuple[Array, Array]]
Ending = Literal["out of steps", "converged", "no progress", "hopeless", "not finite"]

_SUFFICIENT_DECREASE = 1e-4
_ROUNDING = 1e-14
_MOST_HALVINGS = 15
_TRUSTED_AFTER = 4
_LAST_STEP_OVER_NEXT = 10.0
_ENDINGS: tuple[Ending, ...] = get_args(Ending)
# The codes of endings in the rows' state. An active row has 0: it is out of steps unless it ends earlier.
_OUT_OF_STEPS, _CONVERGED, _NO_PROGRESS, _HOPELESS, _NOT_FINITE = range(5)


@dataclass(frozen=True)
class Minimum:
    """The end of each row: `x` [b, h], `value` [b], the kind of ending, and the inverse Hessian [b, h, h]."""

    x: Array
    value: Array
    endings: tuple[Ending, ...]
    inverse_hessian: Array
    evaluations: int


@dataclass(frozen=True)
class Stopping:
    """When a row stops: its projected gradient is small, no decrease is left, or it can no longer win.

    No decrease is left if a step has gained less than ten times `progress`, and the row's own curvature, which that
    step confirmed, predicts less than `progress` for the next one. With `give_up`, a row stops if it is worse than the
    best row by more than `give_up`, and would still be worse after ten times the decrease that its own curvature
    predicts.
    """

    gradient: float = 1e-5
    progress: float = 1e-9
    give_up: float | None = None


def minimize(
    objective: Objective,
    start: Array,
    low: Array,
    high: Array,
    *,
    stopping: Stopping = Stopping(),
    max_rounds: int = 200,
    first_step: float = 0.2,
    longest_step: float = 0.5,
    metric: Array | None = None,
    inverse_hessian: Array | None = None,
) -> Minimum:
    """Minimise each row of `start` [b, h] on the box between `low` and `high` (each [h] or [b, h]).

    `objective(x, rows)` returns values [c] and gradients [c, h] at x [c, h]; `rows` [c] are the indices of these rows
    in `start`. Each round evaluates every active row once. A value that is not finite counts as no progress, and a row
    that starts at one stays there. `inverse_hessian` [b, h, h] is a first guess, if there is one; otherwise `metric`
    [h] sets how far the variables move in proportion to each other.
    """
    squares = np.eye(start.shape[1]) if metric is None else np.diag(metric**2)
    walk = _Walk(objective, start, low, high, first_step, longest_step, squares, inverse_hessian)
    for _ in range(max_rounds):
        if not len(walk.rows):
            break
        walk.advance(stopping)
    walk.leave(np.ones(len(walk.rows), bool), np.full(len(walk.rows), _OUT_OF_STEPS))
    endings: tuple[Ending, ...] = tuple(_ENDINGS[i] for i in walk.ending.tolist())
    return Minimum(walk.end_x, walk.end_value, endings, walk.end_H, walk.evaluations)


class _Walk:
    """The rows that are still active, and the ends of those that have left."""

    def __init__(
        self,
        objective: Objective,
        start: Array,
        low: Array,
        high: Array,
        first_step: float,
        longest_step: float,
        squares: Array,
        inverse_hessian: Array | None,
    ) -> None:
        b = len(start)
        self.objective, self.longest_step, self.squares = objective, longest_step, squares
        self.low, self.high = np.broadcast_to(low, start.shape), np.broadcast_to(high, start.shape)
        self.rows = np.arange(b)
        self.x = np.minimum(np.maximum(start, self.low), self.high)
        self.value, self.gradient = objective(self.x, self.rows)
        self.evaluations = b
        self.fresh = np.full(b, inverse_hessian is None)
        # Whether the last step taught a row its curvature.
        self.learnt = np.zeros(b, bool)
        self.H = np.tile(squares, (b, 1, 1)) if inverse_hessian is None else inverse_hessian.copy()
        self.accepted, self.halvings = np.zeros(b, np.intp), np.zeros(b, np.intp)
        self.end_x, self.end_value, self.end_H = self.x.copy(), self.value.copy(), self.H.copy()
        self.ending = np.zeros(b, np.intp)
        self.direction, self.step = np.zeros_like(self.x), np.zeros(b)
        self.slope, self.residual = np.zeros(b), np.zeros(b)
        self.leave(~np.isfinite(self.value), np.full(b, _NOT_FINITE))
        self._aim(slice(None), first_step if inverse_hessian is None else longest_step)

    def advance(self, stopping: Stopping) -> None:
        """Evaluate each row's next trial, move rows that decreased enough, and shorten the step of the others."""
        trial = np.minimum(np.maximum(self.x + self.step[:, None] * self.direction, self.low), self.high)
        value, gradient = self.objective(trial, self.rows)
        self.evaluations += len(trial)
        moved = trial - self.x
        with np.errstate(invalid="ignore"):
            good = value <= self.value + _SUFFICIENT_DECREASE * np.vecdot(moved, self.gradient)
        progress = self.value - value
        all_good = _all(good)
        if not all_good:
            self._shorten(~good, value)
        which = slice(None) if all_good else np.flatnonzero(good)
        if all_good or len(which):  # pyright: ignore[reportArgumentType]
            self._update(which, moved[which], gradient[which] - self.gradient[which])
            self.x[which], self.value[which], self.gradient[which] = trial[which], value[which], gradient[which]
            self.accepted[which] += 1
            self.halvings[which] = 0
            self._aim(which, self.longest_step)
        self._stop(good, progress, stopping)

    def leave(self, leaving: NDArray[np.bool_], ending: NDArray[np.intp]) -> None:
        """End rows at their present position, and remove them from the active ones."""
        if not _any(leaving):
            return
        out, stay = self.rows[leaving], ~leaving
        self.end_x[out], self.end_value[out], self.end_H[out] = self.x[leaving], self.value[leaving], self.H[leaving]
        self.ending[out] = ending[leaving]
        for name in ("rows", "x", "value", "gradient", "H", "fresh", "direction", "step", "slope", "residual"):
            setattr(self, name, getattr(self, name)[stay])
        for name in ("low", "high", "accepted", "halvings", "learnt"):
            setattr(self, name, getattr(self, name)[stay])

    def _aim(self, which: slice | NDArray[np.intp], longest: float) -> None:
        """Set the direction, its slope and the first step along it; variables held by a bound are left out."""
        x, gradient = self.x[which], self.gradient[which]
        held = np.where(np.where(gradient > 0, x <= self.low[which], x >= self.high[which]), 0.0, gradient)
        direction = np.where(held == 0.0, 0.0, -(self.H[which] @ held[:, :, None])[:, :, 0])
        slope = np.vecdot(direction, held)
        uphill = ~(slope < 0.0)
        if _any(uphill):
            direction[uphill], slope[uphill] = -held[uphill], -(held[uphill] ** 2).sum(1)
        self.direction[which], self.slope[which] = direction, slope
        self.residual[which] = np.abs(held).max(1)
        self.step[which] = np.minimum(longest / np.maximum(np.abs(direction).max(1), 1e-300), 1.0)

    def _shorten(self, bad: NDArray[np.bool_], value: Array) -> None:
        """Shorten steps to the minimum of the parabola through the known values, but to a tenth to a half."""
        step, slope = self.step[bad], self.slope[bad]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            excess = value[bad] - self.value[bad]
            parabola = -slope * step**2 / (2.0 * (excess - slope * step))
        parabola = np.where(np.isfinite(parabola), parabola, 0.1 * step)
        self.step[bad] = np.minimum(np.maximum(parabola, 0.1 * step), 0.5 * step)
        self.halvings[bad] += 1

    def _update(self, which: slice | NDArray[np.intp], s: Array, y: Array) -> None:
        """Update the inverse Hessians (Nocedal and Wright 2006, equations 6.17 and 6.20)."""
        sy, yy = np.vecdot(s, y), np.vecdot(y, y)
        curved = sy > 1e-10 * np.sqrt(np.vecdot(s, s) * yy)
        self.learnt[which] = curved
        if not _all(curved):
            if not _any(curved):
                return
            which = np.arange(len(self.rows))[which][curved]
            s, y, sy = s[curved], y[curved], sy[curved]
        H, fresh = self.H[which], self.fresh[which]
        Hy = (H @ y[:, :, None])[:, :, 0]
        if _any(fresh):
            scale = np.where(fresh, sy / np.vecdot(y, Hy), 1.0)
            H, Hy = H * scale[:, None, None], Hy * scale[:, None]
            self.fresh[which] = False
        # H + (1 + y'Hy/s'y) ss'/s'y − (Hy s' + s Hy')/s'y = H + s v' + v s' with one vector v.
        v = ((0.5 + 0.5 * np.vecdot(y, Hy) / sy)[:, None] * s - Hy) / sy[:, None]
        outer = s[:, :, None] * v[:, None, :]
        self.H[which] = H + outer + outer.transpose(0, 2, 1)

    def _stop(self, moved: NDArray[np.bool_], progress: Array, stopping: Stopping) -> None:
        least = np.maximum(stopping.progress, _ROUNDING * np.abs(self.value))
        # −slope/2 is the decrease that a row's own curvature predicts.
        small = self.learnt & (-0.5 * self.slope <= least) & (progress <= _LAST_STEP_OVER_NEXT * least)
        ending = np.where(moved & (small | (self.residual < stopping.gradient)), _CONVERGED, 0)
        stuck = self.halvings > _MOST_HALVINGS
        if _any(stuck):
            # A row that made no progress with a learnt curvature gets one more try along its plain gradient.
            again = np.flatnonzero(stuck & ~self.fresh)
            self.H[again], self.fresh[again], self.halvings[again] = self.squares, True, 0
            self._aim(again, self.longest_step)
            stuck[again] = False
            ending[stuck] = _NO_PROGRESS
        if stopping.give_up is not None:
            behind = self.value - min(self.value.min(), self.end_value.min())
            hopeless = (behind > stopping.give_up) & (behind > -5.0 * self.slope) & (self.accepted >= _TRUSTED_AFTER)
            ending = np.where(hopeless & (ending == 0), _HOPELESS, ending)
        self.leave(ending > 0, ending)


# Rows are few, and counting takes a tenth of the time of NumPy's own `any` and `all`.
def _any(rows: NDArray[np.bool_]) -> bool:
    return bool(np.count_nonzero(rows))


def _all(rows: NDArray[np.bool_]) -> bool:
    return bool(np.count_nonzero(rows) == rows.size)
