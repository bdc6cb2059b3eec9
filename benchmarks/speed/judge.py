"""Judge whether the contestants' answers are equally good, with one judge built from BoTorch's own objects.

Judging is not timed. Fits are judged by the objective that BoTorch maximises, and batches by its noisy expected
improvement with one set of base samples, on one model.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import gpytorch
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.utils import prune_inferior_points
from botorch.models import SingleTaskGP
from botorch.sampling.normal import SobolQMCNormalSampler
from gpytorch.mlls import ExactMarginalLogLikelihood
from torch import Tensor

from benchmarks.speed.problem import Array, Problem, standardised

SAMPLES = 16_384
_EXACT = 1_000_000


@dataclass(frozen=True)
class Fit:
    """Hyperparameters on the scale of standardised outcomes; a mean of None is the generalised least-squares mean."""

    lengthscales: Sequence[float]
    noise: float
    mean: float | None = None


class Judge:
    """A judge of the answers to one problem."""

    def __init__(self, problem: Problem, samples: int = SAMPLES) -> None:
        self.problem, self.samples = problem, samples
        self.X = torch.as_tensor(problem.X)
        self.y = torch.as_tensor(standardised(problem.y))

    def objective(self, fit: Fit) -> float:
        """Return the log marginal likelihood plus the log priors, per observation, computed by BoTorch's own object."""
        model = self._model(fit)
        mll = ExactMarginalLogLikelihood(model.likelihood, model)
        model.train()
        inputs, targets = model.train_inputs, model.train_targets
        assert inputs is not None
        with _exact(), torch.no_grad():
            value = mll(model(*inputs), targets)
        assert isinstance(value, Tensor)
        return float(value)

    def batch_values(self, fit: Fit, batches: Mapping[str, Array]) -> dict[str, float]:
        """Return the log noisy expected improvement of each batch [q, d] over the observed and pending points.

        The pending points are part of the baseline, because a batch was chosen for its gain over them. (With
        `incremental=False` the pending points' own improvement would count for every contestant and hide the
        differences.) They are passed to the acquisition's constructor; setting them later would make BoTorch prune
        again. The baseline is pruned once for all batches.
        """
        model = self._model(fit)
        model.eval()
        seed = self.problem.seed
        with _exact(), torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            baseline = prune_inferior_points(model, self.X)
            pending = torch.as_tensor(self.problem.pending) if len(self.problem.pending) else None
            acquisition = qLogNoisyExpectedImprovement(
                model,
                X_baseline=baseline,
                X_pending=pending,
                sampler=SobolQMCNormalSampler(torch.Size([self.samples]), seed=seed),
                prune_baseline=False,
            )
            return {name: float(acquisition(torch.as_tensor(batch))) for name, batch in batches.items()}

    def _model(self, fit: Fit) -> SingleTaskGP:
        # The outcomes are already standardised, in the same way for every contestant.
        model = SingleTaskGP(self.X, self.y.unsqueeze(-1), outcome_transform=None)
        covariance, likelihood, mean = model.covar_module, model.likelihood, model.mean_module
        scales = torch.tensor([list(fit.lengthscales)], dtype=torch.float64)
        constant = self._mean(scales, fit.noise) if fit.mean is None else fit.mean
        with torch.no_grad():
            _set(covariance, "raw_lengthscale", scales)
            _set(likelihood.noise_covar, "raw_noise", torch.tensor([fit.noise], dtype=torch.float64))
            _set(mean, "raw_constant", torch.tensor(constant, dtype=torch.float64))
        return model

    def _mean(self, scales: Tensor, noise: float) -> float:
        """Return the constant with the highest likelihood given the rest (the generalised least-squares mean)."""
        Z = self.X / scales
        K = torch.exp(-0.5 * torch.cdist(Z, Z).square()) + noise * torch.eye(len(Z), dtype=torch.float64)
        ones_and_y = torch.stack([torch.ones_like(self.y), self.y], 1)
        solved = torch.cholesky_solve(ones_and_y, torch.linalg.cholesky(K))
        return float(solved[:, 1].sum() / solved[:, 0].sum())


def shortfalls(values: Mapping[str, float]) -> dict[str, float]:
    """Return how far each value falls short of the highest."""
    best = max(values.values(), default=0.0)
    return {name: best - value for name, value in values.items()}


def _set(module: object, raw: str, value: Tensor) -> None:
    """Set a hyperparameter without gpytorch's check, which refuses values that lie on a bound."""
    assert isinstance(module, torch.nn.Module)
    constraint = getattr(module, f"{raw}_constraint", None)
    if constraint is not None:
        value = constraint.inverse_transform(value)
    parameter = getattr(module, raw)
    parameter.data.copy_(value.reshape(parameter.shape))


@contextmanager
def _exact() -> Iterator[None]:
    """Use Cholesky factors at every size; above 800 points gpytorch would iterate and sample."""
    with (
        gpytorch.settings.max_cholesky_size(_EXACT),
        gpytorch.settings.fast_computations(covar_root_decomposition=False, log_prob=False, solves=False),
    ):
        yield
