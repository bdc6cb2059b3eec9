"""What is believed of the latent function after the observations."""

import torch
from torch import Tensor

from bo_core.surrogate.fit import Hyperparameters
from bo_core.surrogate.kernel import matern52
from bo_core.surrogate.marginal_likelihood import TrainingData, generalised_mean


class Posterior:
    """The Gaussian process conditioned on the data, with hyperparameters held fixed.

    `Z` [n, d] are features divided by the length scales, `L_inverse` [n, n] is the inverse Cholesky factor of
    the noisy kernel matrix, `u` [n] = L⁻¹(y − mean).
    """

    def __init__(self, data: TrainingData, hyperparameters: Hyperparameters) -> None:
        self.hyperparameters = hyperparameters
        self.inverse_scales = 1.0 / data.X.new_tensor(hyperparameters.length_scales)
        self.center = data.X.mean(0)
        self.Z = self.scaled(data.X)
        K, _ = matern52(self.Z, self.Z)
        noise = data.noise(data.X.new_tensor(hyperparameters.noise_variance))
        K.diagonal().copy_(1.0 + hyperparameters.jitter + noise)
        L = torch.linalg.cholesky(K)
        identity = torch.eye(len(data.y), dtype=L.dtype, device=L.device)
        self.L_inverse = torch.linalg.solve_triangular(L, identity, upper=False)
        self.mean = float(generalised_mean(self.L_inverse.mT @ self.L_inverse, data.y))
        self.u = self.L_inverse @ (data.y - self.mean)

    def scaled(self, X: Tensor) -> Tensor:
        """Return features [b, d] in units of the length scales, centred for accuracy."""
        return (X - self.center) * self.inverse_scales

    def joint(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean [b] and covariance [b, b] of the latent function at features X [b, d]."""
        Z = self.scaled(X)
        mean, h = self._project(Z)
        return mean, matern52(Z, Z)[0] - h @ h.mT

    def marginal(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean [b] and standard deviation [b] of the latent function at features X [b, d]."""
        mean, h = self._project(self.scaled(X))
        return mean, (1.0 - (h * h).sum(1)).clamp(min=0.0).sqrt()

    def _project(self, Z: Tensor) -> tuple[Tensor, Tensor]:
        h = matern52(Z, self.Z)[0] @ self.L_inverse.mT
        return self.mean + h @ self.u, h


def safe_cholesky(covariance: Tensor, jitter: float) -> tuple[Tensor, float]:
    """Return a Cholesky factor of a covariance [r, r] that may be singular, and the jitter that it took."""
    while True:
        padded = covariance.clone()
        padded.diagonal().add_(jitter)
        L, failed = torch.linalg.cholesky_ex(padded)
        if not int(failed):
            return L, jitter
        if jitter > 1.0:
            raise FloatingPointError("the posterior covariance is not finite")
        jitter *= 10.0
