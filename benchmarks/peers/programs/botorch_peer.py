"""Ask BoTorch as its documentation does: its default GP, qLogNoisyExpectedImprovement, greedy batches.

Failed points are not passed on: BoTorch's GP cannot use them.
"""

from dataclasses import dataclass

import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf
from gpytorch.mlls import ExactMarginalLogLikelihood
from told import Fit, Told

PACKAGES = ("botorch", "gpytorch", "linear_operator", "torch", "scipy", "numpy")


@dataclass(frozen=True)
class BotorchSession:
    """The data as tensors; BoTorch keeps no other state."""

    X: torch.Tensor
    Y: torch.Tensor
    pending: torch.Tensor | None
    seed: int

    def ask(self, q: int) -> tuple[list[list[float]], Fit | None]:
        """Fit, then choose q points one at a time."""
        torch.manual_seed(self.seed)
        model = self.fitted()
        # The default `incremental=True` forgets the pending points from the second of q points on. The default is kept
        # because it is what users of the library get.
        acquisition = qLogNoisyExpectedImprovement(
            model, X_baseline=self.X, X_pending=self.pending, prune_baseline=True
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
        return candidates.tolist(), fit_of(model)

    def recommend(self) -> int:
        """Return the observed point with the best posterior mean."""
        torch.manual_seed(self.seed)
        model = self.fitted()
        with torch.no_grad():
            return int(model.posterior(self.X).mean.argmax())

    def fitted(self) -> SingleTaskGP:
        """Fit the default model to outcomes that are already standardised, so that the scale of the fit is known."""
        model = SingleTaskGP(self.X, self.Y, outcome_transform=None)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        return model


def fit_of(model: SingleTaskGP) -> Fit:
    """Read the hyperparameters; the model maximises, so its mean changes sign."""
    return Fit(
        lengthscales=model.covar_module.lengthscale.detach().flatten().tolist(),
        noise=float(model.likelihood.noise),
        mean=-float(model.mean_module.constant),
    )


def rebuild(told: Told) -> BotorchSession:
    """Standardise the outcomes and flip their sign: BoTorch maximises."""
    y = torch.tensor(told.y, dtype=torch.double).unsqueeze(-1)
    scale = y.std()
    if not scale >= 1e-8:
        # Constant outcomes, or a single one, have no scale; BoTorch's own Standardize uses 1 for them too.
        scale = torch.ones(())
    return BotorchSession(
        X=torch.tensor(told.X, dtype=torch.double),
        Y=-(y - y.mean()) / scale,
        pending=torch.tensor(told.pending, dtype=torch.double) if told.pending else None,
        seed=told.seed,
    )
