"""What is believed of the hyperparameters before any result: log-normal priors, and their bounds.

Length scales grow with the root of the dimension (Hvarfner et al. 2024), so that the same prior serves 2 and
200 features. The noise prior has its median at a standard deviation of e⁻² of the outcomes' spread. The exponents of
the input warping are near 1, no warping, unless the data speak for it (Snoek et al. 2014).

Everything is searched and sampled in logarithms θ, laid out as d length scales, the noise variance, and, where the
inputs are warped, d first and d second exponents.
"""

import math

import numpy as np

from bo_core.bfgs import Array

_LENGTH_SCALE_SPREAD = math.sqrt(3.0)
_LENGTH_SCALE_BOUNDS = (0.025, 1e4)
_NOISE_LOCATION, _NOISE_SPREAD = -4.0, 1.0
_NOISE_BOUNDS = (1e-4, 10.0)
_WARP_SPREAD = 0.5
_WARP_BOUNDS = (0.2, 5.0)


class Prior:
    """Independent normal distributions of θ [h]: `location`, `spread`, and the box from `low` to `high`, each [h]."""

    def __init__(self, d: int, *, warped: bool = False) -> None:
        scale = math.sqrt(2.0) + 0.5 * math.log(d)
        warps = 2 * d if warped else 0
        self.location = np.array([scale] * d + [_NOISE_LOCATION] + [0.0] * warps)
        self.spread = np.array([_LENGTH_SCALE_SPREAD] * d + [_NOISE_SPREAD] + [_WARP_SPREAD] * warps)
        bounds = [_LENGTH_SCALE_BOUNDS] * d + [_NOISE_BOUNDS] + [_WARP_BOUNDS] * warps
        self.low, self.high = np.log(np.array(bounds)).T
        # Where the densities of exp θ are highest.
        self.modes = self.location - self.spread**2
        self._constant = -float(np.sum(np.log(self.spread) + 0.5 * math.log(2.0 * math.pi)))
        self._constant_of_exp = self._constant + float(np.sum(0.5 * self.spread**2 - self.location))

    def log_density(self, theta: Array, *, of_logarithms: bool) -> tuple[Array, Array]:
        """Return the log densities [b] of exp θ, or of θ itself, and their gradients [b, h] by θ [b, h].

        The highest density of exp θ is what fits are usually compared by; integrals over θ need that of θ. Both are
        parabolas in θ: −θ − ½((θ − location)/spread)² is one around the modes.
        """
        middle, constant = (self.location, self._constant) if of_logarithms else (self.modes, self._constant_of_exp)
        apart = theta - middle
        gradient = apart / -(self.spread**2)
        return 0.5 * np.einsum("bh,bh->b", gradient, apart) + constant, gradient
