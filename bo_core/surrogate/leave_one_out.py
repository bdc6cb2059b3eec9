"""How well a surrogate predicts each observation from all the others, without refitting."""

import math

import torch

from overnight.bo_core.surrogate.posterior import Posterior


def leave_one_out(posterior: Posterior) -> float:
    """Return the log density of each observation given all the others, summed over them, averaged over the sets.

    With K⁻¹ of the noisy kernel matrix, observation i has mean y_i − [K⁻¹(y − m)]_i / [K⁻¹]_ii and variance 1/[K⁻¹]_ii
    (Rasmussen and Williams 2006, equations 5.10 to 5.12), for a fixed constant mean m.
    """
    precision = (posterior.L_inverse**2).sum(1)
    alpha = (posterior.residual.unsqueeze(1) @ posterior.L_inverse).squeeze(1)
    log_density = 0.5 * (torch.log(precision / (2.0 * math.pi)) - alpha**2 / precision)
    return float(log_density.sum(1).mean())
