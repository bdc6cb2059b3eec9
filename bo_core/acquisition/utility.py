"""What an acquisition is: the expected utility of one candidate, given one draw, with two derivatives."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class LogUtility:
    """The log of the expected utility [b, S] and its derivatives by the candidate's mean and sd [b, S]."""

    log_value: Tensor
    by_mean: Tensor
    by_sd: Tensor


class Utility(Protocol):
    """A positive utility of a Gaussian candidate; draws, averaging and gradients are shared by all."""

    def evaluate(self, mean: Tensor, sd: Tensor, best: Tensor) -> LogUtility:
        """Return it for means [b, S] and standard deviations [b], against the best value of each draw [S]."""
        ...
