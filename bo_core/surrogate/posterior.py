"""The posterior of the latent function given the observations, and draws of it, with analytic gradients."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.numerics.triangular import triangular_inverse
from overnight.bo_core.surrogate.errors import SharedErrors
from overnight.bo_core.surrogate.hyperparameters import Hyperparameters, Record
from overnight.bo_core.surrogate.kernel import kernel, kernel_by_rows
from overnight.bo_core.surrogate.marginal_likelihood import generalised_mean
from overnight.bo_core.surrogate.metric_draws import DRAW_JITTER, SMALLEST_VARIANCE, Conditional, PullBack
from overnight.bo_core.surrogate.scaling import Scaling
from overnight.bo_core.surrogate.training_data import TrainingData
from overnight.campaign.errors import ModelFailed

_LEAST_JITTER = 1e-10


@dataclass(frozen=True, eq=False)
class Posterior:
    """The Gaussian process conditioned on the data, once for each of M sets of hyperparameters.

    `Z` [M, u, d] are the scaled features of the data, `L_inverse` [M, u, u] is the inverse Cholesky factor of the noisy
    kernel matrix, `mean` [M], `residual` [M, u] = L⁻¹(y − mean), and `noise` [M, u] holds the variances of the outcomes
    `y`, [u] or [M, u]. `groups` are the features that share a length scale. All values are in standardised units.

    `errors` are those that observations share, and `of_errors` [M, u, u] is their covariance at the data, which is part
    of the noisy kernel matrix. Predictions are of the latent function, which is free of them.
    """

    hyperparameters: Hyperparameters
    groups: FeatureGroups
    scaling: Scaling
    Z: Tensor
    L_inverse: Tensor
    mean: Tensor
    residual: Tensor
    y: Tensor
    noise: Tensor
    errors: SharedErrors | None = None
    of_errors: Tensor | None = None

    @classmethod
    def of(cls, data: TrainingData, hyperparameters: Hyperparameters) -> "Posterior":
        """Condition on data."""
        device, y = data.X.device, data.y
        scaling = Scaling.around(data.X, data.groups, hyperparameters)
        Z = scaling.scaled(data.X)
        K, _ = (kernel_by_rows if data.many else kernel)(hyperparameters.kernel, Z, Z)
        noise = data.noise(hyperparameters.noise_variance.to(device)) + hyperparameters.jitter
        errors = data.errors
        of_errors = None if errors is None else errors.covariance(hyperparameters.of_errors.to(device), K)
        K.diagonal(dim1=1, dim2=2).copy_(1.0 + noise)
        L, _ = safe_cholesky(K if of_errors is None else K + of_errors, 0.0)
        if data.many:
            L_inverse = triangular_inverse(L)
            of_y, of_one = (L_inverse @ torch.stack([y, torch.ones_like(y)], 1)).unbind(2)
            mean = torch.linalg.vecdot(of_one, of_y) / torch.linalg.vecdot(of_one, of_one)
            residual = of_y - mean.unsqueeze(1) * of_one
        else:
            identity = torch.eye(len(y), dtype=L.dtype, device=device).expand_as(L)
            L_inverse = torch.linalg.solve_triangular(L, identity, upper=False)
            mean = generalised_mean(L_inverse.mT @ L_inverse, y)
            residual = (L_inverse @ (y - mean.unsqueeze(1)).unsqueeze(2)).squeeze(2)
        return cls(hyperparameters, data.groups, scaling, Z, L_inverse, mean, residual, y, noise, errors, of_errors)

    @property
    def set_count(self) -> int:
        """Return M, the number of sets of hyperparameters."""
        return self.Z.shape[0]

    @property
    def like(self) -> Tensor:
        """Return a tensor with the type and the device of all inputs and outputs."""
        return self.Z

    @property
    def scales(self) -> Tensor:
        """Return the typical length scales [d]: the geometric means over the sets."""
        return self.groups.log_scales(self.hyperparameters.log_length_scales.mean(0)).exp()

    @property
    def jitter(self) -> float:
        """Return the jitter that belongs to the hyperparameters."""
        return self.hyperparameters.jitter

    @property
    def n(self) -> int:
        """Return the number of distinct observations."""
        return self.Z.shape[1]

    def kernel(self, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
        """Return the kernel k and its w between scaled features, see `surrogate.kernel`."""
        return kernel(self.hyperparameters.kernel, A, B)

    def scaled(self, X: Tensor) -> Tensor:
        """Return features X [b, d] in units of the length scales [M, b, d], centred for accuracy."""
        return self.scaling.scaled(X)

    def joint(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means [M, b] and covariances [M, b, b] of the latent function at features X [b, d]."""
        Z = self.scaled(X)
        mean, h = self._project(Z)
        return mean, self.kernel(Z, Z)[0] - h @ h.mT

    def marginal(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means and standard deviations [M, b] of the latent function at features X [b, d]."""
        mean, h = self._project(self.scaled(X))
        return mean, (1.0 - (h * h).sum(2)).clamp_(min=0.0).sqrt_()

    def means(self, X: Tensor) -> Tensor:
        """Return the means [M, b] of the latent function at features X [b, d], in less time than `marginal`."""
        alpha = self.L_inverse.mT @ self.residual.unsqueeze(2)
        return self.mean.unsqueeze(1) + (self.kernel(self.scaled(X), self.Z)[0] @ alpha).squeeze(2)

    def marginal_with_gradients(self, X: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return means and variances [M, b] at features X [b, d], and the gradients of both [M, b, d]."""
        A = self.scaled(X)
        k, w = self.kernel(A, self.Z)
        h = k @ self.L_inverse.mT
        mean = self.mean.unsqueeze(1) + (h @ self.residual.unsqueeze(2)).squeeze(2)
        variance = (1.0 - (h * h).sum(2)).clamp_(min=0.0)
        alpha = self.residual.unsqueeze(1) @ self.L_inverse

        def by_features(by_k: Tensor) -> Tensor:
            by_D = by_k * w
            return self.scaling.by_features(X, by_D @ self.Z - A * by_D.sum(2, keepdim=True))

        return mean, variance, by_features(alpha), by_features((h @ self.L_inverse).mul_(-2.0))

    def means_at_data(self) -> Tensor:
        """Return the means [M, n] of the latent function at the observed points: y − V K⁻¹(y − m).

        V is the covariance of all errors of the observations: their noise, and those that they share.
        """
        alpha = (self.residual.unsqueeze(1) @ self.L_inverse).squeeze(1)
        if self.of_errors is None:
            return self.y - self.noise * alpha
        return self.y - self.noise * alpha - (self.of_errors @ alpha.unsqueeze(2)).squeeze(2)

    def bounds_at_data(self, deviations: float) -> tuple[Tensor, Tensor]:
        """Return bounds of f at the observed points [M, n], at least `deviations` sds away.

        A point's own observation leaves a variance of at most noise/(1 + noise). With shared errors, the variance is
        the diagonal of V − V K⁻¹ V, with V as in `means_at_data`.
        """
        mean = self.means_at_data()
        if self.of_errors is not None:
            errors = self.of_errors + torch.diag_embed(self.noise)
            explained = (self.L_inverse @ errors).square().sum(1)
            spread = (errors.diagonal(dim1=1, dim2=2) - explained).clamp(min=0.0).sqrt()
            return mean - deviations * spread, mean + deviations * spread
        reach = deviations * (self.noise / (1.0 + self.noise)).sqrt()
        return mean - reach, mean + reach

    def averaged(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and standard deviation [b] of the mixture over all sets of hyperparameters."""
        mean, sd = self.marginal(X)
        middle = mean.mean(0)
        return middle, ((sd * sd).mean(0) + ((mean - middle) ** 2).mean(0)).sqrt()

    def replicate_noise(self, data: TrainingData) -> Tensor:
        """Return the noise variances [M, u] that one more measurement at each distinct observed point would have."""
        return data.replicate_noise(self.hyperparameters.noise_variance.to(data.X.device))

    def drawn(self, points: Tensor, normals: Tensor) -> "BorderedDraws":
        """Return draws of f at `points` [r, d], see `BorderedDraws`."""
        return BorderedDraws(self, points, normals)

    def as_record(self) -> Record:
        """Return the learnt numbers, bit-exact, by name."""
        return self.hyperparameters.as_record()

    def with_more(
        self, sets: Tensor, Z: Tensor, L_inverse: Tensor, residual: Tensor, y: Tensor, noise: Tensor
    ) -> "Posterior":
        """Return this posterior with more data, factorised by the caller, once for each of M' sets.

        `sets` [M'] are the indices of these in the M sets, whose hyperparameters and means they have. Z [M', n', d],
        L_inverse [M', n', n'], residual, y and noise [M', n'] are as in this class, for all data. The new data share
        no errors: their outcomes are those of the latent function with noise.
        """
        hyperparameters = replace(self.hyperparameters, theta=self.hyperparameters.theta[sets.cpu()])
        scaling, mean = self.scaling.of_sets(sets), self.mean[sets]
        more = noise.shape[1] - self.n
        of_errors = None if self.of_errors is None else pad(self.of_errors[sets], (0, more, 0, more))
        return Posterior(
            hyperparameters, self.groups, scaling, Z, L_inverse, mean, residual, y, noise, of_errors=of_errors
        )

    def _project(self, Z: Tensor) -> tuple[Tensor, Tensor]:
        h = self.kernel(Z, self.Z)[0] @ self.L_inverse.mT
        return self.mean.unsqueeze(1) + (h @ self.residual.unsqueeze(2)).squeeze(2), h


class BorderedDraws:
    """The draws of `MetricDraws` by one bordered factor, which grows by a row per choice.

    Points and outcomes are bordered into one system: its Cholesky factor is [[L, 0], [Hᵀ, C]] with C the factor of the
    draws' posterior covariance. For a candidate x, h = factor⁻¹ k(x, ·) gives mean_s(x) = mean + h·[u; z_s] and sd(x)²
    = 1 − |h|². The factor's inverse is stored.
    """

    def __init__(self, posterior: Posterior, points: Tensor, normals: Tensor) -> None:
        """Draw f at `points` [r, d] from `normals` [M, S, r + more], of which the last are for points to be added."""
        M, n, r = posterior.set_count, posterior.n, len(points)
        self.posterior, self.normals, self.n, self.r = posterior, normals, n, r
        Z = posterior.scaled(points)
        H = posterior.L_inverse @ posterior.kernel(posterior.Z, Z)[0]
        mean = posterior.mean.unsqueeze(1) + (posterior.residual.unsqueeze(1) @ H).squeeze(1)
        C, self.jitter = safe_cholesky(posterior.kernel(Z, Z)[0] - H.mT @ H, DRAW_JITTER)
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
        """Return the metric at candidates X [b, d], and a function from its derivatives to those by X."""
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
        """Add the chosen candidate x [d] to the draws."""
        A = self.posterior.scaled(x.unsqueeze(0))
        h = self.posterior.kernel(A, self.Z)[0] @ self.inverse.mT
        found = self._conditional(h, self.known_normals)
        # As for a point drawn from the start; a point that is drawn twice has only this variance left.
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
        return Conditional(means, (1.0 - (h * h).sum(2, keepdim=True)).clamp_(min=SMALLEST_VARIANCE).sqrt_())


def safe_cholesky(covariance: Tensor, jitter: float) -> tuple[Tensor, float]:
    """Return Cholesky factors of covariances [..., r, r] that may be singular, and the jitter needed."""
    while True:
        padded = covariance.clone()
        padded.diagonal(dim1=-2, dim2=-1).add_(jitter)
        L, failed = torch.linalg.cholesky_ex(padded)
        if not bool(failed.any()):
            return L, jitter
        if jitter > 1.0:
            raise ModelFailed("The surrogate's covariance is not finite. Please report this with the ledger.")
        jitter = max(10.0 * jitter, _LEAST_JITTER)
