"""Acquisitions as surfaces for the search, which runs on the CPU even if the model uses another device."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from overnight.bo_core.acquisition.sampled_path import SampledPath
from overnight.bo_core.acquisition.score import AverageScore
from overnight.bo_core.search.surface import Surface
from overnight.bo_core.surrogate import Belief

# Along a feature that hardly matters, a search need not go far beyond the cube.
_LONGEST_SCALE = 2.0


def surface_of_score(average: AverageScore) -> Surface:
    """Return the surface of the average of a score over joint draws."""
    return _on(list(average.draws.beliefs.values()), average.value, average.value_and_gradient, average.screened)


def surface_of_path(path: SampledPath, target: float | None = None) -> Surface:
    """Return the surface of a path, or of minus its distance from a target."""
    if target is None:
        return _on([path.posterior], path.value, path.value_and_gradient, path.value)

    def value(X: Tensor) -> Tensor:
        return -(path.value(X) - target).abs()

    def value_and_gradient(X: Tensor) -> tuple[Tensor, Tensor]:
        f, gradient = path.value_and_gradient(X)
        return -(f - target).abs(), -(f - target).sign().unsqueeze(1) * gradient

    return _on([path.posterior], value, value_and_gradient, value)


def _on(
    beliefs: Sequence[Belief],
    value: Callable[[Tensor], Tensor],
    value_and_gradient: Callable[[Tensor], tuple[Tensor, Tensor]],
    screen: Callable[[Tensor], Tensor],
) -> Surface:
    like = beliefs[0].like
    shortest = torch.stack([belief.scales for belief in beliefs]).amin(0)

    def both(X: Tensor) -> tuple[Tensor, Tensor]:
        found, gradient = value_and_gradient(X.to(like))
        return found.cpu(), gradient.cpu()

    scales = shortest.clamp(max=_LONGEST_SCALE)
    return Surface(lambda X: value(X.to(like)).cpu(), both, lambda X: screen(X.to(like)).cpu(), scales)
