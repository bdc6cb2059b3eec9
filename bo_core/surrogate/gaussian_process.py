"""The surrogate as gpytorch defines it, for people to read, swap and extend; the hot path is held to it by tests."""

import gpytorch
import torch
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import MaternKernel
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood, GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.priors import LogNormalPrior
from torch import Tensor

from bo_core.surrogate.fit import Hyperparameters
from bo_core.surrogate.marginal_likelihood import TrainingData
from bo_core.surrogate.posterior import Posterior
from bo_core.surrogate.priors import LENGTH_SCALE_SPREAD, NOISE_LOCATION, NOISE_SPREAD, length_scale_location


class GaussianProcess(gpytorch.models.ExactGP):
    """An exact Gaussian process with constant mean and a Matérn-5/2 kernel, one length scale a feature."""

    def __init__(self, data: TrainingData, hyperparameters: Hyperparameters) -> None:
        d = data.X.shape[1]
        super().__init__(data.X, data.y, _likelihood(data, hyperparameters))
        self.mean_module = ConstantMean()
        prior = LogNormalPrior(length_scale_location(d), LENGTH_SCALE_SPREAD)
        self.covar_module = MaternKernel(nu=2.5, ard_num_dims=d, lengthscale_prior=prior)
        self.double()
        self.covar_module.lengthscale = torch.tensor(hyperparameters.length_scales, dtype=torch.float64)
        self.mean_module.initialize(constant=Posterior(data, hyperparameters).mean)

    def forward(self, X: Tensor) -> MultivariateNormal:
        """Return the prior at X [b, d]."""
        return MultivariateNormal(self.mean_module(X), self.covar_module(X))  # pyright: ignore


def _likelihood(data: TrainingData, hyperparameters: Hyperparameters) -> GaussianLikelihood:
    if bool(data.variance.isnan().all()):
        likelihood = GaussianLikelihood(noise_prior=LogNormalPrior(NOISE_LOCATION, NOISE_SPREAD)).double()
        likelihood.noise = torch.tensor([hyperparameters.noise_variance], dtype=torch.float64)
        return likelihood
    noise = data.noise(torch.tensor(hyperparameters.noise_variance, dtype=torch.float64))
    return FixedNoiseGaussianLikelihood(noise=noise)  # pyright: ignore[reportReturnType]
