"""Beliefs about outcomes below full fidelity, jointly with the latent function, which is that at full fidelity."""

from dataclasses import dataclass

from torch import Tensor

from overnight.bo_core.surrogate.errors.shortfall import (
    Shortfall,
    between,
    of_one_run,
    scatter_among,
    scatter_between,
    shares,
)
from overnight.bo_core.surrogate.posterior import Posterior


@dataclass(frozen=True)
class Lower:
    """The beliefs of a posterior about outcomes at lower fidelities; `theta` [M, 4] are those of the shortfall.

    `missing` [u] and `runs` [u] are those of the data, see `Shortfall`.
    """

    posterior: Posterior
    theta: Tensor
    missing: Tensor
    runs: Tensor | None

    @classmethod
    def of(cls, posterior: Posterior) -> "Lower":
        """Return the beliefs of a posterior whose data were measured at several fidelities."""
        assert isinstance(posterior.errors, Shortfall), "expected data of several fidelities"
        theta = posterior.hyperparameters.of_errors.to(posterior.like)
        return cls(posterior, theta, posterior.errors.missing, posterior.errors.runs)

    def joint(self, X: Tensor, missing: Tensor, runs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return means [M, b] and covariances [M, b, b] of outcomes without noise at features X [b, d].

        Of each, this share of the fidelity is `missing` [b]; 0 is the latent function. `runs` [b] are the runs that
        they would come from, which may be those of data; by default, each comes from a run of its own.
        """
        posterior = self.posterior
        Z, s, of_data = posterior.scaled(X), shares(self.theta, missing), shares(self.theta, self.missing)
        k = posterior.kernel(Z, posterior.Z)[0]
        cross = k + between(self.theta, k, s, of_data)
        if runs is not None and self.runs is not None:
            cross = cross + scatter_between(self.theta, s, of_data, of_one_run(runs, self.runs))
        h = cross @ posterior.L_inverse.mT
        mean = posterior.mean.unsqueeze(1) + (h @ posterior.residual.unsqueeze(2)).squeeze(2)
        among = posterior.kernel(Z, Z)[0]
        own = between(self.theta, among, s, s) + scatter_among(self.theta, s, runs)
        return mean, among + own - h @ h.mT

    def averaged(self, X: Tensor, missing: Tensor, runs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the mean and standard deviation [b] of the mixture over all sets of hyperparameters, see `joint`."""
        mean, covariance = self.joint(X, missing, runs)
        variance, middle = covariance.diagonal(dim1=1, dim2=2).clamp(min=0.0), mean.mean(0)
        return middle, (variance.mean(0) + (mean - middle).square().mean(0)).sqrt()
