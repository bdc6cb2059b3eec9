"""A bowl and a cliff, with optima that are known by construction."""

from itertools import pairwise

from benchmarks.quality.problems.problem import Problem, Values, unit_floats

_BOWL_AT = (0.37, 0.64, 0.29, 0.71, 0.43, 0.58)

_CLIFF_AT = (0.68, 0.37, 0.29, 0.71)
# The bowl in front of the cliff would be least this far beyond its edge, in each of the first two parameters.
_BEYOND = 0.14
_EDGE = _CLIFF_AT[0] + _CLIFF_AT[1]
_DROP = 3.0
# Rounding must not push the optimum, which lies on the edge, over it.
_ROUNDING = 1e-9


def _bowl(point: Values) -> float:
    """Return a quadratic whose axes differ in curvature and whose neighbours interact; 0 is its least value."""
    away = [float(value) - at for value, at in zip(point.values(), _BOWL_AT, strict=True)]
    coupled = sum((a + b) ** 2 for a, b in pairwise(away))
    return sum((i + 1) * a**2 for i, a in enumerate(away)) + coupled


def _cliff(point: Values) -> float:
    """Return a quadratic that falls towards an edge, and stands far higher from there on.

    In the plane of the first two parameters, weighed alike, the nearest point to the centre before the edge is straight
    across it.
    """
    x = [float(value) for value in point.values()]
    centre = (_CLIFF_AT[0] + _BEYOND, _CLIFF_AT[1] + _BEYOND, *_CLIFF_AT[2:])
    bowl = sum(w * (a - c) ** 2 for w, a, c in zip((4.0, 4.0, 2.0, 1.0), x, centre, strict=True))
    return bowl + (_DROP if x[0] + x[1] > _EDGE + _ROUNDING else 0.0)


def _names(count: int) -> list[str]:
    return [f"x{i}" for i in range(count)]


BOWL6 = Problem(
    _bowl,
    unit_floats(_names(6)),
    dict(zip(_names(6), _BOWL_AT, strict=True)),
    minimum=0.0,
    spread=1.316,
    moderate=0.13,
    dominating=1.3,
)
CLIFF = Problem(
    _cliff,
    unit_floats(_names(4)),
    dict(zip(_names(4), _CLIFF_AT, strict=True)),
    minimum=2 * 4.0 * _BEYOND**2,
    spread=1.324,
    moderate=0.13,
    dominating=1.3,
)
