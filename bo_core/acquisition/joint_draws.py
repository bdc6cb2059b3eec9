"""The latent function drawn jointly where it matters: at what could be best, at what is pending, at what is chosen.

Given one draw, a new candidate is still Gaussian, with a mean of its own and a standard deviation that all
draws share; its expected utility is then a closed form, and the candidate needs no samples (Rao–Blackwell).
"""

import torch
from torch import Tensor

from bo_core.acquisition.utility import Utility
from bo_core.quasi_random import uniform_draws
from bo_core.surrogate.kernel import matern52
from bo_core.surrogate.posterior import Posterior, safe_cholesky

_SMALLEST_VARIANCE = 1e-14
_DRAW_JITTER = 1e-8


class JointDraws:
    """S draws of f at r points, extended by one point for each candidate that is chosen.

    Points and outcomes are bordered into one system: its Cholesky factor is [[L, 0], [Hᵀ, C]] with C the factor
    of the draws' posterior covariance. For a candidate x, h = factor⁻¹ k(x, ·) gives mean_s(x) = mean + h·[u; z_s]
    and sd(x)² = 1 − |h|². The factor's inverse is kept and grows by a row per choice.
    """

    def __init__(self, posterior: Posterior, points: Tensor, draws: int, more: int, seed: int) -> None:
        """Draw f `draws` times at `points` [r, d], leaving room for `more` points to be added."""
        n, r = len(posterior.Z), len(points)
        self.posterior, self.n = posterior, n
        Z = posterior.scaled(points)
        mean, covariance = posterior.joint(points)
        C, self.jitter = safe_cholesky(covariance, _DRAW_JITTER)
        self.normals = _normal_draws(draws, r + more, seed).to(points)
        self.best = (mean[:, None] + C @ self.normals[:, :r].mT).amax(0)

        H = posterior.L_inverse @ matern52(posterior.Z, Z)[0]
        identity = torch.eye(r, dtype=C.dtype, device=C.device)
        C_inverse = torch.linalg.solve_triangular(C, identity, upper=False)
        self.Z = torch.cat([posterior.Z, Z])
        self.inverse = C.new_zeros(n + r, n + r)
        self.inverse[:n, :n] = posterior.L_inverse
        self.inverse[n:, n:] = C_inverse
        self.inverse[n:, :n] = -(C_inverse @ H.mT) @ posterior.L_inverse

    @property
    def r(self) -> int:
        """Return how many points are drawn."""
        return len(self.Z) - self.n

    def value(self, utility: Utility, X: Tensor) -> Tensor:
        """Return the log of the mean utility over draws [b] at candidates X [b, d]."""
        _, _, h = self._project(self.posterior.scaled(X))
        return _log_mean(utility.evaluate(*self._conditional(h), self.best).log_value)

    def value_and_gradient(self, utility: Utility, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log of the mean utility over draws [b] and its gradient [b, d] at candidates X [b, d]."""
        A = self.posterior.scaled(X)
        w, _, h = self._project(A)
        mean, sd = self._conditional(h)
        result = utility.evaluate(mean, sd, self.best)
        share = torch.softmax(result.log_value, 1)
        by_mean = share * result.by_mean
        by_sd = (share * result.by_sd).sum(1)
        # d sd = −h·dh / sd; the means' part goes through [u; z_s].
        by_h = h * (-by_sd / sd).unsqueeze(1)
        by_h[:, : self.n] += by_mean.sum(1, keepdim=True) * self.posterior.u
        by_h[:, self.n :] += by_mean @ self.normals[:, : self.r]
        by_k = (by_h @ self.inverse).mul_(w)
        gradient = (by_k @ self.Z - A * by_k.sum(1, keepdim=True)) * self.posterior.inverse_scales
        return _log_mean(result.log_value), gradient

    def add(self, x: Tensor) -> None:
        """Let the chosen candidate x [d] join the draws."""
        A = self.posterior.scaled(x.unsqueeze(0))
        _, _, h = self._project(A)
        mean, sd = self._conditional(h)
        self.best = torch.maximum(self.best, mean[0] + sd[0] * self.normals[:, self.r])
        size = len(self.Z)
        grown = self.inverse.new_zeros(size + 1, size + 1)
        grown[:size, :size] = self.inverse
        grown[size, :size] = -(h[0] @ self.inverse) / sd[0]
        grown[size, size] = 1.0 / sd[0]
        self.inverse = grown
        self.Z = torch.cat([self.Z, A])

    def _project(self, A: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        k, w = matern52(A, self.Z)
        return w, k, k @ self.inverse.mT

    def _conditional(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return the candidates' means [b, S] and standard deviations [b] given each draw."""
        of_data = self.posterior.mean + h[:, : self.n] @ self.posterior.u
        means = of_data.unsqueeze(1) + h[:, self.n :] @ self.normals[:, : self.r].mT
        return means, (1.0 - (h * h).sum(1)).clamp(min=_SMALLEST_VARIANCE).sqrt()


def could_be_best(posterior: Posterior, X: Tensor, generator: torch.Generator, samples: int = 1024) -> Tensor:
    """Return the indices of those points X [n, d] that are the best in at least one joint sample of f."""
    mean, covariance = posterior.joint(X)
    L, _ = safe_cholesky(covariance, _DRAW_JITTER)
    normals = torch.randn(len(X), samples, generator=generator, dtype=torch.float64).to(X)
    return torch.unique((mean[:, None] + L @ normals).argmax(0))


def _normal_draws(draws: int, dimension: int, seed: int) -> Tensor:
    """Return standard normal quasi-Monte-Carlo draws [draws, dimension] from a scrambled Sobol sequence."""
    return torch.special.ndtri(uniform_draws(dimension, draws, seed).clamp(1e-10, 1.0 - 1e-10))


def _log_mean(log_values: Tensor) -> Tensor:
    return torch.logsumexp(log_values, 1) - torch.log(log_values.new_tensor(float(log_values.shape[1])))
