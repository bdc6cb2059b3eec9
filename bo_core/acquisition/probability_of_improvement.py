"""Log probability of improvement, accurate for very small values."""

import math

import torch
from torch import Tensor

from overnight.bo_core.acquisition.utility import Evaluated

_ROOT_HALF_PI = math.sqrt(math.pi / 2.0)
_ROOT_HALF = math.sqrt(0.5)


class LogProbabilityOfImprovement:
    """log P[f(x) > best], averaged over joint draws (Kushner 1964); it stays close to points that are known."""

    logarithmic = True

    def evaluate(self, mean: Tensor, sd: Tensor, best: Tensor) -> Evaluated:
        """Return log Φ(v), v = (mean − best)/sd; ∂/∂mean = φ/(Φ sd), ∂/∂sd = −v φ/(Φ sd).

        φ/Φ = 1/(√(π/2) erfcx(−v/√2)) neither cancels nor underflows, however far v is below zero.
        """
        v = (mean - best).div_(sd)
        by_mean = torch.special.erfcx(v * -_ROOT_HALF).mul_(_ROOT_HALF_PI).reciprocal_().div_(sd)
        return Evaluated(torch.special.log_ndtr(v), by_mean, v.mul(by_mean).neg_())
