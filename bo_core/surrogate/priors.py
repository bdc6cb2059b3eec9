"""What is believed of the hyperparameters before any result: normal priors of their logarithms, and their bounds.

Length scales grow with the root of the dimension, so that the same prior serves 2 and 200 features. Hvarfner et al.
(2024) give length scales and noise log-normal densities and use their modes; the likeliest hyperparameters are the same
under normal densities of the logarithms θ around these modes, log ℓ ~ N(√2 + ½ log d − 3, 3) and log σ² ~ N(−5, 1).
These are priors here, for they can also be averaged over: under the original ones most draws are too long to learn from
(benchmarks/README.md). The exponents of the input warping are near 1, no warping, unless the data speak for it
(Snoek et al. 2014).

Everything is searched and sampled in logarithms θ, laid out as d length scales, the noise variance, and, where the
inputs are warped, d first and d second exponents.
"""

import math

import numpy as np

from bo_core.bfgs import Array

_LENGTH_SCALE_SPREAD = math.sqrt(3.0)
_LENGTH_SCALE_BOUNDS = (0.025, 1e4)
_NOISE_LOCATION, _NOISE_SPREAD = -5.0, 1.0
_NOISE_BOUNDS = (1e-4, 10.0)
_WARP_SPREAD = 0.5
_WARP_BOUNDS = (0.2, 5.0)


class Prior:
    """Independent normal distributions of θ [h]: `location`, `spread`, and the box from `low` to `high`, each [h]."""

    def __init__(self, d: int, *, warped: bool = False) -> None:
        scale = math.sqrt(2.0) + 0.5 * math.log(d) - _LENGTH_SCALE_SPREAD**2
        warps = 2 * d if warped else 0
        self.location = np.array([scale] * d + [_NOISE_LOCATION] + [0.0] * warps)
        self.spread = np.array([_LENGTH_SCALE_SPREAD] * d + [_NOISE_SPREAD] + [_WARP_SPREAD] * warps)
        bounds = [_LENGTH_SCALE_BOUNDS] * d + [_NOISE_BOUNDS] + [_WARP_BOUNDS] * warps
        self.low, self.high = np.log(np.array(bounds)).T
        self._constant = -float(np.sum(np.log(self.spread) + 0.5 * math.log(2.0 * math.pi)))

    def log_density(self, theta: Array) -> tuple[Array, Array]:
        """Return the log densities [b] of θ [b, h] and their gradients [b, h]."""
        apart = theta - self.location
        gradient = apart / -(self.spread**2)
        return 0.5 * np.einsum("bh,bh->b", gradient, apart) + self._constant, gradient
