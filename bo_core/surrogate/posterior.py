"""What is believed of the latent function after the observations."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from overnight.bo_core.surrogate.hyperparameters import Hyperparameters
from overnight.bo_core.surrogate.kernel import kernel
from overnight.bo_core.surrogate.marginal_likelihood import generalised_mean
from overnight.bo_core.surrogate.scaling import Scaling
from overnight.bo_core.surrogate.training_data import TrainingData
from overnight.campaign.errors import ModelFailed

_LEAST_JITTER = 1e-10


@dataclass(frozen=True, eq=False)
class Posterior:
    """The Gaussian process conditioned on the data, once for each of M sets of hyperparameters.

    `Z` [M, u, d] are the scaled features of the data, `L_inverse` [M, u, u] is the inverse Cholesky factor of the
    noisy kernel matrix, `mean` [M], `residual` [M, u] = L⁻¹(y − mean), and `noise` [M, u] holds the variances of the
    outcomes `y`, [u] or [M, u]. Everything is in standardised units.
    """

    hyperparameters: Hyperparameters
    scaling: Scaling
    Z: Tensor
    L_inverse: Tensor
    mean: Tensor
    residual: Tensor
    y: Tensor
    noise: Tensor

    @classmethod
    def of(cls, data: TrainingData, hyperparameters: Hyperparameters) -> "Posterior":
        """Condition on data."""
        device, y = data.X.device, data.y
        scaling = Scaling.around(data.X, hyperparameters)
        Z = scaling.scaled(data.X)
        K, _ = kernel(hyperparameters.kernel, Z, Z)
        noise = data.noise(hyperparameters.noise_variance.to(device)) + hyperparameters.jitter
        K.diagonal(dim1=1, dim2=2).copy_(1.0 + noise)
        L, _ = safe_cholesky(K, 0.0)
        identity = torch.eye(len(y), dtype=L.dtype, device=device).expand_as(L)
        L_inverse = torch.linalg.solve_triangular(L, identity, upper=False)
        mean = generalised_mean(L_inverse.mT @ L_inverse, y)
        residual = (L_inverse @ (y - mean.unsqueeze(1)).unsqueeze(2)).squeeze(2)
        return cls(hyperparameters, scaling, Z, L_inverse, mean, residual, y, noise)

    @property
    def set_count(self) -> int:
        """Return M, the number of sets of hyperparameters."""
        return self.Z.shape[0]

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
        """Return the means [M, n] of the latent function at the observed points: y − noise K⁻¹(y − m)."""
        return self.y - self.noise * (self.residual.unsqueeze(1) @ self.L_inverse).squeeze(1)

    def bounds_at_data(self, deviations: float) -> tuple[Tensor, Tensor]:
        """Return what f at the observed points [M, n] lies between, to so many standard deviations or more.

        Its own observation leaves a variance of noise/(1 + noise) at most.
        """
        mean = self.means_at_data()
        reach = deviations * (self.noise / (1.0 + self.noise)).sqrt()
        return mean - reach, mean + reach

    def averaged(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and standard deviation [b] of the mixture over all sets of hyperparameters."""
        mean, sd = self.marginal(X)
        middle = mean.mean(0)
        return middle, ((sd * sd).mean(0) + ((mean - middle) ** 2).mean(0)).sqrt()

    def with_more(
        self, sets: Tensor, Z: Tensor, L_inverse: Tensor, residual: Tensor, y: Tensor, noise: Tensor
    ) -> "Posterior":
        """Return this posterior with more data, factorised by the caller, once for each of M' sets.

        `sets` [M'] says which of the M sets each is, and thus its hyperparameters and its mean; Z [M', n', d],
        L_inverse [M', n', n'], residual, y and noise [M', n'] are as here, those of all data.
        """
        hyperparameters = replace(self.hyperparameters, theta=self.hyperparameters.theta[sets.cpu()])
        scaling, mean = self.scaling.of_sets(sets), self.mean[sets]
        return Posterior(hyperparameters, scaling, Z, L_inverse, mean, residual, y, noise)

    def _project(self, Z: Tensor) -> tuple[Tensor, Tensor]:
        h = self.kernel(Z, self.Z)[0] @ self.L_inverse.mT
        return self.mean.unsqueeze(1) + (h @ self.residual.unsqueeze(2)).squeeze(2), h


def safe_cholesky(covariance: Tensor, jitter: float) -> tuple[Tensor, float]:
    """Return Cholesky factors of covariances [..., r, r] that may be singular, and the jitter that it took."""
    while True:
        padded = covariance.clone()
        padded.diagonal(dim1=-2, dim2=-1).add_(jitter)
        L, failed = torch.linalg.cholesky_ex(padded)
        if not bool(failed.any()):
            return L, jitter
        if jitter > 1.0:
            raise ModelFailed("The surrogate's covariance is not finite. Please report this with the ledger.")
        jitter = max(10.0 * jitter, _LEAST_JITTER)
