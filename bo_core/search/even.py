"""Features spread evenly over the allowed part of a space.

In most spaces these are the allowed points of a Sobol sequence. If hardly any of its points are allowed, they are the
ends of random walks inside the allowed part: hit-and-run with a bracket that shrinks to the part of the line inside
(Smith 1984; Neal 2003, Slice sampling), whose stationary distribution is uniform. The walks start at points that other
walks have found by always going to smaller violations.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.region import Region
from overnight.bo_core.search.quasi_random import uniform_block
from overnight.campaign.errors import InvalidDefinition, SpaceExhausted
from overnight.campaign.space import Space, SpaceText

# A sequence of which a smaller share is allowed is replaced by walks.
_LEAST_ALLOWED = 0.02
_TRIED = 4096
_WALKS = 256
_SHRINKS = 40
_STEPS_TO_FIND, _PATIENCE = 400, 30
_MIXED, _MORE_STEPS = 1024, 6


def even_features(encoding: Encoding, count: int, seed: int) -> Tensor:
    """Return the features [count, d] of allowed points; a few more or fewer if constraints forbid some.

    Points repeat each other only if the space is small. Raises SpaceExhausted if no allowed point is found.
    """
    return even_block(encoding, 0, math.ceil(count / max(_share_allowed(encoding), _LEAST_ALLOWED)), seed, most=count)


def even_block(encoding: Encoding, start: int, count: int, seed: int, most: int | None = None) -> Tensor:
    """Return the features [b, d] of the allowed ones among `count` points of a sequence after the first `start`.

    Where hardly any point is allowed, they are as many ends of walks, but at most `most`.
    """
    found = encoding.allowed(encoding.spread(uniform_block(encoding.k, start, count, seed)))
    if encoding.region is None or (len(found) and _share_allowed(encoding) >= _LEAST_ALLOWED):
        return found
    generator = torch.Generator().manual_seed((seed * 1_000_003 + start) % 2**63)
    u = _mixed(encoding.space.as_text())
    u = u[torch.randint(len(u), (min(count, most or count),), generator=generator)]
    for _ in range(_MORE_STEPS):
        u = _walked(encoding, u, torch.zeros(len(u), dtype=torch.float64), generator)
    return encoding.allowed(encoding.spread(u))


def check_not_empty(space: Space) -> None:
    """Raise InvalidDefinition if no allowed point of a space is found."""
    try:
        even_features(Encoding(space), 1, 0)
    except SpaceExhausted as problem:
        raise InvalidDefinition([f"`parameter_constraints`: {problem}"]) from None


def _share_allowed(encoding: Encoding) -> float:
    """Return the share of a sequence that is allowed."""
    if encoding.region is None or not encoding.region.is_limited:
        return 1.0
    trial = encoding.spread(uniform_block(encoding.k, 0, _TRIED, seed=0))
    return float(encoding.region.contains(trial).double().mean())


# Cached, because every proposal draws from the same space.
@lru_cache(maxsize=8)
def _mixed(space: SpaceText) -> Tensor:
    """Return uniform coordinates [w, k] of points spread evenly over the allowed part."""
    encoding, generator = Encoding(Space.from_text(space)), torch.Generator().manual_seed(1)
    assert encoding.region is not None, "expected a space with constraints"
    u = _found(encoding, encoding.region)
    u = u[torch.arange(_MIXED) % len(u)]
    for _ in range(10 + 4 * encoding.k):
        u = _walked(encoding, u, torch.zeros(len(u), dtype=torch.float64), generator)
    return u


def _found(encoding: Encoding, region: Region) -> Tensor:
    """Return uniform coordinates [w, k] of allowed points."""
    generator = torch.Generator().manual_seed(0)
    u = uniform_block(encoding.k, 0, _TRIED, seed=0)
    violation = region.violation(encoding.spread(u))
    u = u[violation.argsort()[:_WALKS]]
    least, since = torch.inf, 0
    for _ in range(_STEPS_TO_FIND):
        violation = region.violation(encoding.spread(u))
        total = float(violation.clamp(max=1e300).sum())
        least, since = (total, 0) if total < 0.99 * least else (least, since + 1)
        if total == 0.0 or since > _PATIENCE:
            break
        u = _walked(encoding, u, violation, generator)
    allowed = u[region.contains(encoding.spread(u))]
    if not len(allowed):
        raise SpaceExhausted(
            f"expected values of the parameters that meet all constraints, found none in {_TRIED} points and {_WALKS} "
            "walks from the best of them: the constraints contradict each other, or the bounds of a parameter"
        )
    return allowed


def _walked(encoding: Encoding, u: Tensor, most: Tensor, generator: torch.Generator) -> Tensor:
    """Return coordinates [w, k] on random lines through others, where violations are at most `most` [w]."""
    assert encoding.region is not None, "expected a region"
    direction = torch.randn(u.shape, generator=generator, dtype=torch.float64)
    # Half of the lines move a single coordinate, which changes one choice and keeps the others.
    alone = torch.nn.functional.one_hot(torch.randint(u.shape[1], (len(u),), generator=generator), u.shape[1]).double()
    single = torch.rand(len(u), generator=generator) < 0.5
    direction = torch.where(single.unsqueeze(1), alone, direction)
    to_ends = torch.stack([-u / direction, (1.0 - u) / direction]).nan_to_num(nan=torch.inf)
    low = to_ends.min(0).values.nan_to_num(neginf=-1e9).max(1).values
    high = to_ends.max(0).values.nan_to_num(posinf=1e9).min(1).values
    result, waiting = u.clone(), torch.ones(len(u), dtype=torch.bool)
    for _ in range(_SHRINKS):
        t = low + (high - low) * torch.rand(len(u), generator=generator, dtype=torch.float64)
        moved = (u + t.unsqueeze(1) * direction).clamp(0.0, 1.0)
        fine = waiting & (encoding.region.violation(encoding.spread(moved)) <= most)
        result[fine] = moved[fine]
        waiting &= ~fine
        if not bool(waiting.any()):
            break
        low, high = torch.where(t < 0, t, low), torch.where(t > 0, t, high)
    return result
