"""The surrogate as gpytorch defines it, for people to read, swap and extend; tests compare the fast path with it."""

import gpytorch
import torch
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import Kernel, MaternKernel, RBFKernel
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood, GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.priors import LogNormalPrior
from torch import Tensor

from overnight.bo_core.surrogate.hyperparameters import Hyperparameters
from overnight.bo_core.surrogate.kernel import KernelName
from overnight.bo_core.surrogate.posterior import Posterior
from overnight.bo_core.surrogate.priors import Prior
from overnight.bo_core.surrogate.scaling import Scaling, warp
from overnight.bo_core.surrogate.training_data import TrainingData


class GaussianProcess(gpytorch.models.ExactGP):
    """An exact Gaussian process with constant mean and an ARD kernel of variance 1, for one set of hyperparameters.

    Warped inputs are warped inside `forward`. Indicators that share a length scale have equal ones, and the
    prior here counts each, unlike that of the fit. If replicates are pooled, or noise is wholly or partly known, the
    noise of the observations is fixed.
    """

    def __init__(
        self, data: TrainingData, hyperparameters: Hyperparameters, member: int = 0, prior: Prior | None = None
    ) -> None:
        prior = prior or Prior(data.groups.count)
        super().__init__(data.X, data.y, _likelihood(data, hyperparameters, member, prior))
        self.scaling = Scaling.around(data.X, data.groups, hyperparameters)
        self.member = member
        self.mean_module = ConstantMean()
        self.covar_module = _kernel(hyperparameters.kernel, data.X.shape[1], prior)
        self.double()
        self.covar_module.lengthscale = data.groups.log_scales(hyperparameters.log_length_scales[member]).exp()
        self.mean_module.initialize(constant=Posterior.of(data, hyperparameters).mean[member])

    def forward(self, X: Tensor) -> MultivariateNormal:
        """Return the prior at X [b, d]."""
        if self.scaling.exponents is not None:
            a, b = self.scaling.exponents
            X = warp(X, a[self.member], b[self.member])
        return MultivariateNormal(self.mean_module(X), self.covar_module(X))  # pyright: ignore


def _kernel(name: KernelName, d: int, prior: Prior) -> Kernel:
    of_scales = LogNormalPrior(float(prior.location[0] + prior.spread[0] ** 2), float(prior.spread[0]))
    if name == "rbf":
        return RBFKernel(ard_num_dims=d, lengthscale_prior=of_scales)
    return MaternKernel(nu=2.5, ard_num_dims=d, lengthscale_prior=of_scales)


def _likelihood(data: TrainingData, hyperparameters: Hyperparameters, member: int, prior: Prior) -> GaussianLikelihood:
    g = data.groups.count
    noise_variance = hyperparameters.noise_variance[member]
    if bool((data.inferred == 1).all() & (data.known == 0).all() & (data.count == 1).all()):
        of_noise = LogNormalPrior(float(prior.location[g] + prior.spread[g] ** 2), float(prior.spread[g]))
        likelihood = GaussianLikelihood(noise_prior=of_noise).double()
        likelihood.noise = noise_variance.unsqueeze(0)
        return likelihood
    noise = data.noise(noise_variance.to(torch.float64))
    return FixedNoiseGaussianLikelihood(noise=noise)  # pyright: ignore[reportReturnType]
