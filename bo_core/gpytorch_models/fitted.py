"""Fit a gpytorch model with gpytorch's own tools: the exact marginal likelihood, with its priors, by L-BFGS."""

from collections.abc import Sequence

import numpy as np
import torch
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.models import ExactGP
from linear_operator.utils.errors import NanError, NotPSDError
from scipy.optimize import minimize
from torch import Tensor, nn

from overnight.bo_core.gpytorch_models.built import unusable, user_errors
from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.search.bfgs import Array, Ending
from overnight.bo_core.settings.surrogates import GpytorchSurrogate
from overnight.bo_core.surrogate.climbs import StartEnd
from overnight.campaign.errors import ModelFailed

_MOST_ROUNDS = 200
# The value at points where nothing can be computed, so that a step there counts as too far.
_FAR = 1e10


def fit(surrogate: GpytorchSurrogate, model: nn.Module) -> tuple[StartEnd, ...]:
    """Fit an ExactGP and return how that ended; any other model comes fitted. Afterwards the model is frozen."""
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    ends = (_fitted(surrogate, model, learnt),) if isinstance(model, ExactGP) and learnt else ()
    with user_errors(surrogate, "a model that can be evaluated", f"`{type(model).__name__}`"):
        model.eval().requires_grad_(False)
    return ends


def _fitted(surrogate: GpytorchSurrogate, model: ExactGP, learnt: Sequence[nn.Parameter]) -> StartEnd:
    expected, name = "a model that gpytorch can fit", f"`{type(model).__name__}`"
    with user_errors(surrogate, expected, name):
        likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
        model.train()
    inputs, targets = tuple(model.train_inputs or ()), model.train_targets
    if targets is None:
        raise unusable(surrogate, expected, f"{name} without training data")

    def negative(x: Array) -> tuple[float, Array]:
        _put(learnt, x)
        try:
            with user_errors(surrogate, expected, name):
                value = likelihood(model(*inputs), targets)
                assert isinstance(value, Tensor)
                gradient = torch.cat([part.flatten() for part in torch.autograd.grad(-value, learnt)]).numpy()
        except (NotPSDError, NanError):
            return _FAR, np.zeros_like(x)
        return (-float(value.detach()), gradient) if np.isfinite(gradient).all() else (_FAR, np.zeros_like(x))

    start = torch.cat([parameter.detach().flatten() for parameter in learnt]).numpy().copy()
    found = minimize(negative, start, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_ROUNDS})
    if not found.fun < _FAR:
        raise ModelFailed(f"The gpytorch model {type(model).__name__} could not be fitted: it has no likelihood.")
    _put(learnt, found.x)
    ending: Ending = "converged" if found.success else "no progress" if found.status == 2 else "out of steps"
    return StartEnd("the model's own values", len(targets), -float(found.fun), ending)


def _put(parameters: Sequence[nn.Parameter], x: Array) -> None:
    values: Tensor = tensor_of(x)
    with torch.no_grad():
        for parameter, part in zip(parameters, values.split([p.numel() for p in parameters]), strict=True):
            parameter.copy_(part.reshape(parameter.shape))
