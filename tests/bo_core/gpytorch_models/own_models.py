"""Models of a campaign's own, some of which cannot be used."""

import gpytorch
import torch
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import MaternKernel, ScaleKernel
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood, GaussianLikelihood
from gpytorch.means import ConstantMean
from torch import Tensor

from overnight.bo_core.surrogate import Hyperparameters, TrainingData
from overnight.bo_core.surrogate.gaussian_process import GaussianProcess

# Hyperparameters of the model that is compared with the built-in surrogate.
SCALES, NOISE = (0.6, 0.9, 0.7), 0.05


class Plain(gpytorch.models.ExactGP):
    """A Matérn kernel with a scale and a constant mean, all of them learnt."""

    def __init__(self, X: Tensor, y: Tensor, likelihood: GaussianLikelihood) -> None:
        super().__init__(X, y, likelihood)
        self.mean_module = ConstantMean()
        self.covar_module = ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=X.shape[1]))

    def forward(self, X: Tensor) -> MultivariateNormal:
        return MultivariateNormal(self.mean_module(X), self.covar_module(X))


def plain(X: Tensor, y: Tensor) -> Plain:
    return Plain(X, y, GaussianLikelihood())


def with_noise(X: Tensor, y: Tensor, noise: Tensor | None) -> Plain:
    return Plain(X, y, GaussianLikelihood() if noise is None else FixedNoiseGaussianLikelihood(noise))


def like_the_built_in(X: Tensor, y: Tensor) -> GaussianProcess:
    """Return the built-in surrogate as defined in gpytorch, with fixed hyperparameters."""
    d = X.shape[1]
    theta = torch.tensor([[*SCALES[:d], NOISE]], dtype=torch.float64).log()
    data = TrainingData.of(X, y, torch.full_like(y, torch.nan))
    return GaussianProcess(data, Hyperparameters(theta, d, "matern52", 0.0)).requires_grad_(False)


class Fitted(torch.nn.Module):
    """A module that is already fitted and has a posterior of its own."""

    def __init__(self, model: gpytorch.models.ExactGP) -> None:
        super().__init__()
        self.model = model

    def posterior(self, X: Tensor) -> MultivariateNormal:
        return self.model.eval()(X)


def fitted_elsewhere(X: Tensor, y: Tensor) -> Fitted:
    return Fitted(like_the_built_in(X, y))


class WithoutKernel(gpytorch.models.ExactGP):
    def forward(self, X: Tensor) -> Tensor:
        return X.sum(1)


class Flat(torch.nn.Module):
    """A posterior that autograd cannot follow."""

    def posterior(self, X: Tensor) -> MultivariateNormal:
        return MultivariateNormal(torch.zeros(len(X)).double(), torch.eye(len(X)).double())


def without_kernel(X: Tensor, y: Tensor) -> WithoutKernel:
    return WithoutKernel(X, y, GaussianLikelihood())


def no_model(X: Tensor, y: Tensor) -> int:
    return len(X)


def raising(X: Tensor, y: Tensor) -> Plain:
    raise KeyError("no such column")


def flat(X: Tensor, y: Tensor) -> Flat:
    return Flat()


def leaving(X: Tensor, y: Tensor) -> Plain:
    raise SystemExit(3)


def without_data(X: Tensor, y: Tensor) -> Plain:
    model = plain(X, y)
    model.train_inputs = model.train_targets = None
    return model


class Untrainable(Plain):
    def train(self, mode: bool = True) -> "Untrainable":
        if mode:
            raise ValueError("never")
        return super().train(mode)


def untrainable(X: Tensor, y: Tensor) -> Untrainable:
    return Untrainable(X, y, GaussianLikelihood())


class Leaving(torch.nn.Module):
    """A posterior that ends the process; even inspecting it does."""

    @property
    def posterior(self) -> None:
        raise SystemExit(4)


def leaving_later(X: Tensor, y: Tensor) -> Leaving:
    return Leaving()


class WithExtraState(Plain):
    def get_extra_state(self) -> dict[str, int]:
        return {"epoch": 3}

    def set_extra_state(self, state: dict[str, int]) -> None:
        pass


def with_extra_state(X: Tensor, y: Tensor) -> WithExtraState:
    return WithExtraState(X, y, GaussianLikelihood())


class Wordless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def wordless(X: Tensor, y: Tensor) -> Plain:
    raise Wordless


not_a_function = 3
