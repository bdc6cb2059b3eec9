"""One metric drawn where it matters, and its distribution at a candidate given each draw.

Given one draw, a candidate is still Gaussian, with a mean of its own and a standard deviation that all draws share; its
expected utility is then a closed form, and the candidate needs no samples (Rao–Blackwell).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.surrogate import Posterior, safe_cholesky

_SMALLEST_VARIANCE = 1e-14
_DRAW_JITTER = 1e-8


@dataclass(frozen=True)
class Conditional:
    """A metric at candidates given each draw: means [M, b, S] and standard deviations [M, b, 1]."""

    mean: Tensor
    sd: Tensor


# From derivatives by the means [M, b, S] and by the standard deviations [M, b] to those by the features [b, d].
PullBack = Callable[[Tensor, Tensor], Tensor]


class MetricDraws:
    """S draws of f at r points for each of M sets of hyperparameters, extended by each candidate that is chosen.

    Points and outcomes are bordered into one system: its Cholesky factor is [[L, 0], [Hᵀ, C]] with C the factor
    of the draws' posterior covariance. For a candidate x, h = factor⁻¹ k(x, ·) gives mean_s(x) = mean + h·[u; z_s]
    and sd(x)² = 1 − |h|². The factor's inverse is kept and grows by a row per choice.

    `values` [M, r, S] are the draws.
    """

    def __init__(self, posterior: Posterior, points: Tensor, normals: Tensor) -> None:
        """Draw f at `points` [r, d] from `normals` [M, S, r + more], of which the last are for points to be added."""
        M, n, r = posterior.set_count, posterior.n, len(points)
        self.posterior, self.normals, self.n, self.r = posterior, normals, n, r
        Z = posterior.scaled(points)
        H = posterior.L_inverse @ posterior.kernel(posterior.Z, Z)[0]
        mean = posterior.mean.unsqueeze(1) + (posterior.residual.unsqueeze(1) @ H).squeeze(1)
        C, self.jitter = safe_cholesky(posterior.kernel(Z, Z)[0] - H.mT @ H, _DRAW_JITTER)
        self.values = mean.unsqueeze(2) + C @ normals[:, :, :r].mT
        size = n + normals.shape[2]
        identity = torch.eye(r, dtype=C.dtype, device=C.device).expand_as(C)
        C_inverse = torch.linalg.solve_triangular(C, identity, upper=False)
        self._Z = torch.cat([posterior.Z, Z, Z.new_zeros(M, size - n - r, Z.shape[2])], 1)
        self._inverse = C.new_zeros(M, size, size)
        self._inverse[:, :n, :n] = posterior.L_inverse
        self._inverse[:, n : n + r, n : n + r] = C_inverse
        self._inverse[:, n : n + r, :n] = -(C_inverse @ H.mT) @ posterior.L_inverse
        self._take_views()

    def at(self, X: Tensor, draws: int | None = None) -> Conditional:
        """Return the metric at candidates X [b, d], given each draw or the first `draws` of them."""
        h = self.posterior.kernel(self.posterior.scaled(X), self.Z)[0] @ self.inverse.mT
        return self._conditional(h, self.known_normals[:, :draws])

    def at_with_pull_back(self, X: Tensor) -> tuple[Conditional, PullBack]:
        """Return the metric at candidates X [b, d], and the way back from its derivatives to those by X."""
        A = self.posterior.scaled(X)
        k, w = self.posterior.kernel(A, self.Z)
        h = k @ self.inverse.mT
        found = self._conditional(h, self.known_normals)

        def pull_back(by_mean: Tensor, by_sd: Tensor) -> Tensor:
            # d sd = −h·dh / sd; the means' part goes through [u; z_s].
            by_h = h * (-by_sd / found.sd.squeeze(2)).unsqueeze(2)
            by_h[:, :, : self.n] += by_mean.sum(2, keepdim=True) * self.posterior.residual.unsqueeze(1)
            by_h[:, :, self.n :] += by_mean @ self.known_normals
            by_k = (by_h @ self.inverse).mul_(w)
            by_scaled = by_k @ self.Z - A * by_k.sum(2, keepdim=True)
            return self.posterior.scaling.by_features(X, by_scaled).sum(0)

        return found, pull_back

    def add(self, x: Tensor) -> None:
        """Let the chosen candidate x [d] join the draws."""
        A = self.posterior.scaled(x.unsqueeze(0))
        h = self.posterior.kernel(A, self.Z)[0] @ self.inverse.mT
        found = self._conditional(h, self.known_normals)
        # As for a point that is drawn from the start; a point that is drawn twice has no variance left but this.
        sd = (found.sd * found.sd + self.jitter).sqrt()
        drawn = found.mean + sd * self.normals[:, :, self.r].unsqueeze(1)
        self.values = torch.cat([self.values, drawn], 1)
        i = self.n + self.r
        self._inverse[:, i, :i] = -(h @ self.inverse).squeeze(1) / sd.squeeze(2)
        self._inverse[:, i, i] = 1.0 / sd.flatten()
        self._Z[:, i] = A.squeeze(1)
        self.r += 1
        self._take_views()

    def _take_views(self) -> None:
        a = self.n + self.r
        self.Z = self._Z[:, :a].contiguous()
        self.inverse = self._inverse[:, :a, :a].contiguous()
        self.known_normals = self.normals[:, :, : self.r].contiguous()

    def _conditional(self, h: Tensor, normals: Tensor) -> Conditional:
        of_data = h[:, :, : self.n] @ self.posterior.residual.unsqueeze(2) + self.posterior.mean[:, None, None]
        means = torch.baddbmm(of_data, h[:, :, self.n :], normals.mT)
        return Conditional(means, (1.0 - (h * h).sum(2, keepdim=True)).clamp_(min=_SMALLEST_VARIANCE).sqrt_())
