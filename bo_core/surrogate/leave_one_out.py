"""Leave-one-out predictions without refitting."""

import math

import torch
from torch import Tensor

from overnight.bo_core.surrogate.posterior import Posterior


def leave_one_out(posterior: Posterior) -> float:
    """Return the log density of each observation given all the others, summed over them, averaged over the sets.

    With K⁻¹ of the noisy kernel matrix, observation i has mean y_i − [K⁻¹(y − m)]_i / [K⁻¹]_ii and variance 1/[K⁻¹]_ii
    (Rasmussen and Williams 2006, equations 5.10 to 5.12), for a fixed constant mean m.
    """
    alpha, precision = _alpha_and_precision(posterior)
    log_density = 0.5 * (torch.log(precision / (2.0 * math.pi)) - alpha**2 / precision)
    return float(log_density.sum(1).mean())


def errors_left_out(posterior: Posterior) -> Tensor:
    """Return by how many standard deviations each observation [M, u] exceeds its prediction from the others."""
    alpha, precision = _alpha_and_precision(posterior)
    return alpha / precision.sqrt()


def predicted_left_out(posterior: Posterior) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance [M, u] of each observation, its noise included, given all the others."""
    alpha, precision = _alpha_and_precision(posterior)
    return posterior.y - alpha / precision, 1.0 / precision


def _alpha_and_precision(posterior: Posterior) -> tuple[Tensor, Tensor]:
    """Return K⁻¹(y − m) and the diagonal of K⁻¹, each [M, u]."""
    precision = (posterior.L_inverse**2).sum(1)
    return (posterior.residual.unsqueeze(1) @ posterior.L_inverse).squeeze(1), precision
