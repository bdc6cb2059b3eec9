"""What is believed of the latent function after the observations."""

import copy
from dataclasses import replace

import torch
from torch import Tensor

from bo_core.surrogate.hyperparameters import Hyperparameters
from bo_core.surrogate.kernel import kernel
from bo_core.surrogate.marginal_likelihood import generalised_mean
from bo_core.surrogate.training_data import TrainingData
from bo_core.surrogate.warping import warp, warp_slope
from campaign.errors import CannotPropose

_LEAST_JITTER = 1e-10


class Posterior:
    """The Gaussian process conditioned on the data, once for each of M sets of hyperparameters.

    `Z` [M, u, d] are features divided by the length scales, `L_inverse` [M, u, u] is the inverse Cholesky factor of
    the noisy kernel matrix, `mean` [M], `residual` [M, u] = L⁻¹(y − mean). Everything is in standardised units.
    """

    def __init__(self, data: TrainingData, hyperparameters: Hyperparameters) -> None:
        self.hyperparameters = hyperparameters
        self.M, self.n = len(hyperparameters.theta), len(data.y)
        device = data.X.device
        self.inverse_scales = (1.0 / hyperparameters.length_scales).unsqueeze(1).to(device)
        exponents = hyperparameters.warp_exponents
        self.exponents = exponents and (exponents[0].to(device), exponents[1].to(device))
        self.center = self._warped(data.X).mean(-2, keepdim=True)
        self.Z = self.scaled(data.X)
        K, _ = self.kernel(self.Z, self.Z)
        self.noise = data.noise(hyperparameters.noise_variance.to(device)) + hyperparameters.jitter
        self.y = data.y
        K.diagonal(dim1=1, dim2=2).copy_(1.0 + self.noise)
        L, _ = safe_cholesky(K, 0.0)
        identity = torch.eye(self.n, dtype=L.dtype, device=device).expand_as(L)
        self.L_inverse = torch.linalg.solve_triangular(L, identity, upper=False)
        self.mean = generalised_mean(self.L_inverse.mT @ self.L_inverse, data.y)
        self.residual = (self.L_inverse @ (data.y - self.mean.unsqueeze(1)).unsqueeze(2)).squeeze(2)

    def kernel(self, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
        """Return the kernel k and its w between scaled features, see `surrogate.kernel`."""
        return kernel(self.hyperparameters.kernel, A, B)

    def scaled(self, X: Tensor) -> Tensor:
        """Return features X [b, d] in units of the length scales [M, b, d], centred for accuracy."""
        return (self._warped(X) - self.center) * self.inverse_scales

    def by_features(self, X: Tensor, by_scaled: Tensor) -> Tensor:
        """Return derivatives by the features X [b, d] from those by the scaled features [M, b, d]: [M, b, d]."""
        by_warped = by_scaled * self.inverse_scales
        return by_warped if self.exponents is None else by_warped * warp_slope(X, *self.exponents)

    def joint(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means [M, b] and covariances [M, b, b] of the latent function at features X [b, d]."""
        Z = self.scaled(X)
        mean, h = self._project(Z)
        return mean, self.kernel(Z, Z)[0] - h @ h.mT

    def marginal(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means and standard deviations [M, b] of the latent function at features X [b, d]."""
        mean, h = self._project(self.scaled(X))
        return mean, (1.0 - (h * h).sum(2)).clamp_(min=0.0).sqrt_()

    def bounds_at_data(self, deviations: float) -> tuple[Tensor, Tensor]:
        """Return what f at the observed points [M, n] lies between, to so many standard deviations or more.

        The mean there is y − noise K⁻¹(y − m), and its own observation leaves a variance of noise/(1 + noise) at most.
        """
        alpha = (self.residual.unsqueeze(1) @ self.L_inverse).squeeze(1)
        mean = self.y - self.noise * alpha
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
        more = copy.copy(self)
        more.M, more.n = len(sets), Z.shape[1]
        more.hyperparameters = replace(self.hyperparameters, theta=self.hyperparameters.theta[sets.cpu()])
        more.inverse_scales, more.mean = self.inverse_scales[sets], self.mean[sets]
        if self.exponents is not None:
            more.exponents = (self.exponents[0][sets], self.exponents[1][sets])
            more.center = self.center[sets]
        more.Z, more.L_inverse, more.residual, more.y, more.noise = Z, L_inverse, residual, y, noise
        return more

    def _warped(self, X: Tensor) -> Tensor:
        return X.double() if self.exponents is None else warp(X.double(), *self.exponents)

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
            raise CannotPropose("The surrogate's covariance is not finite. Please report this with the ledger.")
        jitter = max(10.0 * jitter, _LEAST_JITTER)
