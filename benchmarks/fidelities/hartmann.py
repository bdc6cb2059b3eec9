"""Hartmann's functions with a fidelity of 1 to 100, as mf-prior-bench has them (Mallik et al. 2023, PriorBand).

With s = log z / log 100, the weights of the four bumps are too low by bias · (1 − s), and the loss is too high by the
size of a normal number times noise · (1 − s). That number is a fixed one for each point and z. The cost is that of
Kandasamy et al. 2017 (BOCA), 0.05 + 0.95 (z / 100)².
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.fidelities.task import Point

_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_STEEPNESS = {
    3: np.array([[3.0, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]]),
    6: np.array(
        [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    ),
}
_CENTRES = {
    3: 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]),
    6: 1e-4
    * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    ),
}
_MINIMUM = {3: -3.86278, 6: -3.32237}
_FULL = 100
_OVERHEAD = 0.05


@dataclass(frozen=True)
class Hartmann:
    """The function of three or six dimensions, whose low fidelities are off by a bias and by noise."""

    d: int
    bias: float
    noise: float
    steps: tuple[int, ...] = (1, 4, 11, 33, 100)

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the coordinates."""
        return {f"x{i}": {"kind": "float", "low": 0.0, "high": 1.0} for i in range(self.d)}

    @property
    def fidelity(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the fidelity, without a word about its true costs, which a campaign learns."""
        return {"z": {"low": 1, "high": _FULL, "scale": "log"}}

    @property
    def minimum(self) -> float:
        """Return the known minimum at full fidelity."""
        return _MINIMUM[self.d]

    def loss(self, point: Point, level: int) -> float:
        """Return the loss, off by what is missing of the fidelity."""
        x = np.array([float(point[name]) for name in self.parameters])
        missing = 1.0 - math.log(level) / math.log(_FULL)
        bumps = np.exp(-(_STEEPNESS[self.d] * (x - _CENTRES[self.d]) ** 2).sum(1))
        exact = -float((_WEIGHTS - self.bias * missing) @ bumps)
        return exact + self.noise * missing * abs(_normal(x.tobytes() + level.to_bytes(2, "big")))

    def cost(self, level: int, since: int = 0) -> float:
        """Return the cost; an evaluation that continues pays the overhead again."""
        return _OVERHEAD + (1.0 - _OVERHEAD) * (level**2 - since**2) / _FULL**2


def _normal(key: bytes) -> float:
    """Return the normal number of a key."""
    seed = int.from_bytes(hashlib.sha256(key).digest()[:8], "big")
    return float(np.random.default_rng(seed).standard_normal())


QUALITIES = {"plain": (0.5, 0.1), "good": (2.5, 2.0), "moderate": (3.0, 3.0), "bad": (3.5, 4.0), "terrible": (4.0, 5.0)}
HARTMANNS = {
    f"hartmann{d}-{quality}": Hartmann(d, bias, noise) for d in (3, 6) for quality, (bias, noise) in QUALITIES.items()
}
