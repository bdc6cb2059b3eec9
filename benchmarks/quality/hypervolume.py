"""Hypervolume: the volume of the results that some results are at least as good as, up to the worst of use."""

from collections.abc import Iterable, Sequence

Results = Sequence[float]


def hypervolume(results: Iterable[Results], worst: Results) -> float:
    """Return the hypervolume of results that are minimised, exactly, for any number of objectives.

    The volume is cut into slices between the values of the last objective; the base of a slice is the volume in the
    other objectives of the results that are better in the last one.
    """
    inside = [result for result in results if all(y < w for y, w in zip(result, worst, strict=True))]
    if not inside:
        return 0.0
    if len(worst) == 1:
        return worst[0] - min(y for (y,) in inside)
    inside.sort(key=lambda result: result[-1])
    volume, bases = 0.0, list[Results]()
    for result, above in zip(inside, [*(each[-1] for each in inside[1:]), worst[-1]], strict=True):
        bases = front_of([*bases, result[:-1]])
        if above > result[-1]:
            volume += hypervolume(bases, worst[:-1]) * (above - result[-1])
    return volume


def front_of(results: Sequence[Results]) -> list[Results]:
    """Return the results that no other is better than or equal to, each once."""
    found: list[Results] = []
    for result in sorted(set(map(tuple, results))):
        if not any(all(a <= b for a, b in zip(other, result, strict=True)) for other in found):
            found.append(result)
    return found
