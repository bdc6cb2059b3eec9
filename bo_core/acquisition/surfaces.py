"""Acquisitions as surfaces to climb: the search works on the CPU, whatever device the model lives on."""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from overnight.bo_core.acquisition import JointDraws, SampledPath, Utility
from overnight.bo_core.search.climb import Surface
from overnight.bo_core.surrogate import Posterior

# Along a feature that hardly matters a search need not go far beyond the cube.
_LONGEST_SCALE = 2.0


def surface_of_utility(draws: JointDraws, utility: Utility) -> Surface:
    """Return the average of a utility over joint draws."""
    return _on(
        draws.posterior,
        partial(draws.value, utility),
        partial(draws.value_and_gradient, utility),
        partial(draws.value, utility, screening=True),
    )


def surface_of_path(path: SampledPath) -> Surface:
    """Return a path."""
    return _on(path.posterior, path.value, path.value_and_gradient, path.value)


def _on(
    posterior: Posterior,
    value: Callable[[Tensor], Tensor],
    value_and_gradient: Callable[[Tensor], tuple[Tensor, Tensor]],
    screen: Callable[[Tensor], Tensor],
) -> Surface:
    like = posterior.Z
    scales = posterior.hyperparameters.typical_length_scales.clamp(max=_LONGEST_SCALE)

    def both(X: Tensor) -> tuple[Tensor, Tensor]:
        found, gradient = value_and_gradient(X.to(like))
        return found.cpu(), gradient.cpu()

    return Surface(lambda X: value(X.to(like)).cpu(), both, lambda X: screen(X.to(like)).cpu(), scales)
