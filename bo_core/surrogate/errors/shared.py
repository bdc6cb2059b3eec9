"""Errors that the outcomes of several observations share, with a covariance of their own.

The noisy kernel matrix of the data is K + E + diag(noise), with K that of the latent function and E the covariance of
these errors. Predictions are of the latent function, which is free of them. A kind of errors has hyperparameters, which
follow the noise variance in θ.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, Protocol

import torch
from torch import Tensor

ErrorsName = Literal["batches", "shortfall"]

# The names under which the hyperparameters of each kind are recorded, in the order of θ.
NAMES_OF: dict[ErrorsName, tuple[str, ...]] = {
    "batches": ("batch_variance",),
    "shortfall": ("discrepancy_variance", "trend_variance", "scatter_variance", "decay"),
}


def count_of(errors: "SharedErrors | None") -> int:
    """Return the number of hyperparameters of errors; 0 without errors."""
    return 0 if errors is None else len(NAMES_OF[errors.kind])


class SharedErrors(Protocol):
    """Errors with the hyperparameters θ [b, c] of a `kind`; k [b, u, u] is the kernel between the observations."""

    kind: ClassVar[ErrorsName]

    def covariance(self, theta: Tensor, k: Tensor) -> Tensor:
        """Return E [b, u, u]."""
        ...

    def by_theta(self, theta: Tensor, k: Tensor) -> Sequence[Tensor]:
        """Return the c derivatives [b, u, u] of E by the hyperparameters."""
        ...

    def by_kernel(self, theta: Tensor) -> Tensor | None:
        """Return the derivative [b, u, u] of E by k, entry by entry; None if E does not depend on k."""
        ...

    def part(self, rows: Tensor) -> "SharedErrors":
        """Return the errors of the observations at these rows."""
        ...

    def to(self, device: torch.device) -> "SharedErrors":
        """Return a copy on a device."""
        ...
