"""The score of several objectives: the expected hypervolume that a candidate adds to the front of each draw."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from overnight.bo_core.acquisition.front.boxes import Boxes, undominated
from overnight.bo_core.acquisition.front.clipped import log_clipped_within
from overnight.bo_core.acquisition.front.scalarised import Scalarised
from overnight.bo_core.acquisition.joint_draws import Drawn
from overnight.bo_core.acquisition.limited import Allowed, Ends, feasible_in_each_draw, log_probability_within
from overnight.bo_core.acquisition.score import Scored, Scoring
from overnight.bo_core.acquisition.utility import Evaluated
from overnight.bo_core.surrogate import Conditional

# With more objectives, there are too many boxes.
_MOST_CUT = 3
# Each draw of a front is many boxes.
_SCREENING_DRAWS = 8


class Gain(Protocol):
    """The expected hypervolume that a candidate adds to a front, given each draw."""

    def at(self, here: Mapping[str, Conditional]) -> tuple[Tensor, Mapping[str, Evaluated]]:
        """Return its logarithm [M, b, S], and by objective its derivatives (their own values mean nothing)."""
        ...


@dataclass(frozen=True)
class HypervolumeImprovement:
    """The log expected hypervolume improvement on the front of each draw, times the probability of all limits.

    Averaged over joint draws it is noisy expected hypervolume improvement (Daulton, Balandat and Bakshy 2021), in
    logarithms (Ament et al. 2023). Given a draw, metrics are independent and the improvement has a closed form: over
    boxes for two and three objectives, by random directions for more. `reference` is a value of each objective, beyond
    which values are of no use. `allowed` are the limits by metric, and `baseline` is the row of the baseline in the
    draws. The front holds feasible points only; in a draw without any, all that lies above the reference is gained. If
    no draw has one, the probability alone is the score.
    """

    reference: Mapping[str, float]
    allowed: Mapping[str, Allowed]
    baseline: int | None
    logarithmic: bool = True
    screening_draws: int = _SCREENING_DRAWS

    def share_without_feasible(self, drawn: Drawn) -> float:
        """Return the share of draws in which no point is feasible."""
        feasible = feasible_in_each_draw(drawn, self._limits(drawn))
        return 1.0 - float(feasible.any(1).double().mean())

    def share_without_front(self, drawn: Drawn) -> float:
        """Return the share of draws in which no feasible point is better than the reference in every objective."""
        limits = self._limits(drawn)
        of_use = feasible_in_each_draw(drawn, limits)
        for name in self.reference:
            of_use = of_use & (drawn.values[name] > self._worst(name, drawn.values[name], limits))
        return 1.0 - float(of_use.any(1).double().mean())

    def against(self, drawn: Drawn) -> Scoring:
        """Return a function that scores candidates against the front of each draw."""
        limits = self._limits(drawn)
        feasible = feasible_in_each_draw(drawn, limits)
        gain = None if limits and not bool(feasible.any()) else self._gain(drawn, feasible, limits)

        def scored(at: Mapping[str, Conditional]) -> Scored:
            first = next(iter(at.values())).mean
            value, parts = (torch.zeros_like(first), {}) if gain is None else gain.at(at)
            found = dict(parts)
            for name, (low, high) in limits.items():
                if name not in found:
                    found[name] = log_probability_within(at[name].mean, at[name].sd, low, high)
                    value = value + found[name].value
            by_mean = {name: part.by_mean for name, part in found.items()}
            return Scored(value, by_mean, {name: part.by_sd for name, part in found.items()})

        return scored

    def _limits(self, drawn: Drawn) -> dict[str, Ends]:
        return {name: allowed.ends(drawn.values[name], self.baseline) for name, allowed in self.allowed.items()}

    def _gain(self, drawn: Drawn, feasible: Tensor, limits: Mapping[str, Ends]) -> Gain:
        values = {name: drawn.values[name] for name in self.reference}
        reference = {name: self._worst(name, value, limits) for name, value in values.items()}
        ends = {name: limits.get(name, (None, None)) for name in values}
        if len(values) > _MOST_CUT:
            return Scalarised.of(values, feasible, reference, ends)
        return _Cut(undominated(list(values.values()), feasible, list(reference.values())), ends)

    def _worst(self, name: str, values: Tensor, limits: Mapping[str, Ends]) -> Tensor:
        """Return the reference [M, 1, S] of an objective; below an upper limit, beyond which nothing can be gained."""
        reference = torch.full_like(values[:, :1], self.reference[name])
        high = limits.get(name, (None, None))[1]
        return reference if high is None else torch.where(reference < high, reference, high - 1.0)


@dataclass(frozen=True)
class _Cut:
    """The improvement by boxes: the sum over boxes of the product of the expected shares along their sides."""

    boxes: Boxes
    limits: Mapping[str, Ends]

    def at(self, here: Mapping[str, Conditional]) -> tuple[Tensor, Mapping[str, Evaluated]]:
        """Return the logarithm and its derivatives."""
        sides = {name: self._side(i, here[name], *ends) for i, (name, ends) in enumerate(self.limits.items())}
        each = sum((side.value for side in sides.values()), torch.zeros(()))
        assert isinstance(each, Tensor)
        each = each.masked_fill(self.boxes.empty, -math.inf)
        value = each.logsumexp(3)
        share = (each - value.clamp(min=torch.finfo(value.dtype).min).unsqueeze(3)).exp()
        by = {
            name: Evaluated(side.value, (share * side.by_mean).sum(3), (share * side.by_sd).sum(3))
            for name, side in sides.items()
        }
        return value, by

    def _side(self, i: int, here: Conditional, least: Tensor | None, most: Tensor | None) -> Evaluated:
        """Return the shares of the boxes along the i-th objective, [M, b, S, K]."""
        return log_clipped_within(
            here.mean.unsqueeze(3),
            here.sd.unsqueeze(3),
            self.boxes.lows[i],
            self.boxes.highs[i],
            None if least is None else least.unsqueeze(3),
            None if most is None else most.unsqueeze(3),
        )
