"""The latent function drawn jointly where it matters: at what could be best, at what is pending, at what is chosen.

Given one draw, a new candidate is still Gaussian, with a mean of its own and a standard deviation that all
draws share; its expected utility is then a closed form, and the candidate needs no samples (Rao–Blackwell).
"""

import math

import torch
from torch import Tensor

from overnight.bo_core.acquisition.utility import Utility
from overnight.bo_core.search.quasi_random import uniform_draws
from overnight.bo_core.surrogate import Posterior, safe_cholesky

_SMALLEST_VARIANCE = 1e-14
_DRAW_JITTER = 1e-8
_SCREENING_DRAWS = 32
_BOUND_DEVIATIONS = 5.0
_MOST_SAMPLED = 256


class JointDraws:
    """S draws of f at r points for each of M sets of hyperparameters, extended by each candidate that is chosen.

    Points and outcomes are bordered into one system: its Cholesky factor is [[L, 0], [Hᵀ, C]] with C the factor
    of the draws' posterior covariance. For a candidate x, h = factor⁻¹ k(x, ·) gives mean_s(x) = mean + h·[u; z_s]
    and sd(x)² = 1 − |h|². The factor's inverse is kept and grows by a row per choice.
    """

    def __init__(
        self,
        posterior: Posterior,
        points: Tensor,
        draws: int,
        more: int,
        seed: int | None,
        *,
        parked: int = 0,
        approval: float = 1.0,
    ) -> None:
        """Draw f `draws` times at `points` [r, d] for each set, leaving room for `more` points to be added.

        Without a seed each draw is the mean, which is all that a utility linear in the mean asks for. The last `parked`
        points each count for a draw's best with the probability of their `approval`. A draw knows f there in any case,
        which changes nothing in the mean over draws (the tower property).
        """
        M, n, r = posterior.set_count, posterior.n, len(points)
        self.posterior, self.n, self.r = posterior, n, r
        Z = posterior.scaled(points)
        H = posterior.L_inverse @ posterior.kernel(posterior.Z, Z)[0]
        mean = posterior.mean.unsqueeze(1) + (posterior.residual.unsqueeze(1) @ H).squeeze(1)
        C, self.jitter = safe_cholesky(posterior.kernel(Z, Z)[0] - H.mT @ H, _DRAW_JITTER)
        uniform = _uniform_draws(M * draws, r + more + parked, seed)
        normals = torch.special.ndtri(uniform[:, : r + more]).to(posterior.Z)
        # Each set gets a run of the Sobol sequence, which fills the cube by itself; every M-th point would not.
        self.normals = normals.reshape(M, draws, r + more)
        f = mean.unsqueeze(2) + C @ self.normals[:, :, :r].mT
        # The sequence fills each dimension evenly, so that a share of draws is as large as the probability.
        rejected = (uniform[:, r + more :] >= approval).reshape(M, draws, parked).mT.to(f.device)
        f[:, r - parked :].masked_fill_(rejected, -torch.inf)
        self.best = f.amax(1, keepdim=True) if r else f.new_full((M, 1, draws), -torch.inf)

        size = n + r + more
        identity = torch.eye(r, dtype=C.dtype, device=C.device).expand_as(C)
        C_inverse = torch.linalg.solve_triangular(C, identity, upper=False)
        self._Z = torch.cat([posterior.Z, Z, Z.new_zeros(M, more, Z.shape[2])], 1)
        self._inverse = C.new_zeros(M, size, size)
        self._inverse[:, :n, :n] = posterior.L_inverse
        self._inverse[:, n : n + r, n : n + r] = C_inverse
        self._inverse[:, n : n + r, :n] = -(C_inverse @ H.mT) @ posterior.L_inverse
        self._take_views()

    def value(self, utility: Utility, X: Tensor, *, screening: bool = False) -> Tensor:
        """Return the average utility, or its log, [b] at candidates X [b, d]; over fewer draws for `screening`."""
        h = self.posterior.kernel(self.posterior.scaled(X), self.Z)[0] @ self.inverse.mT
        count = max(_SCREENING_DRAWS // self.posterior.set_count, 4) if screening else self.normals.shape[1]
        mean, sd = self._conditional(h, self.known_normals[:, :count])
        value = utility.evaluate(mean, sd.unsqueeze(2), self.best[:, :, :count]).value
        return _log_mean(value) if utility.logarithmic else value.mean((0, 2))

    def value_and_gradient(self, utility: Utility, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the average utility, or its log, [b] and its gradient [b, d] at candidates X [b, d]."""
        A = self.posterior.scaled(X)
        k, w = self.posterior.kernel(A, self.Z)
        h = k @ self.inverse.mT
        mean, sd = self._conditional(h, self.known_normals)
        result = utility.evaluate(mean, sd.unsqueeze(2), self.best)
        if utility.logarithmic:
            value = _log_mean(result.value)
            share = (result.value - value.unsqueeze(1)).exp_()
        else:
            value, share = result.value.mean((0, 2)), torch.ones_like(result.value)
        share.div_(mean.shape[0] * mean.shape[2])
        by_mean = share * result.by_mean
        by_sd = share.mul_(result.by_sd).sum(2)
        # d sd = −h·dh / sd; the means' part goes through [u; z_s].
        by_h = h * (-by_sd / sd).unsqueeze(2)
        by_h[:, :, : self.n] += by_mean.sum(2, keepdim=True) * self.posterior.residual.unsqueeze(1)
        by_h[:, :, self.n :] += by_mean @ self.known_normals
        by_k = (by_h @ self.inverse).mul_(w)
        by_scaled = by_k @ self.Z - A * by_k.sum(2, keepdim=True)
        return value, self.posterior.scaling.by_features(X, by_scaled).sum(0)

    def add(self, x: Tensor) -> None:
        """Let the chosen candidate x [d] join the draws."""
        A = self.posterior.scaled(x.unsqueeze(0))
        h = self.posterior.kernel(A, self.Z)[0] @ self.inverse.mT
        mean, sd = self._conditional(h, self.known_normals)
        # As where a point is drawn from the start; a point that is drawn twice has no variance left but this.
        sd = (sd * sd + self.jitter).sqrt()
        drawn = mean + sd.unsqueeze(2) * self.normals[:, :, self.r].unsqueeze(1)
        self.best = torch.maximum(self.best, drawn)
        i = self.n + self.r
        self._inverse[:, i, :i] = -(h @ self.inverse).squeeze(1) / sd
        self._inverse[:, i, i] = 1.0 / sd.squeeze(1)
        self._Z[:, i] = A.squeeze(1)
        self.r += 1
        self._take_views()

    def _take_views(self) -> None:
        a = self.n + self.r
        self.Z = self._Z[:, :a].contiguous()
        self.inverse = self._inverse[:, :a, :a].contiguous()
        self.known_normals = self.normals[:, :, : self.r].contiguous()

    def _conditional(self, h: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
        """Return the candidates' means [M, b, S] given each draw and standard deviations [M, b]."""
        of_data = h[:, :, : self.n] @ self.posterior.residual.unsqueeze(2) + self.posterior.mean[:, None, None]
        means = torch.baddbmm(of_data, h[:, :, self.n :], normals.mT)
        return means, (1.0 - (h * h).sum(2)).clamp_(min=_SMALLEST_VARIANCE).sqrt_()


def could_be_best(posterior: Posterior, X: Tensor, generator: torch.Generator, samples: int = 1024) -> Tensor:
    """Return the indices of those observed points X [n, d] that are the best in at least one joint sample of f.

    They are ordered by how often they are.

    Points of which even the bounds of their beliefs do not reach the best are left out beforehand, and of the others
    only the most hopeful are sampled, so that thousands of observations cost little.
    """
    low, high = posterior.bounds_at_data(_BOUND_DEVIATIONS)
    hopeful = torch.nonzero((high >= low.amax(1, keepdim=True)).any(0)).squeeze(1)
    if len(hopeful) > _MOST_SAMPLED:
        order = high.mean(0)[hopeful].argsort(descending=True)[:_MOST_SAMPLED]
        hopeful = hopeful[order].sort().values
    mean, covariance = posterior.joint(X[hopeful])
    L, _ = safe_cholesky(covariance, _DRAW_JITTER)
    each = max(samples // posterior.set_count, 64)
    normals = torch.randn(posterior.set_count, len(hopeful), each, generator=generator, dtype=torch.float64).to(
        posterior.Z
    )
    best, times = torch.unique((mean.unsqueeze(2) + L @ normals).argmax(1), return_counts=True)
    return hopeful[best[times.argsort(descending=True, stable=True)]]


def _uniform_draws(draws: int, dimension: int, seed: int | None) -> Tensor:
    """Return quasi-Monte-Carlo draws [draws, dimension] of the open unit cube, or its middle."""
    if seed is None:
        return torch.full((draws, dimension), 0.5, dtype=torch.float64)
    return uniform_draws(dimension, draws, seed).clamp(1e-10, 1.0 - 1e-10)


def _log_mean(log_values: Tensor) -> Tensor:
    """Return the logs of the means [b] over sets and draws of exp log_values [M, b, S]."""
    return torch.logsumexp(log_values, (0, 2)) - math.log(log_values.shape[0] * log_values.shape[2])
