"""Features spread evenly over the allowed part of a space.

In most spaces these are the allowed points of a Sobol sequence. If hardly any of its points are allowed, they are the
ends of random walks inside the allowed part: hit-and-run with a bracket that shrinks to the part of the line inside
(Smith 1984; Neal 2003, Slice sampling), whose stationary distribution is uniform. The walks start at points that other
walks have found by always going to smaller violations. Such walks are also added for each branch, the part of the space
in which the same constraints count, of which hardly any point is allowed.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.search.quasi_random import uniform_block
from overnight.campaign.errors import InvalidDefinition, SpaceExhausted
from overnight.campaign.space import Space, SpaceText

# A sequence of which a smaller share is allowed is replaced by walks.
_LEAST_ALLOWED = 0.02
_TRIED = 4096
_WALKS = 256
_SHRINKS = 40
_STEPS_TO_FIND, _PATIENCE = 200, 30
_MIXED, _MORE_STEPS = 1024, 2
_MOST_BRANCHES = 16


def even_features(encoding: Encoding, count: int, seed: int) -> Tensor:
    """Return the features [count, d] of allowed points; a few more or fewer if constraints forbid some.

    Points repeat each other only if the space is small. Raises SpaceExhausted if no allowed point is found.
    """
    return even_block(encoding, 0, math.ceil(count / share_kept(encoding)), seed)


def even_block(encoding: Encoding, start: int, count: int, seed: int) -> Tensor:
    """Return the features [b, d] of the allowed ones among `count` points of a sequence after the first `start`.

    Ends of walks are added for branches of which hardly any point is allowed. If hardly any point of the whole space
    is, they replace the sequence, and are as many as its points.
    """
    found = encoding.allowed(encoding.spread(uniform_block(encoding.k, start, count, seed)))
    if encoding.region is None or not encoding.region.is_limited:
        return found
    share, branches = _measured(encoding.space.as_text())
    generator = torch.Generator().manual_seed((seed * 1_000_003 + start) % 2**63)
    if share >= _LEAST_ALLOWED:
        return _merged([found, *(branch.ends(encoding, len(found), generator) for branch in branches)])
    return _merged([branch.ends(encoding, count, generator) for branch in branches])


def _merged(parts: list[Tensor]) -> Tensor:
    """Return the rows of all parts, each part in its order and spread evenly over the result."""
    at = torch.cat([(torch.arange(len(part)) + 0.5) / max(len(part), 1) for part in parts])
    return torch.cat(parts)[at.argsort(stable=True)]


def check_not_empty(space: Space) -> None:
    """Raise InvalidDefinition if no allowed point of a space is found."""
    try:
        even_features(Encoding(space), 1, 0)
    except SpaceExhausted as problem:
        where = "parameter_constraints" if space.constraints else "parameters"
        raise InvalidDefinition([f"`{where}`: {problem}"]) from None


def share_kept(encoding: Encoding) -> float:
    """Return the share of the points of a block that remains: those allowed of a sequence, and all ends of walks."""
    if encoding.region is None or not encoding.region.is_limited:
        return 1.0
    share, _ = _measured(encoding.space.as_text())
    return share if share >= _LEAST_ALLOWED else 1.0


@dataclass(frozen=True)
class _Branch:
    """The points at which the same constraints count: their share of all, and uniform coordinates [w, k] in it."""

    share: float
    key: Tensor
    coordinates: Tensor

    def ends(self, encoding: Encoding, count: int, generator: torch.Generator) -> Tensor:
        """Return the features [b, d] of new points in the branch: its share of `count`."""
        chosen = torch.randint(len(self.coordinates), (math.ceil(self.share * count),), generator=generator)
        u = self.coordinates[chosen]
        for _ in range(_MORE_STEPS):
            u = _walked(encoding, u, torch.zeros(len(u), dtype=torch.float64), self.key, generator)
        return encoding.allowed(encoding.spread(u))


# Cached, because every proposal draws from the same space.
@lru_cache(maxsize=8)
def _measured(space: SpaceText) -> tuple[float, tuple[_Branch, ...]]:
    """Return the share of a sequence that is allowed, and the branches that need walks.

    These are all branches if hardly any point of the space is allowed; otherwise those of which hardly any point is. A
    branch without an allowed point is left out. Raises SpaceExhausted if all are.
    """
    encoding = Encoding(Space.from_text(space))
    region = encoding.region
    assert region is not None, "expected a space with constraints"
    u = uniform_block(encoding.k, 0, _TRIED, seed=0)
    X = encoding.spread(u)
    allowed, (_, branch) = region.contains(X), region.violation_and_branch(X)
    keys, of_point, counts = branch.unique(dim=0, return_inverse=True, return_counts=True)
    share = float(allowed.double().mean())
    found = list[_Branch]()
    for i in counts.argsort(descending=True, stable=True)[:_MOST_BRANCHES].tolist():
        own, within = float(counts[i]) / _TRIED, float(allowed[of_point == i].double().mean())
        if share < _LEAST_ALLOWED or (own >= _LEAST_ALLOWED > within):
            coordinates = _mixed(encoding, u[of_point == i], keys[i])
            found += [] if coordinates is None else [_Branch(own, keys[i], coordinates)]
    if share >= _LEAST_ALLOWED:
        return share, tuple(found)
    if not found:
        raise SpaceExhausted(
            f"expected values of the parameters that meet all constraints, found none in {_TRIED} points and {_WALKS} "
            "walks from the best of them: the constraints contradict each other, the bounds of a parameter or `fix`, "
            "or they leave so little that it should be written with `==` or `fix`"
        )
    total = sum(branch.share for branch in found)
    return share, tuple(replace(branch, share=branch.share / total) for branch in found)


def _mixed(encoding: Encoding, u: Tensor, key: Tensor) -> Tensor | None:
    """Return coordinates [w, k] spread evenly over the allowed part of a branch, found from u [b, k] in it, if any."""
    generator = torch.Generator().manual_seed(1)
    found = _found(encoding, u, key)
    if not len(found):
        return None
    u = found[torch.arange(_MIXED) % len(found)]
    for _ in range(10 + 4 * encoding.k):
        u = _walked(encoding, u, torch.zeros(len(u), dtype=torch.float64), key, generator)
    return u


def _found(encoding: Encoding, u: Tensor, key: Tensor) -> Tensor:
    """Return uniform coordinates [w, k] of allowed points, found by walks from the best of u [b, k]; maybe none."""
    generator = torch.Generator().manual_seed(0)
    u = u[_violation(encoding, u, key).argsort()[:_WALKS]]
    least, since = torch.inf, 0
    for _ in range(_STEPS_TO_FIND):
        violation = _violation(encoding, u, key)
        total = float(violation.clamp(max=1e300).sum())
        least, since = (total, 0) if total < 0.99 * least else (least, since + 1)
        if total == 0.0 or since > _PATIENCE:
            break
        u = _walked(encoding, u, violation, key, generator)
    assert encoding.region is not None, "expected a region"
    return u[encoding.region.contains(encoding.spread(u))]


def _violation(encoding: Encoding, u: Tensor, key: Tensor) -> Tensor:
    """Return by how much [w] constraints are exceeded at coordinates u [w, k]; nan in other branches than this one."""
    assert encoding.region is not None, "expected a region"
    violation, keys = encoding.region.violation_and_branch(encoding.spread(u))
    return torch.where((keys == key).all(1), violation, torch.nan)


def _walked(encoding: Encoding, u: Tensor, most: Tensor, key: Tensor, generator: torch.Generator) -> Tensor:
    """Return coordinates [w, k] on random lines through others of a branch, where violations are at most `most` [w]."""
    direction = torch.randn(u.shape, generator=generator, dtype=torch.float64)
    # Half of the lines move a single coordinate, which changes one choice and keeps the others.
    alone = torch.nn.functional.one_hot(torch.randint(u.shape[1], (len(u),), generator=generator), u.shape[1]).double()
    single = torch.rand(len(u), generator=generator) < 0.5
    direction = torch.where(single.unsqueeze(1), alone, direction)
    to_ends = torch.stack([-u / direction, (1.0 - u) / direction]).nan_to_num(nan=torch.inf)
    low = to_ends.min(0).values.nan_to_num(neginf=-1e9).max(1).values
    high = to_ends.max(0).values.nan_to_num(posinf=1e9).min(1).values
    result, waiting = u.clone(), torch.arange(len(u))
    for _ in range(_SHRINKS):
        t = low + (high - low) * torch.rand(len(waiting), generator=generator, dtype=torch.float64)
        moved = (u[waiting] + t.unsqueeze(1) * direction[waiting]).clamp(0.0, 1.0)
        fine = _violation(encoding, moved, key) <= most[waiting]
        result[waiting[fine]] = moved[fine]
        if bool(fine.all()):
            break
        low, high = torch.where(t < 0, t, low)[~fine], torch.where(t > 0, t, high)[~fine]
        waiting = waiting[~fine]
    return result
