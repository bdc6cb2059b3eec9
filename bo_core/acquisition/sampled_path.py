"""Thompson sampling: one function drawn from the posterior, whose maximum is the next point."""

import math

import torch
from torch import Tensor

from overnight.bo_core.surrogate import KernelName, Posterior, safe_cholesky

_FREQUENCIES = 2048
# Errors that observations share have a covariance that may be singular.
_JITTER_OF_ERRORS = 1e-9


class SampledPath:
    """A draw of f as a whole, by pathwise conditioning (Wilson et al. 2020, equation 13).

    A draw of the prior, made of random Fourier features (Rahimi and Recht 2007), is corrected by k(x, X) K⁻¹ (y − m −
    prior(X) − ε) with ε the errors of the observations: noise, and those that they share. The path
    belongs to one of the M sets of hyperparameters, drawn with the seed. Outstanding points need no conditioning,
    because their paths were different draws.
    """

    def __init__(self, posterior: Posterior, seed: int, frequencies: int = _FREQUENCIES) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.posterior = posterior
        self.member = int(torch.randint(posterior.set_count, (), generator=generator))
        self.Z = posterior.Z[self.member]
        kernel: KernelName = posterior.hyperparameters.kernel
        self.omega = _frequencies(kernel, frequencies, self.Z.shape[1], generator).to(self.Z)
        weights = torch.randn(2, frequencies, generator=generator, dtype=torch.float64).to(self.Z)
        self.of_cos, self.of_sin = weights / math.sqrt(frequencies)
        noise = posterior.noise[self.member]
        epsilon = noise.sqrt() * torch.randn(len(noise), generator=generator, dtype=torch.float64).to(noise)
        if posterior.of_errors is not None:
            root, _ = safe_cholesky(posterior.of_errors[self.member], _JITTER_OF_ERRORS)
            epsilon = epsilon + root @ torch.randn(len(noise), generator=generator, dtype=torch.float64).to(noise)
        L_inverse, residual = posterior.L_inverse[self.member], posterior.residual[self.member]
        self.update = L_inverse.mT @ (residual - L_inverse @ (self._prior(self.Z)[0] + epsilon))

    def value(self, X: Tensor) -> Tensor:
        """Return the path [b] at features X [b, d]."""
        A = self.posterior.scaled(X)[self.member]
        k, _ = self._kernel(A)
        return self.posterior.mean[self.member] + self._prior(A)[0] + k @ self.update

    def value_and_gradient(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the path [b] and its gradient [b, d] at features X [b, d]."""
        scaled = self.posterior.scaled(X)
        A = scaled[self.member]
        k, w = self._kernel(A)
        prior, by_prior = self._prior(A)
        value = self.posterior.mean[self.member] + prior + k @ self.update
        by_k = w * self.update
        by_scaled = torch.zeros_like(scaled)
        by_scaled[self.member] = by_prior + by_k @ self.Z - A * by_k.sum(1, keepdim=True)
        return value, self.posterior.scaling.by_features(X, by_scaled)[self.member]

    def _kernel(self, A: Tensor) -> tuple[Tensor, Tensor]:
        """Return k and w [b, n] between scaled features A [b, d] and those of the data."""
        k, w = self.posterior.kernel(A.unsqueeze(0), self.Z.unsqueeze(0))
        return k.squeeze(0), w.squeeze(0)

    def _prior(self, A: Tensor) -> tuple[Tensor, Tensor]:
        """Return the prior's path [b] and its gradient [b, d] at scaled features A [b, d]."""
        phase = A @ self.omega.mT
        cos, sin = phase.cos(), phase.sin()
        return cos @ self.of_cos + sin @ self.of_sin, (cos * self.of_sin - sin * self.of_cos) @ self.omega


def _frequencies(kernel: KernelName, count: int, d: int, generator: torch.Generator) -> Tensor:
    """Return draws [count, d] of the kernel's spectral density.

    It is normal for the RBF kernel and a multivariate t with 2ν = 5 degrees of freedom for Matérn-5/2 (Rasmussen
    and Williams 2006, equation 4.15).
    """
    normal = torch.randn(count, d, generator=generator, dtype=torch.float64)
    if kernel == "rbf":
        return normal
    chi_square = (torch.randn(count, 5, generator=generator, dtype=torch.float64) ** 2).sum(1, keepdim=True)
    return normal * (5.0 / chi_square).sqrt()
