"""The question to every contestant: noisy values of a smooth function, as a campaign of that size would hold them."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from overnight.evaluators.synthetic_functions import SYNTHETIC_FUNCTIONS

Array = NDArray[np.float64]

NOISE = 0.1
# Six of the twenty parameters matter most; they are scattered among the others.
DECISIVE = (0, 3, 7, 11, 14, 18)
_SLOPE = 0.05
_STEP = (0.02, 0.2)
_BLOCK = 10


@dataclass(frozen=True, order=True)
class Cell:
    """One size of the question: n observed points, d parameters, the number of pending trials, q points to ask for."""

    n: int
    d: int
    pending: int
    q: int

    def __str__(self) -> str:
        return f"{self.n}/{self.d}/{self.pending}/{self.q}"

    @classmethod
    def of(cls, text: str) -> "Cell":
        """Parse a cell from its printed form."""
        parts = text.split("/")
        if len(parts) != 4 or not all(part.isdigit() for part in parts):
            raise ValueError(f"cell: expected n/d/pending/q such as 100/6/8/1, got {text!r}")
        return cls(*map(int, parts))


def grid(
    n: Iterable[int] = (25, 100, 300, 1000),
    d: Iterable[int] = (6, 20),
    pending: Iterable[int] = (0, 8),
    q: Iterable[int] = (1, 4),
) -> list[Cell]:
    """Return every cell, small ones first."""
    return sorted(Cell(*sizes) for sizes in product(n, d, pending, q))


@dataclass(frozen=True)
class Problem:
    """Points X [n, d] in the unit cube, their noisy values y [n] to minimise, and pending points [p, d]."""

    cell: Cell
    seed: int
    X: Array
    y: Array
    pending: Array


def problem_of(cell: Cell, seed: int) -> Problem:
    """Return the question of a cell: half of the points spread evenly, half around the best so far.

    The second half is found as in a campaign: each block lies around the best point before it, at distances from a
    fiftieth to a fifth of the cube. The pending points come from the next such block. The noise has a tenth of the
    standard deviation of the values at these points.
    """
    generator = np.random.default_rng([cell.n, cell.d, seed])
    sobol = qmc.Sobol(cell.d, scramble=True, rng=generator)
    spread = (cell.n + 1) // 2
    X = sobol.random_base2(max(spread - 1, 1).bit_length())[:spread]
    values = true_values(X)
    while len(X) < cell.n + cell.pending:
        room = cell.n - len(X) if len(X) < cell.n else cell.n + cell.pending - len(X)
        block = around(X[values[: cell.n].argmin()], min(_BLOCK, room), generator)
        X, values = np.concatenate([X, block]), np.concatenate([values, true_values(block)])
    observed = values[: cell.n]
    # A separate generator, so that cells that differ only in their pending points hold the same results.
    noise = np.random.default_rng([cell.n, cell.d, seed, 1]).standard_normal(cell.n)
    y = observed + NOISE * observed.std(ddof=1) * noise
    return Problem(cell, seed, X[: cell.n], y, X[cell.n :])


def true_values(X: Array) -> Array:
    """Return the function's values [n] at X [n, d]: Hartmann-6, plus weak slopes if there are more parameters.

    With d = 20, six parameters form Hartmann-6 and each of the others adds a slope. A length scale therefore has to be
    found for every one, as in real campaigns, in which few parameters matter much and none has exactly no effect.
    """
    d = X.shape[1]
    if d == 6:
        return _hartmann6(X)
    others = [j for j in range(d) if j not in DECISIVE]
    slopes = _SLOPE * (-1.0) ** np.arange(len(others))
    return _hartmann6(X[:, DECISIVE]) + X[:, others] @ slopes


def standardised(y: Array) -> Array:
    """Return outcomes to maximise, with mean 0 and standard deviation 1 (divisor n − 1)."""
    return -(y - np.mean(y)) / np.std(y, ddof=1)


def _hartmann6(X: Array) -> Array:
    function = SYNTHETIC_FUNCTIONS["hartmann6"]
    return np.array([function.value(x) for x in X])


def around(best: Array, count: int, generator: np.random.Generator) -> Array:
    """Return `count` points near another, reflected at the faces of the cube so that none lies exactly on them."""
    low, high = np.log(_STEP)
    sd = np.exp(generator.uniform(low, high, (count, 1)))
    moved = np.abs(best + sd * generator.standard_normal((count, len(best)))) % 2.0
    return np.where(moved > 1.0, 2.0 - moved, moved)
