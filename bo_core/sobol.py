"""Points that fill a space evenly: a scrambled Sobol sequence that remembers nothing but its seed."""

from collections.abc import Collection

from bo_core.encoding import Encoding, PointKey, key_of
from bo_core.quasi_random import uniform_draws
from campaign.errors import SpaceExhausted
from campaign.space import Point

_MOST_SKIPPED = 10_000


def sobol_points(encoding: Encoding, seed: int, taken: Collection[PointKey], count: int) -> list[Point]:
    """Return the first `count` points of the seed's sequence that are not taken.

    Points that an earlier call returned must be in `taken`; then the calls walk along the sequence together.
    Raises SpaceExhausted when the sequence only meets points that are taken.
    """
    if count == 0:
        return []
    found: list[Point] = []
    tries = len(taken) + count + _MOST_SKIPPED
    for coordinates in uniform_draws(encoding.k, tries, seed).numpy():
        if len(found) == count:
            return found
        point = encoding.point_at(coordinates.tolist())
        if key_of(point) not in taken and point not in found:
            found.append(point)
    raise SpaceExhausted(
        f"Expected {count} more points in the space, found {len(found)} among {tries} tries that "
        f"have not been tried already ({len(taken)} have). Widen the space or lower `budget.trials`."
    )
