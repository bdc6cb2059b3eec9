"""Numbers and their positions between two bounds, as tensors that can be differentiated."""

import math

import torch
from torch import Tensor

from overnight.campaign.values.number_line import Scale, log_odds


def numbers_at(shares: Tensor, low: float, high: float, scale: Scale) -> Tensor:
    """Return the numbers [b] at these fractions [b] of the way between the bounds."""
    if scale == "log":
        return (math.log(low) + shares * (math.log(high) - math.log(low))).exp()
    if scale == "logit":
        return (log_odds(low) + shares * (log_odds(high) - log_odds(low))).sigmoid()
    return low + shares * (high - low)


def places_of(numbers: Tensor, low: float, high: float, scale: Scale) -> Tensor:
    """Return the positions [b] of numbers [b] between the bounds, as fractions of the way; beyond them if need be."""
    if scale == "log":
        # A number that is not positive has no position: it counts as very small, as does one outside of 0 to 1 below.
        return (numbers.clamp(min=torch.finfo(numbers.dtype).tiny).log() - math.log(low)) / math.log(high / low)
    if scale == "logit":
        least = torch.finfo(numbers.dtype).eps
        return (numbers.logit(least) - log_odds(low)) / (log_odds(high) - log_odds(low))
    return (numbers - low) / (high - low)
