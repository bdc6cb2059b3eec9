"""Fit the hyperparameters: maximum a posteriori from several starts that first race on part of the data."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.surrogate.climbs import LAST, Climb, Fit, Start, StartEnd, value_at
from overnight.bo_core.surrogate.kernel import KernelName
from overnight.bo_core.surrogate.priors import Prior
from overnight.bo_core.surrogate.training_data import TrainingData
from overnight.campaign.errors import ModelFailed

_MIDDLE = "middle of the prior"
LEAST_JITTER = 1e-8
_JITTERS = (LEAST_JITTER, 1e-6, 1e-4)
# A fit is kept if a part of this size cannot be explained better by more than this, in nats per observation, within so
# many steps.
_PART, _SUITS, _STEPS = 512, 0.18, 6


def fit(
    data: TrainingData,
    kernel: KernelName,
    prior: Prior,
    generator: torch.Generator,
    *,
    cold: int = 3,
    warm: Array | None = None,
    second_look: bool = True,
) -> Fit:
    """Return the hyperparameters with the highest posterior density among the ends of all starts.

    Climbs start at `warm` [h] if there is one, and at `cold` further places: the middle of the prior and draws around
    it; without `warm` there is at least one. With several cold starts, the fit also tests whether the data are mostly
    noise. A `second_look` tests on many data whether a parameter that counts for little at the best end should count.
    Jitter grows until a start ends well; raises ModelFailed if none does.
    """
    starts = _starts(prior, generator, cold, warm)

    def climbed(jitter: float) -> Fit:
        climb = Climb(data, kernel, prior, jitter, warm)
        return climb.finished(climb.from_starts(starts, careful=cold > 1), second_look=second_look)

    return _with_least_jitter(data, _JITTERS, climbed)


def fit_onward(
    data: TrainingData,
    kernel: KernelName,
    prior: Prior,
    of_part: Fit,
    *,
    warm: Array | None = None,
    second_look: bool = True,
) -> Fit:
    """Return the fit to data, from the end of the fit `of_part` to a part, or from `warm` [h] if that is better.

    `second_look` and the exceptions are as in `fit`.
    """

    def climbed(jitter: float) -> Fit:
        climb = Climb(data, kernel, prior, jitter, warm)
        return climb.finished(climb.onward(of_part), second_look=second_look)

    return _with_least_jitter(data, [jitter for jitter in _JITTERS if jitter >= of_part.jitter], climbed)


def keep(data: TrainingData, kernel: KernelName, prior: Prior, theta: Array) -> Fit | None:
    """Return θ [h], found on nearly the same data, as a fit; None if a part can be explained much better.

    A change of a few observations moves the maximum of the density by little, unless they change the scale of all.
    """
    u = len(data.y)
    part = data.part(torch.arange(_PART, device=data.X.device) * u // _PART)
    climb = Climb(part, kernel, prior, LEAST_JITTER, None)
    before = value_at(climb.density, theta)
    better = climb.climbed_on(climb.density, [Start(LAST, theta)], most_steps=_STEPS)
    if not better.value <= before + _SUITS * part.replicates:
        return None
    return Fit((Start(LAST, theta),), before, LEAST_JITTER, u, (StartEnd(LAST, u, before / part.replicates, "kept"),))


def _with_least_jitter(data: TrainingData, jitters: Sequence[float], climbed: Callable[[float], Fit]) -> Fit:
    for jitter in jitters:
        found = climbed(jitter)
        if np.isfinite(found.value):
            return found
    raise ModelFailed(
        f"The surrogate could not be fitted to {len(data.y)} observations: the kernel matrix was singular from "
        f"every start with jitter up to {jitters[-1]:g}. Please report this with the ledger."
    )


def cold_normals(prior: Prior, generator: torch.Generator, cold: int) -> Array:
    """Return the standard normal numbers [cold − 1, h] that a fit with `cold` cold starts takes from the generator."""
    shape = max(cold - 1, 0), len(prior.location)
    return torch.randn(shape, generator=generator, dtype=torch.float64).numpy()


def _starts(prior: Prior, generator: torch.Generator, cold: int, warm: Array | None) -> list[Start]:
    starts = [] if warm is None else [Start(LAST, np.clip(warm, prior.low, prior.high))]
    if cold or not starts:
        starts.append(Start(_MIDDLE, prior.location))
    normals = cold_normals(prior, generator, cold)
    draws = np.clip(prior.location + prior.spread * normals, prior.low, prior.high)
    return starts + [Start(f"draw {i + 1}", draw) for i, draw in enumerate(draws)]
