"""A Gaussian process for a sum: one kernel for each parameter, since the times of independent stages add up."""

import gpytorch
import torch
from gpytorch.kernels import AdditiveKernel, MaternKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.priors import GammaPrior


class Additive(gpytorch.models.ExactGP):
    """A constant mean and a sum of one-dimensional Matérn kernels, each with its own weight."""

    def __init__(self, X: torch.Tensor, y: torch.Tensor) -> None:
        super().__init__(X, y, GaussianLikelihood(noise_prior=GammaPrior(1.1, 20.0)))
        self.mean_module = gpytorch.means.ConstantMean()
        self.covar_module = AdditiveKernel(*(_of_one(i) for i in range(X.shape[1])))

    def forward(self, X: torch.Tensor) -> gpytorch.distributions.MultivariateNormal:
        """Return the prior at features X [n, d]."""
        return gpytorch.distributions.MultivariateNormal(self.mean_module(X), self.covar_module(X))  # pyright: ignore


def _of_one(i: int) -> ScaleKernel:
    kernel = MaternKernel(nu=2.5, active_dims=[i], lengthscale_prior=GammaPrior(3.0, 6.0))
    return ScaleKernel(kernel, outputscale_prior=GammaPrior(2.0, 4.0))


def additive(X: torch.Tensor, y: torch.Tensor) -> Additive:
    """Return the model of outcomes y [n] at features X [n, d], one feature for each buffer."""
    return Additive(X, y)
