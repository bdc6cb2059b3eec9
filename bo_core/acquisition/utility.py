"""What an acquisition is: the expected utility of one candidate, given one draw, with two derivatives."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Evaluated:
    """The utility, or its logarithm, [M, b, S] and its derivatives by the candidate's mean and sd [M, b, S]."""

    value: Tensor
    by_mean: Tensor
    by_sd: Tensor


class Utility(Protocol):
    """A utility of a Gaussian candidate; draws, averaging and gradients are shared by all.

    `logarithmic` says that `evaluate` returns the logarithm of a positive utility; then the logarithm of the average is
    maximised, else the average itself. `against_best` says that the utility compares with the best of the
    points that could be best, which are then part of the draws; a utility that does not must not know the noise-free
    values there.
    """

    @property
    def logarithmic(self) -> bool:
        """Tell whether logarithms are returned."""
        ...

    @property
    def against_best(self) -> bool:
        """Tell whether `best` is looked at."""
        ...

    def evaluate(self, mean: Tensor, sd: Tensor, best: Tensor) -> Evaluated:
        """Return it for means [M, b, S] and standard deviations [M, b, 1], against the best of each draw [M, 1, S]."""
        ...
