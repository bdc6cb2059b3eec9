"""Ask botorch-rust, a port of BoTorch to Rust with its Python names, configured like `botorch_peer.py`.

Its defaults are BoTorch's: RBF kernel, dimension-scaled priors, 512 samples. Failed points are not passed on.
"""

import os
from dataclasses import dataclass

import botorch_rs
import torch
from botorch_rs.acquisition.logei import qLogNoisyExpectedImprovement
from botorch_rs.fit import fit_gpytorch_mll
from botorch_rs.mlls import ExactMarginalLogLikelihood
from botorch_rs.models import SingleTaskGP
from botorch_rs.optim import optimize_acqf
from told import Fit, Told

PACKAGES = ("botorch-rust", "torch", "numpy")

botorch_rs.set_num_threads(int(os.environ["RAYON_NUM_THREADS"]))


@dataclass(frozen=True)
class BotorchRustSession:
    """The data as tensors; the library keeps no other state."""

    X: torch.Tensor
    Y: torch.Tensor
    pending: torch.Tensor | None
    seed: int

    def ask(self, q: int) -> tuple[list[list[float]], Fit | None]:
        """Fit, then choose q points one at a time."""
        torch.manual_seed(self.seed)
        model = self.fitted()
        # Unlike BoTorch 0.18.1, it keeps the pending points for all q choices.
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
            # The starting points come from the library's own generator, which `torch.manual_seed` does not affect.
            options={"seed": self.seed},
        )
        return candidates.tolist(), fit_of(model)

    def recommend(self) -> list[int]:
        """Return the observed point with the best posterior mean."""
        torch.manual_seed(self.seed)
        return [int(self.fitted().posterior(self.X).mean.argmax())]

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


def rebuild(told: Told) -> BotorchRustSession:
    """Standardise the outcomes and flip their sign: the library maximises."""
    y = torch.tensor(told.y, dtype=torch.double).unsqueeze(-1)
    scale = y.std()
    if not scale >= 1e-8:
        # Constant outcomes, or a single one, have no scale; BoTorch's own Standardize uses 1 for them too.
        scale = torch.ones(())
    return BotorchRustSession(
        X=torch.tensor(told.X, dtype=torch.double),
        Y=-(y - y.mean()) / scale,
        pending=torch.tensor(told.pending, dtype=torch.double) if told.pending else None,
        seed=told.seed,
    )
