"""The errors of outcomes below full fidelity: a discrepancy, a trend and scatter, which all end at full fidelity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from overnight.bo_core.surrogate.errors.shared import ErrorsName


@dataclass(frozen=True)
class Shortfall:
    """The errors of outcomes that were measured below full fidelity; `missing` [u] is 0 there and 1 at the lowest.

    With s = missing^p, an outcome differs from the latent function by s (h(x) + t) + e. The discrepancy h is a Gaussian
    process with β times the kernel of the latent function. The trend t is normal with variance τ², the same at all
    points. The scatter e has variance ν² s². It is another one in each run: along a run, e is a random walk that ends
    at full fidelity, so that results of one run have the covariance ν² min(s, s')². E is s sᵀ (β k + τ²) plus that of
    the scatter. This is the kernel of Wu, Toscano-Palmerin, Frazier and Wilson (2019) with a trend and scatter. β, τ²,
    ν² and p are the hyperparameters. `runs` [u] are the numbers of the runs, negative for an outcome that is alone in
    its run; without them, all are.
    """

    missing: Tensor
    runs: Tensor | None = None

    kind: ClassVar[ErrorsName] = "shortfall"

    def covariance(self, theta: Tensor, k: Tensor) -> Tensor:
        """Return E [b, u, u]."""
        s = shares(theta, self.missing)
        return between(theta, k, s, s) + scatter_among(theta, s, self.runs)

    def by_theta(self, theta: Tensor, k: Tensor) -> Sequence[Tensor]:
        """Return the derivatives [b, u, u] of E by log β, log τ², log ν² and log p."""
        s = shares(theta, self.missing)
        of_pairs = s.unsqueeze(2) * s.unsqueeze(1)
        of_discrepancy, of_trend = (each[:, None, None] * of_pairs for each in theta[:, :2].exp().unbind(1))
        of_discrepancy = of_discrepancy * k
        # ds/d log p = s log(missing^p), which tends to 0 with s.
        log_s = s.clamp(min=1e-300).log()
        of_scatter = torch.diag_embed(scatter(theta, s))
        slope = (log_s.unsqueeze(2) + log_s.unsqueeze(1)) * (of_discrepancy + of_trend + of_scatter)
        if self.runs is not None:
            shared = scatter_between(theta, s, s, _others(self.runs))
            of_scatter = of_scatter + shared
            slope = slope + 2.0 * torch.minimum(log_s.unsqueeze(2), log_s.unsqueeze(1)) * shared
        return [of_discrepancy, of_trend, of_scatter, slope]

    def by_kernel(self, theta: Tensor) -> Tensor:
        """Return β s sᵀ [b, u, u]."""
        s = shares(theta, self.missing)
        return theta[:, 0].exp()[:, None, None] * s.unsqueeze(2) * s.unsqueeze(1)

    def part(self, rows: Tensor) -> "Shortfall":
        """Return the errors of the observations at these rows."""
        return Shortfall(self.missing[rows], None if self.runs is None else self.runs[rows])

    def to(self, device: torch.device) -> "Shortfall":
        """Return a copy on a device."""
        return Shortfall(self.missing.to(device), None if self.runs is None else self.runs.to(device))


def shares(theta: Tensor, missing: Tensor) -> Tensor:
    """Return s = missing^p [b, u] for missing fidelities [u] and θ [b, 4] of a shortfall."""
    return missing.pow(theta[:, 3:].exp())


def scatter(theta: Tensor, s: Tensor) -> Tensor:
    """Return the variances ν² s² [b, u] of the scatter for shares s [b, u]."""
    return theta[:, 2:3].exp() * s * s


def scatter_among(theta: Tensor, s: Tensor, runs: Tensor | None) -> Tensor:
    """Return the covariances [b, u, u] of the scatter of different outcomes for shares s [b, u] and `runs` [u]."""
    of_each = torch.diag_embed(scatter(theta, s))
    return of_each if runs is None else of_each + scatter_between(theta, s, s, _others(runs))


def scatter_between(theta: Tensor, of_rows: Tensor, of_columns: Tensor, alike: Tensor) -> Tensor:
    """Return ν² min(s, s')² [b, r, c] for shares s [b, r] and s' [b, c] that are `alike` [r, c], and 0 elsewhere."""
    least = torch.minimum(of_rows.unsqueeze(2), of_columns.unsqueeze(1))
    return theta[:, 2].exp()[:, None, None] * least * least * alike


def of_one_run(of_rows: Tensor, of_columns: Tensor) -> Tensor:
    """Return which pairs [r, c] of outcomes come from the same run, given the numbers of their runs [r] and [c]."""
    return (of_rows.unsqueeze(1) == of_columns) & (of_rows >= 0).unsqueeze(1)


def _others(runs: Tensor) -> Tensor:
    """Return which pairs [u, u] of different outcomes come from the same run."""
    return of_one_run(runs, runs).fill_diagonal_(False)


def between(theta: Tensor, k: Tensor, of_rows: Tensor, of_columns: Tensor) -> Tensor:
    """Return s s'ᵀ (β k + τ²) [b, r, c] for a kernel k [b, r, c] and shares s [b, r] and s' [b, c]."""
    discrepancy, trend = (each[:, None, None] for each in theta[:, :2].exp().unbind(1))
    return of_rows.unsqueeze(2) * of_columns.unsqueeze(1) * (discrepancy * k + trend)
