"""Numbers that fill the unit cube evenly: scrambled Sobol sequences that depend on nothing but their seed."""

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine


def uniform_draws(dimension: int, count: int, seed: int) -> Tensor:
    """Return the first points [count, dimension] of the seed's sequence."""
    engine = SobolEngine(dimension, scramble=True, seed=seed)
    # The engine rounds its first point to torch's default type, which is a global setting of whoever calls.
    first = engine.quasi.double() / 2**engine.MAXBIT
    points = engine.draw(count, dtype=torch.float64)
    points[0] = first
    return points
