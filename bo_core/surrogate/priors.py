"""What is believed of the hyperparameters before any result: log-normal priors, and their bounds.

Length scales grow with the root of the dimension (Hvarfner et al. 2024), so that the same prior serves 2 and
200 features. The noise prior has its median at a standard deviation of e⁻² of the outcomes' spread. The exponents of
the input warping are near 1, no warping, unless the data speak for it (Snoek et al. 2014).

Everything is searched and sampled in logarithms θ, laid out as d length scales, the noise variance, and, where the
inputs are warped, d first and d second exponents.
"""

import math

import torch
from torch import Tensor

_LENGTH_SCALE_SPREAD = math.sqrt(3.0)
_LENGTH_SCALE_BOUNDS = (0.025, 1e4)
_NOISE_LOCATION, _NOISE_SPREAD = -4.0, 1.0
_NOISE_BOUNDS = (1e-4, 10.0)
_WARP_SPREAD = 0.5
_WARP_BOUNDS = (0.2, 5.0)


class Prior:
    """Independent normal distributions of θ [h]: `location` [h], `spread` [h], and the box from `low` to `high` [h]."""

    def __init__(self, d: int, *, warped: bool = False) -> None:
        scale = math.sqrt(2.0) + 0.5 * math.log(d)
        warps = 2 * d if warped else 0
        self.location = torch.tensor([scale] * d + [_NOISE_LOCATION] + [0.0] * warps, dtype=torch.float64)
        self.spread = torch.tensor(
            [_LENGTH_SCALE_SPREAD] * d + [_NOISE_SPREAD] + [_WARP_SPREAD] * warps, dtype=torch.float64
        )
        bounds = [_LENGTH_SCALE_BOUNDS] * d + [_NOISE_BOUNDS] + [_WARP_BOUNDS] * warps
        self.low, self.high = torch.tensor(bounds, dtype=torch.float64).log().unbind(1)

    @property
    def modes(self) -> Tensor:
        """Return θ [h] at the modes of the densities of exp θ."""
        return self.location - self.spread**2

    def log_density(self, theta: Tensor, *, of_logarithms: bool) -> tuple[Tensor, Tensor]:
        """Return the log densities [b] of exp θ, or of θ itself, and their gradients [b, h] by θ [b, h].

        The highest density of exp θ is what fits are usually compared by; integrals over θ need that of θ.
        """
        location, spread = self.location.to(theta), self.spread.to(theta)
        standard = (theta - location) / spread
        value = -(0.5 * standard**2 + spread.log() + 0.5 * math.log(2.0 * math.pi)).sum(1)
        gradient = -standard / spread
        return (value, gradient) if of_logarithms else (value - theta.sum(1), gradient - 1.0)
