"""The utility of a candidate given one draw, with two derivatives."""

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
    """A utility of a Gaussian candidate; draws, averaging and gradients are shared by all utilities.

    `logarithmic` means that `evaluate` returns the logarithm of a positive utility; then the logarithm of the average
    is maximised, otherwise the average itself. The other properties of an acquisition are in its line of
    `ACQUISITIONS`.
    """

    @property
    def logarithmic(self) -> bool:
        """Return whether `evaluate` returns logarithms."""
        ...

    def evaluate(self, mean: Tensor, sd: Tensor, best: Tensor) -> Evaluated:
        """Return the utility for means [M, b, S] and sds [M, b, 1], against the best of each draw [M, 1, S]."""
        ...
