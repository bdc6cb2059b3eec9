"""Log expected improvement, accurate for very small values."""

import math

import torch
from torch import Tensor

from overnight.bo_core.acquisition.utility import Evaluated

_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)
_ROOT_HALF_PI = math.sqrt(math.pi / 2.0)
_ROOT_HALF = math.sqrt(0.5)
_FAR_BELOW = -300.0
_FAR_ABOVE = 25.0


class LogExpectedImprovement:
    """log E[max(f(x) − best, 0)]; averaged over joint draws it is noisy expected improvement (Letham et al. 2019)."""

    logarithmic = True

    def evaluate(self, mean: Tensor, sd: Tensor, best: Tensor) -> Evaluated:
        """Return log(sd h(v)), v = (mean − best)/sd, h(v) = φ(v) + vΦ(v); ∂/∂mean = Φ/(h sd), ∂/∂sd = φ/(h sd)."""
        log_h, Phi_over_h, phi_over_h = log_h_and_ratios((mean - best).div_(sd))
        return Evaluated(log_h.add_(sd.log()), Phi_over_h.div_(sd), phi_over_h.div_(sd))


def log_h_and_ratios(v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return log h, Φ/h and φ/h for h(v) = φ(v) + vΦ(v), without cancellation at any v.

    With the scaled complementary error function, Φ/φ = √(π/2) erfcx(−v/√2) and h = φ (1 + vΦ/φ), where the bracket is
    v⁻² (1 − 3v⁻² + 15v⁻⁴) far below zero (Ament et al. 2023, section 4 and appendix A).
    """
    # The tails cost extra work, and checking whether there are any would make a GPU wait.
    least, most = (-math.inf, math.inf) if v.is_cuda else map(float, v.aminmax())
    low, high = least < _FAR_BELOW, most > _FAR_ABOVE
    capped = v.clamp(max=_FAR_ABOVE) if high else v
    Phi_over_phi = torch.special.erfcx(capped * -_ROOT_HALF).mul_(_ROOT_HALF_PI)
    bracket = torch.addcmul(Phi_over_phi.new_ones(()), capped, Phi_over_phi)
    if low:
        inverse_square = 1.0 / (v * v).clamp(min=1e-300)
        series = inverse_square * (1.0 - inverse_square * (3.0 - 15.0 * inverse_square))
        bracket = torch.where(v < _FAR_BELOW, series, bracket)
    phi_over_h = bracket.reciprocal()
    log_h = torch.addcmul(bracket.log_().sub_(_LOG_ROOT_2PI), capped, capped, value=-0.5)
    Phi_over_h = Phi_over_phi.mul_(phi_over_h)
    if high:
        above = v > _FAR_ABOVE
        log_h = torch.where(above, v.clamp(min=1.0).log(), log_h)
        Phi_over_h = torch.where(above, 1.0 / v.clamp(min=1.0), Phi_over_h)
        phi_over_h = phi_over_h.masked_fill(above, 0.0)
    return log_h, Phi_over_h, phi_over_h
