"""The upper confidence bound of a candidate."""

from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.acquisition.utility import Evaluated


@dataclass(frozen=True)
class UpperConfidenceBound:
    """mean + exploration × sd (Srinivas et al. 2010).

    Draws at outstanding points only leave the mean as it is on average and reduce the sd as their results will: the
    hallucinated variance of GP-BUCB (Desautels, Krause and Burdick 2014).
    """

    exploration: float
    logarithmic = False

    def evaluate(self, mean: Tensor, sd: Tensor, best: Tensor) -> Evaluated:
        """Return it with ∂/∂mean = 1 and ∂/∂sd = exploration; `best` is not looked at."""
        del best
        by_sd = torch.full_like(mean, self.exploration)
        return Evaluated(mean + self.exploration * sd, torch.ones_like(mean), by_sd)
