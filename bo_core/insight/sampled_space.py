"""Samples of a space from which Sobol' indices are estimated."""

from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.search.quasi_random import uniform_draws

# So many points are tried for each that is needed, and so many values of a parameter at a point.
_TRIED_FOR_EACH, _REDRAWN = 16, 24


@dataclass(frozen=True)
class SampledSpace:
    """A sample of allowed points, and the same points with one of the k free parameters drawn again.

    `A` [N, d] and `mixed` [k, N, d] are features. If all combinations of values are allowed, the parameters are
    independent, `B` [N, d] is another sample, and the new values are those of B. The number of a parameter that is
    inactive at a point changes nothing there. If constraints forbid some combinations, there is no `B`: the points are
    spread evenly over the allowed part, and each parameter is drawn again evenly from the values that are allowed given
    all others; it stays if none is found.
    """

    A: Tensor
    B: Tensor | None
    mixed: Tensor

    @classmethod
    def of(cls, encoding: Encoding, count: int, seed: int) -> "SampledSpace | None":
        """Return samples of `count` points; None if hardly any point of the space is allowed."""
        k = encoding.k
        if encoding.region is None or not encoding.region.is_limited:
            of_A, of_B = uniform_draws(2 * k, count, seed).split(k, 1)
            mixed = [encoding.spread(_replaced(of_A, i, of_B[:, i])) for i in range(k)]
            return cls(encoding.spread(of_A), encoding.spread(of_B), torch.stack(mixed))
        u = uniform_draws(k, _TRIED_FOR_EACH * count, seed)
        u = u[encoding.region.contains(encoding.spread(u))][:count]
        if len(u) < count:
            return None
        generator = torch.Generator().manual_seed(seed)
        mixed = [encoding.spread(_redrawn(encoding, u, i, generator)) for i in range(k)]
        return cls(encoding.spread(u), None, torch.stack(mixed))

    def first(self, count: int) -> "SampledSpace":
        """Return the first points of the samples."""
        return SampledSpace(self.A[:count], None if self.B is None else self.B[:count], self.mixed[:, :count])

    @property
    def every(self) -> Tensor:
        """Return all features [(k + 1 or 2) N, d], which `parted` puts into order again."""
        return torch.cat([*self.mixed, self.A, *([] if self.B is None else [self.B])])

    def parted(self, values: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return the values [..., rows] at all features as those at A, at B and at the mixed points [..., k, N]."""
        parts = values.unflatten(-1, (-1, len(self.A)))
        k = len(self.mixed)
        return parts[..., k, :], None if self.B is None else parts[..., k + 1, :], parts[..., :k, :]


def _replaced(u: Tensor, column: int, by: Tensor) -> Tensor:
    changed = u.clone()
    changed[:, column] = by
    return changed


def _redrawn(encoding: Encoding, u: Tensor, column: int, generator: torch.Generator) -> Tensor:
    """Return coordinates u [N, k] with one drawn again, evenly from its values that are allowed given the others."""
    assert encoding.region is not None, "expected a space with constraints"
    changed, waiting = u.clone(), torch.arange(len(u))
    for _ in range(_REDRAWN):
        tried = _replaced(u[waiting], column, torch.rand(len(waiting), generator=generator, dtype=torch.float64))
        allowed = encoding.region.contains(encoding.spread(tried))
        changed[waiting[allowed]] = tried[allowed]
        waiting = waiting[~allowed]
        if not len(waiting):
            break
    return changed
