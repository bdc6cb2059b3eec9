"""Beliefs about outcomes below full fidelity, jointly with the latent function, which is that at full fidelity."""

from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.surrogate.errors.shortfall import Shortfall, between, scatter, shares
from overnight.bo_core.surrogate.posterior import Posterior


@dataclass(frozen=True)
class Lower:
    """The beliefs of a posterior about outcomes at lower fidelities; `theta` [M, 4] are those of the shortfall."""

    posterior: Posterior
    theta: Tensor
    missing: Tensor

    @classmethod
    def of(cls, posterior: Posterior) -> "Lower":
        """Return the beliefs of a posterior whose data were measured at several fidelities."""
        assert isinstance(posterior.errors, Shortfall), "expected data of several fidelities"
        theta = posterior.hyperparameters.of_errors.to(posterior.like)
        return cls(posterior, theta, posterior.errors.missing)

    def joint(self, X: Tensor, missing: Tensor) -> tuple[Tensor, Tensor]:
        """Return means [M, b] and covariances [M, b, b] of outcomes without noise at features X [b, d].

        Of each, this share of the fidelity is `missing` [b]; 0 is the latent function.
        """
        posterior = self.posterior
        Z, s, of_data = posterior.scaled(X), shares(self.theta, missing), shares(self.theta, self.missing)
        k = posterior.kernel(Z, posterior.Z)[0]
        h = (k + between(self.theta, k, s, of_data)) @ posterior.L_inverse.mT
        mean = posterior.mean.unsqueeze(1) + (h @ posterior.residual.unsqueeze(2)).squeeze(2)
        among = posterior.kernel(Z, Z)[0]
        own = between(self.theta, among, s, s) + torch.diag_embed(scatter(self.theta, s))
        return mean, among + own - h @ h.mT

    def averaged(self, X: Tensor, missing: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and standard deviation [b] of the mixture over all sets of hyperparameters."""
        mean, covariance = self.joint(X, missing)
        variance, middle = covariance.diagonal(dim1=1, dim2=2).clamp(min=0.0), mean.mean(0)
        return middle, (variance.mean(0) + (mean - middle).square().mean(0)).sqrt()
