"""Ask BoTorch in spaces of choices and numbers: MixedSingleTaskGP and `optimize_acqf_mixed_alternating`.

Spaces with conditions or with constraints that are not linear are left out, because its tutorials have none.
"""

from dataclasses import dataclass
from typing import Any

import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import MixedSingleTaskGP
from botorch.optim.optimize_mixed import optimize_acqf_mixed_alternating
from gpytorch.mlls import ExactMarginalLogLikelihood
from told import Fit

from native.space_told import Point, SpaceTold

PACKAGES = ("botorch", "gpytorch", "linear_operator", "torch", "scipy", "numpy")


@dataclass(frozen=True)
class MixedSession:
    """The data as tensors: numbers on the unit interval, choices by their places."""

    told: SpaceTold
    X: torch.Tensor
    Y: torch.Tensor
    pending: torch.Tensor | None

    def ask(self, q: int) -> tuple[list[Point], Fit | None]:
        """Fit, then choose q points one at a time."""
        torch.manual_seed(self.told.seed)
        listed = [parameter.get("choices") for parameter in self.told.parameters.values()]
        binary = {i: [0.0, 1.0] for i, choices in enumerate(listed) if choices and len(choices) == 2}
        several = {i: [float(j) for j in range(len(c))] for i, c in enumerate(listed) if c and i not in binary}
        highest = [len(choices) - 1.0 if choices else 1.0 for choices in listed]
        found, _ = optimize_acqf_mixed_alternating(
            qLogNoisyExpectedImprovement(self.fitted(), self.X, X_pending=self.pending, prune_baseline=True),
            bounds=torch.tensor([[0.0] * len(highest), highest], dtype=torch.double),
            discrete_dims=binary,
            cat_dims=several,
            q=q,
        )
        return [point_of(self.told, row) for row in found.tolist()], None

    def recommend(self) -> list[int]:
        """Return the observed point with the best posterior mean."""
        torch.manual_seed(self.told.seed)
        return [int(self.fitted().posterior(self.X).mean.argmax())]

    def fitted(self) -> MixedSingleTaskGP:
        """Fit the mixed model with its defaults, which standardise the outcomes."""
        choices = [i for i, parameter in enumerate(self.told.parameters.values()) if parameter.get("choices")]
        model = MixedSingleTaskGP(self.X, self.Y, cat_dims=choices)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        return model


def rebuild(told: SpaceTold) -> MixedSession:
    """Encode the points and flip the sign of the objective: BoTorch maximises."""
    return MixedSession(
        told=told,
        X=torch.tensor([row_of(told, point) for point in told.X], dtype=torch.double),
        Y=-torch.tensor(told.y, dtype=torch.double).unsqueeze(-1),
        pending=torch.tensor([row_of(told, p) for p in told.pending], dtype=torch.double) if told.pending else None,
    )


def row_of(told: SpaceTold, point: Point) -> list[float]:
    """Return the features of a point; floats must have linear scales."""
    return [
        float(p["choices"].index(point[name]))
        if p.get("choices")
        else (point[name] - p["low"]) / (p["high"] - p["low"])
        for name, p in told.parameters.items()
    ]


def point_of(told: SpaceTold, row: list[float]) -> Point:
    """Return the point of features."""

    def value(parameter: dict[str, Any], x: float) -> Any:
        if parameter.get("choices"):
            return parameter["choices"][round(x)]
        return parameter["low"] + x * (parameter["high"] - parameter["low"])

    return {name: value(p, x) for (name, p), x in zip(told.parameters.items(), row, strict=True)}
