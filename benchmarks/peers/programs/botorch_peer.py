"""Ask BoTorch as its documentation does: its default GP, the noisy acquisitions in logarithms, greedy batches.

A single objective has qLogNoisyExpectedImprovement, and several have qLogNoisyExpectedHypervolumeImprovement. Each
metric has a GP, as in its tutorials on batches under constraints and on several objectives. Failed points are not
passed on: BoTorch's GP cannot use them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from botorch.acquisition import AcquisitionFunction
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
from botorch.acquisition.objective import GenericMCObjective
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelListGP, SingleTaskGP
from botorch.optim import optimize_acqf
from gpytorch.mlls import ExactMarginalLogLikelihood
from told import Fit, Told, front

PACKAGES = ("botorch", "gpytorch", "linear_operator", "torch", "scipy", "numpy")
# The variance of exact results that BoTorch's documentation of SingleTaskGP gives.
_EXACT = 1e-6


@dataclass(frozen=True)
class BotorchSession:
    """The data as tensors; BoTorch keeps no other state.

    Y: n × (m + c) outcomes, the m objectives first, then each limited metric. On the scale of Y, `worst` holds the
    worst value of use of each objective, and `most` the greatest value that each limit allows.
    """

    told: Told
    X: torch.Tensor
    Y: torch.Tensor
    worst: list[float]
    most: list[float]
    pending: torch.Tensor | None

    @property
    def m(self) -> int:
        """Return the number of objectives."""
        return len(self.told.objectives)

    def ask(self, q: int) -> tuple[list[list[float]], Fit | None]:
        """Fit, then choose q points one at a time."""
        torch.manual_seed(self.told.seed)
        models = [self.fitted(i) for i in range(self.Y.shape[-1])]
        d = self.X.shape[-1]
        candidates, _ = optimize_acqf(
            self.acquisition(models[0] if len(models) == 1 else ModelListGP(*models)),
            bounds=torch.stack([torch.zeros(d, dtype=torch.double), torch.ones(d, dtype=torch.double)]),
            q=q,
            num_restarts=10,
            raw_samples=512,
            sequential=True,
        )
        return candidates.tolist(), fit_of(models[0])

    def acquisition(self, model: SingleTaskGP | ModelListGP) -> AcquisitionFunction:
        """Return the acquisition.

        The default `incremental=True` forgets the pending points from the second of q points on. The default is kept
        because it is what users of the library get.
        """
        kind = qLogNoisyExpectedImprovement
        if self.m > 1:
            kind = partial(qLogNoisyExpectedHypervolumeImprovement, ref_point=self.worst)
        known: dict[str, Any] = {"X_baseline": self.X, "X_pending": self.pending, "prune_baseline": True}
        return kind(model, **known, **self.limits())

    def limits(self) -> dict[str, Any]:
        """Return how the acquisition reads objectives and limits from joint samples; empty without limits."""
        if not self.most:
            return {}
        objective = GenericMCObjective(lambda Z, X=None: Z[..., 0])
        if self.m > 1:
            objective = IdentityMCMultiOutputObjective(outcomes=list(range(self.m)))
        return {"objective": objective, "constraints": [above(self.m + i, most) for i, most in enumerate(self.most)]}

    def recommend(self) -> list[int]:
        """Return the observed points with the best posterior means; with limits, the best measured feasible ones."""
        if self.most:
            return self.told.best_measured()
        torch.manual_seed(self.told.seed)
        means = [self.fitted(i).posterior(self.X).mean.detach().squeeze(-1) for i in range(self.m)]
        if self.m == 1:
            return [int(means[0].argmax())]
        return front(list(range(len(self.told.y))), (-torch.stack(means, dim=-1)).tolist())

    def fitted(self, i: int) -> SingleTaskGP:
        """Fit the default model to an outcome that is already standardised, so that the scale of the fit is known."""
        Y = self.Y[:, i : i + 1]
        model = SingleTaskGP(self.X, Y, torch.full_like(Y, _EXACT) if self.told.exact else None, outcome_transform=None)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        return model


def above(i: int, most: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return by how much outcome i of joint samples is above the most that its limit allows."""
    return lambda Z: Z[..., i] - most


def fit_of(model: SingleTaskGP) -> Fit:
    """Read the hyperparameters; the model maximises, so its mean changes sign."""
    return Fit(
        lengthscales=model.covar_module.lengthscale.detach().flatten().tolist(),
        noise=float(model.likelihood.noise.mean()),
        mean=-float(model.mean_module.constant),
    )


def rebuild(told: Told) -> BotorchSession:
    """Standardise the outcomes and flip the signs of the objectives: BoTorch maximises."""
    objectives, limited = (
        [torch.tensor(values, dtype=torch.double) for values in metrics]
        for metrics in (told.objectives, told.limited.values())
    )
    outcomes = [-(y - y.mean()) / scale_of(y) for y in objectives] + [(c - c.mean()) / scale_of(c) for c in limited]
    return BotorchSession(
        told=told,
        X=torch.tensor(told.X, dtype=torch.double),
        Y=torch.stack(outcomes, dim=-1),
        worst=[-float((w - y.mean()) / scale_of(y)) for w, y in zip(told.worst, objectives, strict=False)],
        most=[float(-c.mean() / scale_of(c)) for c in limited],
        pending=torch.tensor(told.pending, dtype=torch.double) if told.pending else None,
    )


def scale_of(y: torch.Tensor) -> torch.Tensor:
    """Return the standard deviation; constant outcomes, or a single one, get 1, as in BoTorch's own Standardize."""
    scale = y.std()
    return scale if scale >= 1e-8 else torch.ones(())
