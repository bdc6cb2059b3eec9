"""The importance of each parameter to a metric: Sobol' indices of the model's mean over the space.

Their uncertainty is that of the model and of the estimator, by draws of the posterior and a bootstrap (Le Gratiet,
Cannamela and Iooss 2014).
"""

import torch
from torch import Tensor

from overnight.bo_core.acquisition.sampled_path import SampledPath
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.insight.sampled_space import SampledSpace
from overnight.bo_core.insight.sobol_indices import main_indices, total_indices
from overnight.bo_core.model import Model
from overnight.bo_core.surrogate import Posterior
from overnight.bo_core.surrogate.distance import DistanceBelief
from overnight.campaign.insight import Importance, Index

# The points at which the mean and each draw are computed, and those of each sample, at least and at most.
_POINTS, _POINTS_OF_DRAW, _FEWEST, _MOST = 8192, 2048, 128, 512
_DRAWS, _FREQUENCIES = 32, 256
# Means at so many points are computed at once, to save memory.
_TOGETHER = 2048
_LOW, _HIGH = 0.05, 0.95


def importance_of(model: Model, encoding: Encoding, seed: int) -> tuple[Importance, ...]:
    """Return the indices of all free parameters, the highest total first; none if hardly any point is allowed.

    All points count alike, spread evenly over the space on the scales of its parameters. The values are those on the
    model's scale, on which very bad results may be drawn together. If constraints forbid some combinations, parameters
    depend on each other: only the total indices are defined, and their sum means nothing.
    """
    size = min(max(_POINTS // (encoding.k + 2), _FEWEST), _MOST)
    space = SampledSpace.of(encoding, 1 << (size.bit_length() - 1), seed)
    if space is None:
        return ()
    generator = torch.Generator().manual_seed(seed)
    at_space = space.parted(_means(model, space.every))
    main, total = _indices(*at_space)
    # True of the indices themselves, and not of every estimate.
    total = total if main is None else torch.maximum(total, main)
    spread = _spread(model, space, at_space, generator)
    found = [
        Importance(
            parameter=name,
            main=None if main is None else _index(float(main[i]), None if spread[0] is None else spread[0][:, i]),
            total=_index(float(total[i]), spread[1][:, i]),
        )
        for i, name in enumerate(encoding.free)
    ]
    return tuple(sorted(found, key=lambda each: -each.total.value))


Parts = tuple[Tensor, Tensor | None, Tensor]


def _indices(at_A: Tensor, at_B: Tensor | None, at_mixed: Tensor) -> tuple[Tensor | None, Tensor]:
    """Return the main indices, None if they are not defined, and the total ones, each [..., k]."""
    main = None if at_B is None else main_indices(at_A, at_B, at_mixed)
    return main, total_indices(at_A, at_mixed, at_B)


def _spread(
    model: Model, space: SampledSpace, at_space: Parts, generator: torch.Generator
) -> tuple[Tensor | None, Tensor]:
    """Return replicates [S, k] of both indices: a bootstrap of the points, moved as draws of the posterior move them.

    A draw is compared with the mean at the same points, so that these matter little.
    """
    N = len(space.A)
    rows = torch.randint(N, (_DRAWS, N), generator=generator)
    at_A, at_B, at_mixed = at_space
    resampled_B = None if at_B is None else _resampled(at_B, rows)
    main, total = _indices(_resampled(at_A, rows), resampled_B, _resampled(at_mixed, rows))
    n = min(_POINTS_OF_DRAW // (len(space.mixed) + 2), N)
    few = space.first(n)
    draws = _draws(model, few.every, generator)
    if draws is None:
        return main, total
    main_of_few, total_of_few = _indices(at_A[:n], None if at_B is None else at_B[:n], at_mixed[:, :n])
    main_of_draws, total_of_draws = _indices(*few.parted(draws))
    if main is not None and main_of_draws is not None and main_of_few is not None:
        main = main + main_of_draws - main_of_few
    return main, total + total_of_draws - total_of_few


def _resampled(values: Tensor, rows: Tensor) -> Tensor:
    """Return values [N] or [k, N] at rows [S, N]: [S, N] or [S, k, N]."""
    return values[..., rows].movedim(-2, 0)


def _means(model: Model, X: Tensor) -> Tensor:
    """Return the model's means [b] at features X [b, d]."""
    belief = model.posterior

    def mean(part: Tensor) -> Tensor:
        return belief.means(part).mean(0) if isinstance(belief, Posterior) else belief.averaged(part)[0]

    return torch.cat([mean(part.to(model.device)).cpu() for part in X.split(_TOGETHER)])


def _draws(model: Model, X: Tensor, generator: torch.Generator) -> Tensor | None:
    """Return draws [S, b] of the posterior at features X [b, d]; None for a model whose paths cannot be drawn."""
    belief = model.posterior
    of_metric = belief.metric if isinstance(belief, DistanceBelief) else belief
    if not isinstance(of_metric, Posterior):
        return None
    seeds = torch.randint(2**31, (_DRAWS,), generator=generator).tolist()
    sets = [_one_set(of_metric, i) for i in range(of_metric.set_count)]
    paths = (SampledPath(sets[i % len(sets)], seed, _FREQUENCIES) for i, seed in enumerate(seeds))
    drawn = [path.value(X.to(model.device)).cpu() for path in paths]
    return torch.stack([belief.turned(each) if isinstance(belief, DistanceBelief) else each for each in drawn])


def _one_set(posterior: Posterior, number: int) -> Posterior:
    """Return the posterior with one of its sets of hyperparameters, so that its paths are computed for that alone."""
    which, y = torch.tensor([number], device=posterior.Z.device), posterior.y
    Z, L_inverse, residual = posterior.Z[which], posterior.L_inverse[which], posterior.residual[which]
    return posterior.with_more(which, Z, L_inverse, residual, y if y.dim() == 1 else y[which], posterior.noise[which])


def _index(value: float, replicates: Tensor | None) -> Index:
    """Return an index with its interval, all between 0 and 1."""
    value = min(max(value, 0.0), 1.0)
    if replicates is None:
        return Index(value=value, low=value, high=value)
    low, high = (float(replicates.quantile(share)) for share in (_LOW, _HIGH))
    return Index(value=value, low=max(min(low, value), 0.0), high=min(max(high, value), 1.0))
