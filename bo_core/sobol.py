"""Points that fill a space evenly: a scrambled Sobol sequence that remembers nothing but its seed."""

from collections.abc import Collection, Iterator

import torch
from torch.quasirandom import SobolEngine

from bo_core.encoding import Encoding, PointKey, key_of
from campaign.errors import CannotPropose
from campaign.space import Point

_MOST_SKIPPED = 10_000


def sobol_points(encoding: Encoding, seed: int, taken: Collection[PointKey], count: int) -> list[Point]:
    """Return the first `count` points of the seed's sequence that are not taken.

    Points that an earlier call returned must be in `taken`; then the calls walk along the sequence together.
    Raises CannotPropose when the sequence only meets points that are taken.
    """
    found: list[Point] = []
    for point in _sequence(encoding, seed, len(taken) + count + _MOST_SKIPPED):
        if len(found) == count:
            return found
        if key_of(point) not in taken and point not in found:
            found.append(point)
    raise CannotPropose(
        f"Expected {count} more points in the space, found none among {_MOST_SKIPPED} tries that has not been tried "
        f"already ({len(taken)} have). Widen the space or lower `budget.trials`."
    )


def _sequence(encoding: Encoding, seed: int, length: int) -> Iterator[Point]:
    engine = SobolEngine(encoding.k, scramble=True, seed=seed)
    block = 64
    for _ in range(-(-length // block)):
        for coordinates in engine.draw(block, dtype=torch.float64).tolist():
            yield encoding.point_at(coordinates)
