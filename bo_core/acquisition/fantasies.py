"""Sample outcomes of the pending trials, and condition the posterior on each sample.

Beliefs are conditioned by extending the Cholesky factor without a refit, so hyperparameters and mean do not change.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.search.quasi_random import uniform_draws
from overnight.bo_core.surrogate import Posterior, safe_cholesky

_LEAST_JITTER = 1e-10


@dataclass(frozen=True)
class Fantasies:
    """Beliefs after F sampled `outcomes` [M, F, p] of p pending points, for each of M sets of hyperparameters.

    `posterior` is the belief before. `Z` [M, n + p, d], `L_inverse` [M, n + p, n + p] and `noise` [M, n + p] are as in
    that class, extended by the p points, and shared by all fantasies; each fantasy has its own `residual` [M, F, n +
    p]. All values are in standardised units.
    """

    posterior: Posterior
    outcomes: Tensor
    Z: Tensor
    L_inverse: Tensor
    residual: Tensor
    noise: Tensor

    def marginal(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means [M, F, b] of the latent function at features X [b, d], and its standard deviations [M, b].

        The standard deviations do not depend on the outcomes.
        """
        h = self.posterior.kernel(self.posterior.scaled(X), self.Z)[0] @ self.L_inverse.mT
        mean = self.posterior.mean[:, None, None] + self.residual @ h.mT
        return mean, (1.0 - (h * h).sum(2)).clamp_(min=0.0).sqrt_()

    def as_posterior(self) -> Posterior:
        """Return a posterior with each set and fantasy as one of its M F sets, the fantasies of a set together.

        Any average over the sets of a posterior is then an average over fantasies, too.
        """
        M, F = self.outcomes.shape[:2]
        sets = torch.arange(M, device=self.outcomes.device).repeat_interleave(F)
        observed = self.posterior.y.expand(M, -1).unsqueeze(1).expand(-1, F, -1)
        y = torch.cat([observed, self.outcomes], 2).flatten(0, 1)
        residual = self.residual.flatten(0, 1)
        return self.posterior.with_more(sets, self.Z[sets], self.L_inverse[sets], residual, y, self.noise[sets])


def fantasize(
    posterior: Posterior, pending: Tensor, n_fantasies: int, seed: int, noise: Tensor | None = None
) -> Fantasies:
    """Return beliefs after sampled noisy outcomes at features `pending` [p, d], by quasi-Monte-Carlo.

    `noise` [M, p] is the variance that each measurement will have, by default the inferred one.
    """
    M, p = posterior.set_count, len(pending)
    uniform = uniform_draws(max(M * p, 1), n_fantasies, seed).clamp(1e-10, 1.0 - 1e-10)
    normals = torch.special.ndtri(uniform)[:, : M * p].reshape(n_fantasies, M, p).transpose(0, 1).to(posterior.Z)
    return _Extension(posterior, pending, noise).from_whitened(normals)


def conditioned(posterior: Posterior, X: Tensor, outcomes: Tensor, noise: Tensor | None = None) -> Fantasies:
    """Return beliefs after given outcomes [M, F, p] at features X [p, d]; `noise` [M, p] as for `fantasize`."""
    return _Extension(posterior, X, noise).from_outcomes(outcomes)


class _Extension:
    """The Cholesky factor [[L, 0], [Hᵀ, C]] of data and p more points, as its inverse.

    With C the factor of the noisy posterior covariance, outcomes y = mean + C v have the whitened residuals v.
    """

    def __init__(self, posterior: Posterior, X: Tensor, noise: Tensor | None) -> None:
        M, p = posterior.set_count, len(X)
        jitter = posterior.hyperparameters.jitter
        if noise is None:
            noise = posterior.hyperparameters.noise_variance.to(posterior.Z).unsqueeze(1).expand(M, p)
        A = posterior.scaled(X)
        H = posterior.L_inverse @ posterior.kernel(posterior.Z, A)[0]
        covariance = posterior.kernel(A, A)[0] - H.mT @ H + torch.diag_embed(noise)
        self.C, jitter = safe_cholesky(covariance, max(jitter, _LEAST_JITTER))
        C_inverse = torch.linalg.solve_triangular(self.C, torch.eye(p).to(self.C).expand(M, p, p), upper=False)
        self.posterior, self.C_inverse = posterior, C_inverse
        self.mean = posterior.mean.unsqueeze(1) + (posterior.residual.unsqueeze(1) @ H).squeeze(1)
        self.noise = torch.cat([posterior.noise, noise + jitter], 1)
        self.Z = torch.cat([posterior.Z, A], 1)
        above = torch.cat([posterior.L_inverse, H.new_zeros(M, posterior.n, p)], 2)
        below = torch.cat([-(C_inverse @ H.mT) @ posterior.L_inverse, C_inverse], 2)
        self.L_inverse = torch.cat([above, below], 1)

    def from_whitened(self, v: Tensor) -> Fantasies:
        """Return beliefs after the outcomes whose whitened residuals are v [M, F, p]."""
        return self._fantasies(self.mean.unsqueeze(1) + v @ self.C.mT, v)

    def from_outcomes(self, outcomes: Tensor) -> Fantasies:
        """Return beliefs after outcomes [M, F, p]."""
        return self._fantasies(outcomes, (outcomes - self.mean.unsqueeze(1)) @ self.C_inverse.mT)

    def _fantasies(self, outcomes: Tensor, v: Tensor) -> Fantasies:
        known = self.posterior.residual.unsqueeze(1).expand(-1, outcomes.shape[1], -1)
        return Fantasies(self.posterior, outcomes, self.Z, self.L_inverse, torch.cat([known, v], 2), self.noise)
