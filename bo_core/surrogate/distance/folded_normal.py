"""The folded normal distribution: the size of a normal value, such as its distance from a target."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)
_ROOT_HALF = math.sqrt(0.5)
# Beyond so many standard deviations from 0 nothing is folded, to the last bit.
_FAR = 40.0
_LEAST_SD = 1e-300
# Halvings of an interval of about 80 standard deviations, until it is as narrow as rounding.
_HALVINGS = 60


@dataclass(frozen=True)
class Folded:
    """The mean and variance of |Y| for a normal Y, and the derivatives of the mean by those of Y, all of one shape."""

    mean: Tensor
    variance: Tensor
    by_mean: Tensor
    by_sd: Tensor


def folded_normal(mean: Tensor, sd: Tensor) -> Folded:
    """Return the moments of |Y| for a normal Y with a mean and a standard deviation (Leone et al. 1961).

    With v = |mean|/sd and h = φ(v) − vΦ(−v), the mean is |mean| + 2 sd h and the variance sd² (1 − 4vh − 4h²), neither
    of which cancels.
    """
    v = (mean.abs() / sd.clamp(min=_LEAST_SD)).clamp(max=_FAR)
    phi = (-0.5 * v * v - _LOG_ROOT_2PI).exp()
    below = 0.5 * torch.special.erfc(v * _ROOT_HALF)
    h = (phi - v * below).clamp(min=0.0)
    variance = sd * sd * (1.0 - 4.0 * h * (v + h)).clamp(min=0.0)
    return Folded(mean.abs() + 2.0 * sd * h, variance, mean.sign() * (1.0 - 2.0 * below), 2.0 * phi)


def quantile(mean: float, sd: float, share: float) -> float:
    """Return the value that |Y| exceeds with a probability of 1 − `share`, for a normal Y."""
    if sd <= 0.0:
        return abs(mean)
    center = abs(mean) / sd
    low, high = max(center - _FAR, 0.0), center + _FAR
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        within = 0.5 * (math.erfc((center - middle) * _ROOT_HALF) - math.erfc((center + middle) * _ROOT_HALF))
        low, high = (middle, high) if within < share else (low, middle)
    return sd * 0.5 * (low + high)
