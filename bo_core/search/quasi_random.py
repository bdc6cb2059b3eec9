"""Scrambled Sobol sequences on the unit cube, determined by their seed."""

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from overnight.bo_core.numerics.own_state import own_state


@own_state()
def uniform_draws(dimension: int, count: int, seed: int) -> Tensor:
    """Return the first points [count, dimension] of the seed's sequence."""
    engine = SobolEngine(dimension, scramble=True, seed=seed)
    # The engine rounds its first point to torch's default type, which the calling program may have set.
    first = engine.quasi.double() / 2**engine.MAXBIT
    points = engine.draw(count, dtype=torch.float64)
    points[0] = first
    return points


@own_state()
def uniform_block(dimension: int, start: int, count: int, seed: int) -> Tensor:
    """Return `count` points [count, dimension] of the seed's sequence after the first `start`."""
    if start == 0:
        return uniform_draws(dimension, count, seed)
    return SobolEngine(dimension, scramble=True, seed=seed).fast_forward(start).draw(count, dtype=torch.float64)
