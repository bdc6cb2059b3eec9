"""Draws of a metric from its joint posterior alone, differentiated by autograd."""

from collections.abc import Callable

import torch
from gpytorch.distributions import MultivariateNormal
from torch import Tensor

from overnight.bo_core.gpytorch_models.exactly import exactly
from overnight.bo_core.surrogate import Conditional, PullBack, safe_cholesky
from overnight.bo_core.surrogate.metric_draws import DRAW_JITTER, SMALLEST_VARIANCE

# A joint posterior of more candidates takes more memory than it saves time.
TOGETHER = 512
Joint = Callable[[Tensor], MultivariateNormal]


class DifferentiatedDraws:
    """The draws of `MetricDraws`, by conditioning the joint posterior at the draws' points and the candidates.

    With C the factor of the covariance at the points and h = C⁻¹ cov(points, x), a candidate's mean in draw s is
    mean(x) + h·z_s, and its variance is that of the posterior minus |h|².
    """

    def __init__(self, joint: Joint, points: Tensor, normals: Tensor) -> None:
        """Draw f at `points` [r, d] from `normals` [1, S, r + more], of which the last are for points to be added.

        `joint` returns the posterior; it is called inside `exactly`.
        """
        self.joint = joint
        with exactly(gradients=False):
            self.points, self.normals = points.clone(), normals[0].clone()
            found = joint(self.points)
            self.C, self.jitter = safe_cholesky(found.covariance_matrix, DRAW_JITTER)
            self.values = (found.mean.unsqueeze(1) + self.C @ self.normals[:, : len(points)].mT).unsqueeze(0)

    def at(self, X: Tensor, draws: int | None = None) -> Conditional:
        """Return the metric at candidates X [b, d], given each draw or the first `draws` of them."""
        with exactly(gradients=False):
            parts = [self._at(part.clone(), draws) for part in X.split(TOGETHER)]
            return Conditional(*(torch.cat(part).unsqueeze(0) for part in zip(*parts, strict=True)))

    def at_with_pull_back(self, X: Tensor) -> tuple[Conditional, PullBack]:
        """Return the metric at candidates X [b, d], and a function from its derivatives to those by X."""
        with exactly(gradients=True):
            inputs = X.clone().requires_grad_()
            mean, sd = self._at(inputs)

        def pull_back(by_mean: Tensor, by_sd: Tensor) -> Tensor:
            with exactly(gradients=True):
                outer = [by_mean[0].clone(), by_sd[0].unsqueeze(1).clone()]
                return torch.autograd.grad([mean, sd], inputs, outer)[0]

        return Conditional(mean.detach().unsqueeze(0), sd.detach().unsqueeze(0)), pull_back

    def add(self, x: Tensor) -> None:
        """Add the chosen candidate x [d] to the draws."""
        with exactly(gradients=False):
            X, r = x.clone().unsqueeze(0), len(self.points)
            mean, h, variance = self._conditioned(X)
            sd = (variance + self.jitter).sqrt()
            drawn = mean + h.mT @ self.normals[:, :r].mT + sd * self.normals[:, r]
            above = torch.cat([self.C, self.C.new_zeros(r, 1)], 1)
            self.C = torch.cat([above, torch.cat([h.mT, sd.unsqueeze(1)], 1)])
            self.values = torch.cat([self.values, drawn.unsqueeze(0)], 1)
            self.points = torch.cat([self.points, X])

    def _at(self, X: Tensor, draws: int | None = None) -> tuple[Tensor, Tensor]:
        """Return the means [b, S] given each draw and the standard deviations [b, 1]."""
        mean, h, variance = self._conditioned(X)
        normals = self.normals[:draws, : len(self.points)]
        return mean.unsqueeze(1) + h.mT @ normals.mT, variance.sqrt().unsqueeze(1)

    def _conditioned(self, X: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the posterior means [b], h [r, b], and the remaining variances [b] given the draws."""
        r = len(self.points)
        found = self.joint(torch.cat([self.points, X]))
        covariance = found.covariance_matrix
        h = torch.linalg.solve_triangular(self.C, covariance[:r, r:], upper=False)
        variance = covariance.diagonal()[r:] - (h * h).sum(0)
        return found.mean[r:], h, variance.clamp(min=SMALLEST_VARIANCE)
