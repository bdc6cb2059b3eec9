"""The hypervolume improvement of four and more objectives by random directions, one in each draw.

The hypervolume above a reference is the mean over directions λ, with positive parts on the unit sphere, of the largest
s(y)ᵐ times a constant, with s(y) = min over objectives of ((yᵢ − rᵢ)/λᵢ)⁺ (Golovin and Zhang 2020, arXiv 2006.04655).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from overnight.bo_core.acquisition.limited import Ends, log_probability_within
from overnight.bo_core.acquisition.utility import Evaluated
from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.search.quasi_random import uniform_draws
from overnight.bo_core.surrogate import Conditional

_NODES, _WEIGHTS = (tensor_of(each) for each in np.polynomial.legendre.leggauss(24))
# Up to the first number of standard deviations below an objective's mean, it is sure to be reached. Where the logarithm
# of the probability has fallen by the second number, the rest does not count.
_SURE, _FALLEN = 8.0, 30.0
_SEED = 2006_04655
_TINY = 1e-290


def directions(objectives: int, draws: int) -> Tensor:
    """Return a direction [objectives, S] for each draw; the first ones do not depend on how many there are."""
    normals = torch.special.ndtri(0.5 + 0.5 * uniform_draws(objectives, draws, _SEED).clamp(1e-6, 1.0 - 1e-6))
    return (normals / normals.norm(dim=1, keepdim=True)).T


def log_constant(objectives: int) -> float:
    """Return the logarithm of the volume of the positive part of the unit ball, which scales the mean of s(y)ᵐ."""
    half = 0.5 * objectives
    return half * math.log(math.pi) - objectives * math.log(2.0) - math.lgamma(half + 1.0)


@dataclass(frozen=True)
class Scalarised:
    """The expectation of (s(f)ᵐ − bestᵐ)⁺ in each draw, an integral over t of P(s(f) > t) d(tᵐ).

    By objective, `along` are the parts [1, 1, S] of the direction, `reference` [M, 1, S] is r and `limits` hold the
    limits. `best` [M, 1, S] is the largest s of a feasible point, 0 without any.
    """

    along: Mapping[str, Tensor]
    reference: Mapping[str, Tensor]
    limits: Mapping[str, Ends]
    best: Tensor

    @classmethod
    def of(
        cls,
        values: Mapping[str, Tensor],
        feasible: Tensor,
        reference: Mapping[str, Tensor],
        limits: Mapping[str, Ends],
    ) -> "Scalarised":
        """Return the improvement on points of `values` [M, r, S] by objective, as far as they are feasible."""
        like = feasible.new_zeros((), dtype=torch.float64)
        parts = directions(len(values), feasible.shape[2]).to(like)
        along = {name: part[None, None] for name, part in zip(values, parts, strict=True)}
        each = [(value - reference[name]) / along[name] for name, value in values.items()]
        reached = torch.stack(each).amin(0).clamp(min=0.0).masked_fill(~feasible, 0.0)
        nothing = torch.zeros_like(reached[:, :1])
        return cls(along, reference, limits, torch.cat([nothing, reached], 1).amax(1, keepdim=True))

    def at(self, here: Mapping[str, Conditional]) -> tuple[Tensor, Mapping[str, Evaluated]]:
        """Return the logarithm of the expectation, and its derivatives.

        The integral is cut where the integrand begins to fall. Gauss–Legendre nodes cover the second part, and the
        derivatives are those of the integrand there; in the first part they are nearly 0 unless there are limits.
        """
        m = len(self.along)
        start, end = self._falling(here)
        sure = (
            self.best.expand_as(start)
            if any(end is not None for each in self.limits.values() for end in each)
            else start
        )
        half = 0.5 * (end - sure).unsqueeze(3)
        nodes, weights = _NODES.to(half), _WEIGHTS.to(half)
        t = sure.unsqueeze(3) + half * (nodes + 1.0)
        parts = {name: self._reaches(name, here[name], t) for name in self.along}
        each = torch.stack([part.value for part in parts.values()]).sum(0)
        each = each + (m * half * weights).clamp(min=_TINY).log() + (m - 1) * t.clamp(min=_TINY).log()
        before = (sure**m - self.best**m).clamp(min=0.0).log()
        value = torch.logaddexp(each.logsumexp(3), before)
        share = (each - value.clamp(min=torch.finfo(value.dtype).min).unsqueeze(3)).exp()
        by = {
            name: Evaluated(part.value, (share * part.by_mean).sum(3), (share * part.by_sd).sum(3))
            for name, part in parts.items()
        }
        return value + log_constant(m), by

    def _falling(self, here: Mapping[str, Conditional]) -> tuple[Tensor, Tensor]:
        """Return from where [M, b, S] the probability of s(f) > t falls, at least the best, and from where it is 0."""
        sure, gone = [], []
        for name, along in self.along.items():
            mean, sd = here[name].mean - self.reference[name], here[name].sd
            v = (mean - along * self.best) / sd
            sure.append((mean - _SURE * sd) / along)
            below = v.clamp(max=0.0)
            gone.append(((below * below + 2.0 * _FALLEN).sqrt() + v) * sd / along)
        start = torch.maximum(torch.stack(sure).amin(0), self.best)
        end = self.best + torch.stack(gone).amin(0)
        for name, (_, high) in self.limits.items():
            if high is not None:
                end = torch.minimum(end, (high - self.reference[name]) / self.along[name])
        return start, torch.maximum(end, self.best)

    def _reaches(self, name: str, here: Conditional, t: Tensor) -> Evaluated:
        """Return the log probability that an objective lies within limits and reaches t [M, b, S, q] along λ."""
        threshold = self.reference[name].unsqueeze(3) + self.along[name].unsqueeze(3) * t
        least, most = (None if end is None else end.unsqueeze(3) for end in self.limits[name])
        low = threshold if least is None else torch.maximum(threshold, least)
        mean, sd = here.mean.unsqueeze(3), here.sd.unsqueeze(3)
        if most is None:
            return log_probability_within(mean, sd, low, None)
        empty = low >= most
        found = log_probability_within(mean, sd, torch.where(empty, most - 1.0, low), most)
        return Evaluated(
            found.value.masked_fill(empty, -math.inf),
            found.by_mean.masked_fill(empty, 0.0),
            found.by_sd.masked_fill(empty, 0.0),
        )
