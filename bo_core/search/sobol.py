"""Space-filling points from a scrambled Sobol sequence, determined by its seed."""

import math
from collections.abc import Collection, Iterator
from functools import lru_cache

from overnight.bo_core.data.encoding import MOST_COUNTED, Encoding, PointKey, key_of
from overnight.bo_core.data.taken import Place, SequenceKey, Taken
from overnight.bo_core.search.even import even_block, share_kept
from overnight.bo_core.search.quasi_random import uniform_block
from overnight.campaign.errors import SpaceExhausted
from overnight.campaign.space import Point, Space, SpaceText

_MOST_SKIPPED = 10_000
_BLOCK = 256


def sobol_points(encoding: Encoding, seed: int, taken: Collection[PointKey], count: int) -> list[Point]:
    """Return the first `count` points of the seed's sequence that are not taken.

    Points that an earlier call returned must be in `taken`, so that calls advance along the sequence together. The
    search begins where the one for an earlier request of the same campaign ended. Raises SpaceExhausted if the
    sequence meets only points that are taken.
    """
    if count == 0:
        return []
    taken = taken if isinstance(taken, Taken) else Taken.without_trials(taken)
    if (left := _left(encoding, taken)) is not None and left < count:
        raise SpaceExhausted(
            f"Expected {count} more new points, found {left} in the whole space ({len(taken)} were tried before). "
            "Widen the space or lower `budget.trials`."
        )
    found: dict[PointKey, Point] = {}
    tries = math.ceil((len(taken) + count + _MOST_SKIPPED) / share_kept(encoding))
    sequence, is_first = (encoding.space.as_text(), seed), True
    for place, key, point in _points(sequence, taken.first_free(sequence), tries):
        if is_first and not taken.by_trial(key):
            taken.remember_free(sequence, place)
            is_first = False
        if key not in taken and key not in found:
            found[key] = dict(point)
            if len(found) == count:
                return list(found.values())
    raise SpaceExhausted(
        f"Expected {count} more new points, found {len(found)} in the first {tries} points of the sequence "
        f"({len(taken)} were tried before). Widen the space or lower `budget.trials`."
    )


def _left(encoding: Encoding, taken: Collection[PointKey]) -> int | None:
    """Return how many points of a small space with limits are not taken, because a search for them takes long."""
    if encoding.region is None or (size := encoding.size()) is None or size > MOST_COUNTED:
        return None
    return sum(key_of(point) not in taken for point in encoding.every_point())


def _points(sequence: SequenceKey, begin: Place, count: int) -> Iterator[tuple[Place, PointKey, Point]]:
    """Iterate from a place over the first points of a sequence, with their places and keys."""
    first, skipped = begin
    for start in range(first, count, _BLOCK):
        block = _block(*sequence, start)[: count - start]
        for index in range(skipped if start == first else 0, len(block)):
            yield (start, index), *block[index]


# Cached, because a campaign that asks for one point at a time finds many of them in the same block.
@lru_cache(maxsize=64)
def _block(space: SpaceText, seed: int, start: int) -> tuple[tuple[PointKey, Point], ...]:
    """Return points of the seed's sequence in a space given as text."""
    encoding = Encoding(Space.from_text(space))
    if encoding.region is not None:
        found = map(encoding.decode, even_block(encoding, start, _BLOCK, seed))
    else:
        found = (encoding.point_at(at.tolist()) for at in uniform_block(encoding.k, start, _BLOCK, seed).numpy())
    return tuple((key_of(point), point) for point in found if point is not None)
