"""The upper confidence bound of a candidate."""

from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.acquisition.utility import Evaluated


@dataclass(frozen=True)
class UpperConfidenceBound:
    """mean + exploration × sd (Srinivas et al. 2010).

    Averaged over draws at outstanding points, the mean is unchanged and the sd is reduced as their results will reduce
    it: the hallucinated variance of GP-BUCB (Desautels, Krause and Burdick 2014).
    """

    exploration: float
    logarithmic = False

    def evaluate(self, mean: Tensor, sd: Tensor, best: Tensor) -> Evaluated:
        """Return the bound with ∂/∂mean = 1 and ∂/∂sd = exploration; `best` is ignored."""
        del best
        by_sd = torch.full_like(mean, self.exploration)
        return Evaluated(mean + self.exploration * sd, torch.ones_like(mean), by_sd)
