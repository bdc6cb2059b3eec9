"""The drift of an A/B test: the results of one batch share an unknown shift."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from overnight.bo_core.surrogate.errors.shared import ErrorsName


@dataclass(frozen=True)
class BatchShifts:
    """The shifts of the batches of an A/B test, whose numbers are `batches` [u]: E is τ² where two share a batch."""

    batches: Tensor

    kind: ClassVar[ErrorsName] = "batches"

    def covariance(self, theta: Tensor, k: Tensor) -> Tensor:
        """Return E [b, u, u]."""
        return theta[:, 0].exp()[:, None, None] * (self.batches.unsqueeze(1) == self.batches).to(k)

    def by_theta(self, theta: Tensor, k: Tensor) -> Sequence[Tensor]:
        """Return the derivative [b, u, u] of E by log τ², which is E."""
        return [self.covariance(theta, k)]

    def by_kernel(self, theta: Tensor) -> None:
        """Return None: shifts do not depend on points."""
        del theta

    def part(self, rows: Tensor) -> "BatchShifts":
        """Return the shifts of the observations at these rows."""
        return BatchShifts(self.batches[rows])

    def to(self, device: torch.device) -> "BatchShifts":
        """Return a copy on a device."""
        return BatchShifts(self.batches.to(device))
