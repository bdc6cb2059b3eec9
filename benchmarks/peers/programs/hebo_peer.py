"""Ask HEBO as its documentation does: its GP with a power transform, and MACE's Pareto front searched by NSGA-II.

HEBO does not support pending or failed points. Its choice from the front is random, which spreads parallel asks a
little.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO
from told import Fit, Told

# On import, HEBO limits torch to one thread for the whole process. This is kept, because it is what HEBO's users get.
PACKAGES = ("hebo", "pymoo", "gpytorch", "torch", "scikit-learn", "pandas", "scipy", "numpy")


@dataclass(frozen=True)
class HeboSession:
    """An optimizer that has observed the points in order."""

    optimizer: HEBO
    names: list[str]

    def ask(self, q: int) -> tuple[list[list[float]], Fit | None]:
        """Get q suggestions; HEBO fits its model in this call."""
        return self.optimizer.suggest(n_suggestions=q)[self.names].to_numpy(dtype=float).tolist(), None

    def recommend(self) -> list[int]:
        """Return the point with the best observed value, noise included: HEBO's own best point."""
        return [int(self.optimizer.get_best_id())]


def rebuild(told: Told) -> HeboSession:
    """Observe every point with a new optimizer that draws as few initial points as possible."""
    # The model's initial weights and the search draw from the global generators.
    np.random.seed(told.seed)
    torch.manual_seed(told.seed)
    names = [f"x{i}" for i in range(told.d)]
    space = DesignSpace().parse([{"name": name, "type": "num", "lb": 0.0, "ub": 1.0} for name in names])
    optimizer = HEBO(space, rand_sample=2, scramble_seed=told.seed)
    optimizer.observe(pd.DataFrame(told.X, columns=names), np.array(told.y).reshape(-1, 1))
    return HeboSession(optimizer, names)
