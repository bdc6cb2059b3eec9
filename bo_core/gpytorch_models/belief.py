"""The belief of a gpytorch model, as used by draws, acquisitions and recommendations."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import Kernel
from torch import Tensor, nn

from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.gpytorch_models.built import built, posterior_of, unusable, user_errors
from overnight.bo_core.gpytorch_models.draws import TOGETHER, DifferentiatedDraws
from overnight.bo_core.gpytorch_models.exactly import exactly
from overnight.bo_core.gpytorch_models.fitted import fit
from overnight.bo_core.settings.surrogates import GpytorchSurrogate
from overnight.bo_core.surrogate.climbs import StartEnd
from overnight.bo_core.surrogate.hyperparameters import Record
from overnight.bo_core.surrogate.training_data import TrainingData
from overnight.campaign.history.provenance import ModelCode


@dataclass(frozen=True, eq=False)
class GpytorchBelief:
    """A fitted gpytorch `model`, one set of hyperparameters, with the distinct observed features X [u, d].

    `starts` record how its fit ended, if it was fitted here; `source_hash` is the hash of the function's file.
    """

    surrogate: GpytorchSurrogate
    model: nn.Module
    X: Tensor
    starts: tuple[StartEnd, ...]
    source_hash: str

    set_count = 1
    jitter = 0.0

    @classmethod
    def fitted(cls, surrogate: GpytorchSurrogate, X: Tensor, outcomes: Outcomes, distinct: Tensor) -> "GpytorchBelief":
        """Fit the model that the campaign's function builds for outcomes at features X [n, d], of which [u, d] differ.

        Raises Unusable, or ModelFailed for numerical failures.
        """
        with exactly(gradients=True):
            model, source = built(surrogate, X, outcomes)
            return cls(surrogate, model, distinct.clone(), fit(surrogate, model), source)

    @classmethod
    def recalled(
        cls,
        surrogate: GpytorchSurrogate,
        X: Tensor,
        outcomes: Outcomes,
        distinct: Tensor,
        record: Mapping[str, tuple[float, ...]],
    ) -> "GpytorchBelief":
        """Return the model with the recorded numbers, which are those of `as_record`."""
        with exactly(gradients=False):
            model, source = built(surrogate, X, outcomes)
            state = model.eval().requires_grad_(False).state_dict()
            sizes = {name: len(values) for name, values in record.items()}
            if any(name not in state or state[name].numel() != size for name, size in sizes.items()):
                raise unusable(
                    surrogate,
                    f"a model whose state has the recorded sizes {sizes}",
                    f"a `{type(model).__name__}` without them",
                )
            recorded = {
                name: state[name].new_tensor(values).reshape(state[name].shape) for name, values in record.items()
            }
            model.load_state_dict({**state, **recorded})
            return cls(surrogate, model, distinct.clone(), (), source)

    @property
    def code(self) -> ModelCode:
        """Return the code that the model came from."""
        kind = type(self.model)
        return ModelCode(
            function=self.surrogate.model, model=f"{kind.__module__}.{kind.__qualname__}", source=self.source_hash
        )

    @property
    def like(self) -> Tensor:
        """Return a tensor with the type and the device of all inputs and outputs."""
        return self.X

    @property
    def scales(self) -> Tensor:
        """Return the length scales [d] of the one kernel that has one for each feature, or equal lengths."""
        d = self.X.shape[1]
        kernels = [module for module in self.model.modules() if isinstance(module, Kernel) and module.has_lengthscale]
        found = [k.lengthscale for k in kernels if k.lengthscale is not None and k.lengthscale.numel() == d]
        return found[0].flatten() if len(found) == 1 else torch.ones(d, dtype=torch.float64)

    def at(self, X: Tensor) -> MultivariateNormal:
        """Return the joint posterior at features X [b, d], with gradients if X needs them; call it inside `exactly`."""
        return posterior_of(self.surrogate, self.model, X)

    def joint(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean [1, b] and covariance [1, b, b] of the latent function at features X [b, d]."""
        with exactly(gradients=False):
            found = self.at(X.clone())
            return found.mean[None], found.covariance_matrix[None]

    def marginal(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means and standard deviations [1, b] of the latent function at features X [b, d]."""
        with exactly(gradients=False):
            parts = [self.at(part.clone()) for part in X.split(TOGETHER)]
            mean, variance = torch.cat([p.mean for p in parts]), torch.cat([p.variance for p in parts])
        return mean[None], variance.clamp(min=0.0).sqrt()[None]

    def averaged(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and standard deviation [b] at features X [b, d]."""
        mean, sd = self.marginal(X)
        return mean[0], sd[0]

    def bounds_at_data(self, deviations: float) -> tuple[Tensor, Tensor]:
        """Return bounds of f at the distinct observed points [1, u], `deviations` standard deviations away."""
        mean, sd = self.marginal(self.X)
        return mean - deviations * sd, mean + deviations * sd

    def replicate_noise(self, data: TrainingData) -> Tensor:
        """Return the noise variances [1, u] that one more measurement at each distinct observed point would have.

        This is the noise of the model's likelihood if that is one number, otherwise the noise that evaluations
        reported.
        """
        noise = getattr(getattr(self.model, "likelihood", None), "noise", None)
        if isinstance(noise, Tensor) and noise.numel() == 1:
            return noise.expand_as(data.y)[None]
        return data.known[None]

    def drawn(self, points: Tensor, normals: Tensor) -> DifferentiatedDraws:
        """Return draws of f at `points` [r, d], see `DifferentiatedDraws`."""
        return DifferentiatedDraws(self.at, points, normals)

    def as_record(self) -> Record:
        """Return the finite entries of the model's state; entries such as infinite bounds come from its code.

        Raises Unusable if the state holds anything but real tensors, which could not be recalled.
        """
        expected, kind = "a `state_dict` of real tensors", type(self.model).__name__
        with user_errors(self.surrogate, expected, f"`{kind}`"):
            entries = dict(self.model.state_dict())
        if odd := [name for name, value in entries.items() if not isinstance(value, Tensor) or value.is_complex()]:
            raise unusable(self.surrogate, expected, f"that `{kind}` has other entries: {', '.join(odd)}")
        state = {name: value.double().flatten() for name, value in entries.items()}
        return {name: tuple(value.tolist()) for name, value in state.items() if bool(value.isfinite().all())}
