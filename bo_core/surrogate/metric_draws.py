"""One metric drawn at the points that matter, and its distribution at a candidate given each draw.

Given one draw, a candidate is still Gaussian, with a mean of its own and a standard deviation shared by all draws. Its
expected utility is then a closed form, and the candidate needs no samples (Rao–Blackwell).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

SMALLEST_VARIANCE = 1e-14
DRAW_JITTER = 1e-8


@dataclass(frozen=True)
class Conditional:
    """A metric at candidates given each draw: means [M, b, S] and standard deviations [M, b, 1]."""

    mean: Tensor
    sd: Tensor


# A function from derivatives by the means [M, b, S] and the standard deviations [M, b] to those by the features [b, d].
PullBack = Callable[[Tensor, Tensor], Tensor]


class MetricDraws(Protocol):
    """S draws of f at r points for each of M sets of hyperparameters, extended by each chosen candidate.

    `values` [M, r, S] are the draws, which needed `jitter`. They are made of standard normals [M, S, r + more] that the
    caller provides. The draws of a point do not change when other points are added.
    """

    @property
    def values(self) -> Tensor:
        """Return the draws [M, r, S]."""
        ...

    @property
    def jitter(self) -> float:
        """Return the variance that was added to the draws' own."""
        ...

    def at(self, X: Tensor, draws: int | None = None) -> Conditional:
        """Return the metric at candidates X [b, d], given each draw or the first `draws` of them."""
        ...

    def at_with_pull_back(self, X: Tensor) -> tuple[Conditional, PullBack]:
        """Return the metric at candidates X [b, d], and a function from its derivatives to those by X."""
        ...

    def add(self, x: Tensor) -> None:
        """Add the chosen candidate x [d] to the draws."""
        ...
