"""Scale features for the kernel: warp, centre, and divide by the length scales.

The learnt warping is Kumaraswamy's distribution function on each feature (Snoek et al. 2014).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.surrogate.hyperparameters import Hyperparameters

# The derivatives of x^a at 0 and of (1 − x)^b at 1 may be infinite.
_EDGE = 1e-9


@dataclass(frozen=True)
class Scaling:
    """The scaling of features, once for each of M sets of hyperparameters.

    `center` is [1, d] or, with warping, [M, 1, d], `inverse_scales` [M, 1, d], and the warping's `exponents` are each
    [M, 1, d], None without warping.
    """

    center: Tensor
    inverse_scales: Tensor
    exponents: tuple[Tensor, Tensor] | None

    @classmethod
    def around(cls, X: Tensor, groups: FeatureGroups, hyperparameters: Hyperparameters) -> "Scaling":
        """Return the scaling in which features X [n, d], in groups, have mean 0."""
        scales = groups.log_scales(hyperparameters.log_length_scales).exp()
        inverse_scales = (1.0 / scales).unsqueeze(1).to(X.device)
        exponents = hyperparameters.warp_exponents
        if exponents is not None:
            a, b = (groups.of_features(each).to(X.device) for each in exponents)
            exponents = (a, b)
        return cls(_warped(X, exponents).mean(-2, keepdim=True), inverse_scales, exponents)

    def scaled(self, X: Tensor) -> Tensor:
        """Return features X [b, d] in units of the length scales [M, b, d], centred for accuracy."""
        return (_warped(X, self.exponents) - self.center) * self.inverse_scales

    def by_features(self, X: Tensor, by_scaled: Tensor) -> Tensor:
        """Return derivatives by the features X [b, d] from those by the scaled features [M, b, d]: [M, b, d]."""
        by_warped = by_scaled * self.inverse_scales
        return by_warped if self.exponents is None else by_warped * warp_slope(X.double(), *self.exponents)

    def of_sets(self, sets: Tensor) -> "Scaling":
        """Return the scalings of some of the sets, given by their indices [M']."""
        if self.exponents is None:
            return Scaling(self.center, self.inverse_scales[sets], None)
        a, b = self.exponents
        return Scaling(self.center[sets], self.inverse_scales[sets], (a[sets], b[sets]))


def _warped(X: Tensor, exponents: tuple[Tensor, Tensor] | None) -> Tensor:
    """Return features X [b, d], warped [M, b, d] or unchanged."""
    return X.double() if exponents is None else warp(X.double(), *exponents)


def warp(X: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return 1 − (1 − X^a)^b for features X [..., n, d] and exponents a, b [..., 1, d].

    Beyond the unit cube, features continue with the slope 1, so that trials there keep their distances.
    """
    return 1.0 - (1.0 - _inside(X) ** a) ** b + (X - X.clamp(0.0, 1.0))


def warp_slope(X: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the derivative of the warped features in the unit cube by the plain ones."""
    X = _inside(X)
    return a * b * X ** (a - 1.0) * (1.0 - X**a) ** (b - 1.0)


def warp_slopes_by_exponents(X: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return the derivatives of the warped features by log a and by log b."""
    X = _inside(X)
    power = X**a
    rest = 1.0 - power
    return a * b * rest ** (b - 1.0) * power * torch.log(X), -b * rest**b * torch.log(rest)


def _inside(X: Tensor) -> Tensor:
    return X.clamp(_EDGE, 1.0 - _EDGE)
