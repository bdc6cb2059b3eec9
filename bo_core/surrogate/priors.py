"""Priors of the hyperparameters: normal in their logarithms, with bounds.

Length scales grow with the root of their number (Hvarfner et al. 2024), so that the same prior serves 2 and 200 of
them. The `loose` priors are theirs: a log-normal density used for its mode is a normal density of the logarithm θ
around that mode, over which beliefs can also be averaged. The `firm` ones predict better from 20 to 50 observations,
most of all if noise dominates, which loose priors interpret as roughness (docs/decisions/0006-priors.md). The exponents
of the input warping are near 1, no warping, unless the data indicate otherwise (Snoek et al. 2014).

In an A/B test, outcomes are in units of their spread within batches, and the results of a batch share a shift: drift,
which may be nothing or several times that spread. At the lowest fidelity, the discrepancy between two points is about
half as large as their difference, the trend is about as large as the spread of all outcomes, and scatter is half as
large; each may be ten times as large, or nothing. The prior of the scatter is the widest: a narrow one around small
scatter makes the model believe in cheap results that mislead, until many full ones contradict them.

Everything is searched and sampled in logarithms θ, laid out as g length scales, the noise variance, the
hyperparameters of errors that observations share (`errors`), and, if the inputs are warped, g first and g second
exponents.
"""

import math
from typing import Literal

import numpy as np

from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.surrogate.errors import ErrorsName

PriorName = Literal["firm", "loose"]

# Location and spread of log(length scale / √g), and of the log noise variance of standardised outcomes.
_LENGTH_SCALE = {"firm": (math.sqrt(2.0) - 2.7, 0.75), "loose": (math.sqrt(2.0) - 3.0, math.sqrt(3.0))}
_NOISE = {"firm": (-4.0, 2.0), "loose": (-5.0, 1.0)}
_WARP = (0.0, 0.5)
# Two spreads on either side are shifts of a twentieth to seven times the spread of outcomes within a batch.
_ERRORS = {"batches": [(-1.0, 2.5)], "shortfall": [(-1.0, 2.0), (0.0, 2.5), (-1.0, 3.0), (0.0, 0.7)]}
_LENGTH_SCALE_BOUNDS = (0.025, 1e4)
_NOISE_BOUNDS = (1e-4, 10.0)
_WARP_BOUNDS = (0.2, 5.0)
_ERRORS_BOUNDS = {"batches": [(1e-6, 1e6)], "shortfall": [(1e-6, 1e3), (1e-6, 1e6), (1e-6, 1e3), (0.2, 5.0)]}
# A kernel matrix with less log noise variance may be singular.
_LEAST_NOISE = math.log(1e-7)


class Prior:
    """Independent normal distributions of θ [h]: `location`, `spread`, and the box from `low` to `high`, each [h].

    There are `g` length scales. `noise_unit`, at most 1, is the unit to which the prior of the noise refers. If a few
    vast outcomes determine the scale, a noise that is small compared with them is possible. `errors` is the kind
    of errors that observations share.
    """

    def __init__(
        self,
        g: int,
        name: PriorName = "firm",
        *,
        warped: bool = False,
        noise_unit: float = 1.0,
        errors: ErrorsName | None = None,
    ) -> None:
        self.name: PriorName = name
        location, spread = _LENGTH_SCALE[name]
        warps, of_errors = 2 * g if warped else 0, [] if errors is None else _ERRORS[errors]
        parts = [(location + 0.5 * math.log(g), spread)] * g + [_NOISE[name]] + of_errors + [_WARP] * warps
        self.location, self.spread = np.array(parts).T
        of_errors = [] if errors is None else _ERRORS_BOUNDS[errors]
        bounds = [_LENGTH_SCALE_BOUNDS] * g + [_NOISE_BOUNDS] + of_errors + [_WARP_BOUNDS] * warps
        self.low, self.high = np.log(np.array(bounds)).T
        if noise_unit < 1.0:
            shift = max(2.0 * math.log(noise_unit), _LEAST_NOISE - self.low[g])
            self.location[g] += shift
            self.low[g] += shift
        self._constant = -float(np.sum(np.log(self.spread) + 0.5 * math.log(2.0 * math.pi)))

    def log_density(self, theta: Array) -> tuple[Array, Array]:
        """Return the log densities [b] of θ [b, h] and their gradients [b, h]."""
        apart = theta - self.location
        gradient = apart / -(self.spread**2)
        return 0.5 * np.vecdot(gradient, apart) + self._constant, gradient
