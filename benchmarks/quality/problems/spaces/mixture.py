"""A mixture of four ingredients, whose shares sum to one, with a further limit that is not linear.

The value has the form of Scheffé's polynomials for mixtures: a weight of each share, and of the products of two.
"""

import math

from benchmarks.quality.problems.problem import Problem, Values, unit_floats

_SHARES = ("resin", "filler", "oil", "water")
_ALONE = (3.0, 3.6, 3.4, 2.4)
_TOGETHER = {
    ("resin", "filler"): -6.0,
    ("resin", "oil"): -8.0,
    ("resin", "water"): -2.0,
    ("filler", "oil"): -4.0,
    ("filler", "water"): -4.0,
    ("oil", "water"): -2.0,
}


def _value(point: Values) -> float:
    alone = sum(weight * float(point[name]) for name, weight in zip(_SHARES, _ALONE, strict=True))
    together = sum(weight * float(point[a]) * float(point[b]) for (a, b), weight in _TOGETHER.items())
    return alone + together + 0.3 * math.sin(9.0 * float(point["resin"]) + 5.0 * float(point["water"]))


MIXTURE = Problem(
    _value,
    unit_floats(list(_SHARES)),
    {"resin": 0.4273213, "filler": 0.2270411, "oil": 0.1924026, "water": 0.153235},
    minimum=1.079071644,
    spread=0.43,
    parameter_constraints=(
        "resin + filler + oil + water == 1",
        "6 * resin * oil + 2 * filler**2 + water**3 <= 0.6",
    ),
)
