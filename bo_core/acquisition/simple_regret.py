"""Simple regret: the worth of a candidate is its posterior mean, with no exploration."""

import torch
from torch import Tensor

from overnight.bo_core.acquisition.utility import Evaluated


class SimpleRegret:
    """The posterior mean; its maximum has the least expected regret if nothing more is learnt before it is used."""

    logarithmic = False

    def evaluate(self, mean: Tensor, sd: Tensor, best: Tensor) -> Evaluated:
        """Return the mean with ∂/∂mean = 1; `sd` and `best` are ignored."""
        del sd, best
        return Evaluated(mean, torch.ones_like(mean), torch.zeros_like(mean))
