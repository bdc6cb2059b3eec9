"""Ask BoTorch as its documentation does: its default GP, qLogNoisyExpectedImprovement, greedy batches.

Limited metrics have a GP each, as in its tutorial on batches under constraints. Failed points are not passed on:
BoTorch's GP cannot use them.
"""

from dataclasses import dataclass
from typing import Any

import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.objective import GenericMCObjective
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelListGP, SingleTaskGP
from botorch.optim import optimize_acqf
from gpytorch.mlls import ExactMarginalLogLikelihood
from told import Fit, Told

PACKAGES = ("botorch", "gpytorch", "linear_operator", "torch", "scipy", "numpy")
# The variance of exact results that BoTorch's documentation of SingleTaskGP gives.
_EXACT = 1e-6


@dataclass(frozen=True)
class BotorchSession:
    """The data as tensors; BoTorch keeps no other state.

    Y: n × (1 + m) outcomes, the objective first, then each limited metric, which `most` allows on the scale of Y.
    """

    told: Told
    X: torch.Tensor
    Y: torch.Tensor
    most: list[float]
    pending: torch.Tensor | None

    def ask(self, q: int) -> tuple[list[list[float]], Fit | None]:
        """Fit, then choose q points one at a time."""
        torch.manual_seed(self.told.seed)
        models = [self.fitted(i) for i in range(self.Y.shape[-1])]
        # The default `incremental=True` forgets the pending points from the second of q points on. The default is kept
        # because it is what users of the library get.
        acquisition = qLogNoisyExpectedImprovement(
            models[0] if len(models) == 1 else ModelListGP(*models),
            X_baseline=self.X,
            X_pending=self.pending,
            prune_baseline=True,
            **self.limits(),
        )
        d = self.X.shape[-1]
        candidates, _ = optimize_acqf(
            acquisition,
            bounds=torch.stack([torch.zeros(d, dtype=torch.double), torch.ones(d, dtype=torch.double)]),
            q=q,
            num_restarts=10,
            raw_samples=512,
            sequential=True,
        )
        return candidates.tolist(), fit_of(models[0])

    def limits(self) -> dict[str, Any]:
        """Return how the acquisition reads the objective and the limits from joint samples; empty without limits."""
        if not self.most:
            return {}
        constraints = [lambda Z, i=i, most=most: Z[..., i] - most for i, most in enumerate(self.most, start=1)]
        return {"objective": GenericMCObjective(lambda Z, X=None: Z[..., 0]), "constraints": constraints}

    def recommend(self) -> int:
        """Return the observed point with the best posterior mean; with limits, the best measured feasible one."""
        if self.most:
            return self.told.best_measured()
        torch.manual_seed(self.told.seed)
        model = self.fitted(0)
        with torch.no_grad():
            return int(model.posterior(self.X).mean.argmax())

    def fitted(self, i: int) -> SingleTaskGP:
        """Fit the default model to an outcome that is already standardised, so that the scale of the fit is known."""
        Y = self.Y[:, i : i + 1]
        model = SingleTaskGP(self.X, Y, torch.full_like(Y, _EXACT) if self.told.exact else None, outcome_transform=None)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        return model


def fit_of(model: SingleTaskGP) -> Fit:
    """Read the hyperparameters; the model maximises, so its mean changes sign."""
    return Fit(
        lengthscales=model.covar_module.lengthscale.detach().flatten().tolist(),
        noise=float(model.likelihood.noise.mean()),
        mean=-float(model.mean_module.constant),
    )


def rebuild(told: Told) -> BotorchSession:
    """Standardise the outcomes and flip the objective's sign: BoTorch maximises."""
    y, *limited = (torch.tensor(values, dtype=torch.double) for values in (told.y, *told.limited.values()))
    return BotorchSession(
        told=told,
        X=torch.tensor(told.X, dtype=torch.double),
        Y=torch.stack([-(y - y.mean()) / scale_of(y), *((c - c.mean()) / scale_of(c) for c in limited)], dim=-1),
        most=[float(-c.mean() / scale_of(c)) for c in limited],
        pending=torch.tensor(told.pending, dtype=torch.double) if told.pending else None,
    )


def scale_of(y: torch.Tensor) -> torch.Tensor:
    """Return the standard deviation; constant outcomes, or a single one, get 1, as in BoTorch's own Standardize."""
    scale = y.std()
    return scale if scale >= 1e-8 else torch.ones(())
