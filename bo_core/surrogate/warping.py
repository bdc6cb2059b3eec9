"""Learned input warping: Kumaraswamy's distribution function on each feature (Snoek et al. 2014)."""

import torch
from torch import Tensor

# The derivatives of x^a at 0 and of (1 − x)^b at 1 may be infinite.
_EDGE = 1e-9


def warp(X: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return 1 − (1 − X^a)^b for features X [..., n, d] and exponents a, b [..., 1, d]."""
    return 1.0 - (1.0 - _inside(X) ** a) ** b


def warp_slope(X: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the derivative of the warped features by the plain ones."""
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
