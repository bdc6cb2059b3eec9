"""Three spaces with categories: choices with floats, binary parameters, and the settings of a tree model.

The numbers were written down without reference to any method. Tests find each optimum again by enumeration of the
choices and optimisation of the numbers.
"""

import math
from itertools import pairwise

from benchmarks.quality.problems.problem import Declared, Problem, Values, unit_floats

_LETTERS = ("a", "b", "c", "d", "e")

# The loss of each choice by itself, and of the first choice with the second. The best of all is d, b, e; without the
# interaction it would be c, b, e.
_ALONE = ((0.5, 0.3, 0.0, 0.1, 0.7), (0.4, 0.0, 0.6, 0.2, 0.3), (0.2, 0.5, 0.1, 0.4, 0.0))
_TOGETHER = (
    (0.6, 0.2, 0.5, 0.0, 0.3),
    (0.1, 0.4, 0.0, 0.5, 0.2),
    (0.3, 0.5, 0.4, 0.6, 0.4),
    (0.5, 0.0, 0.3, 0.2, 0.6),
    (0.2, 0.3, 0.6, 0.1, 0.0),
)
# Where each float is best, and how far the choice of one categorical moves it.
_FLOATS_AT = (0.37, 0.64, 0.29, 0.71)
_MOVED = (0.12, -0.08, 0.2, -0.06, -0.16)
_STEEPNESS = 3.0


def _choices_and_floats(point: Values) -> float:
    chosen = [_LETTERS.index(str(point[f"c{j}"])) for j in range(3)]
    alone = sum(losses[c] for losses, c in zip(_ALONE, chosen, strict=True))
    places = [at + _MOVED[chosen[i % 3]] for i, at in enumerate(_FLOATS_AT)]
    floats = sum((float(point[f"x{i}"]) - place) ** 2 for i, place in enumerate(places))
    return alone + _TOGETHER[chosen[0]][chosen[1]] + _STEEPNESS * floats


_BITS = 25
_WEIGHTS = [math.cos(1.7 * i) for i in range(_BITS)]
_NEIGHBOURS = [math.sin(2.3 * i + 1.0) for i in range(_BITS - 1)]


def _chain(point: Values) -> float:
    """Return the energy of a chain of bits: a weight of each that is set, and of each two neighbours that are."""
    bits = [bool(point[f"b{i}"]) for i in range(_BITS)]
    single = sum(w for w, b in zip(_WEIGHTS, bits, strict=True) if b)
    return single + sum(v for v, (a, b) in zip(_NEIGHBOURS, pairwise(bits), strict=True) if a and b)


_BOOSTERS = {"tree": 0.05, "dart": 0.0, "linear": 0.4}
_GROWTHS = {"by_depth": 0.03, "by_loss": 0.0}
_TREE_MODEL: Declared = {
    "depth": {"kind": "int", "low": 2, "high": 12},
    "learning_rate": {"kind": "float", "low": 0.005, "high": 0.5, "scale": "log"},
    "rounds": {"kind": "int", "low": 20, "high": 2000, "scale": "log"},
    "subsample": {"kind": "float", "low": 0.3, "high": 1.0},
    "penalty": {"kind": "float", "low": 1e-3, "high": 100.0, "scale": "log"},
    "booster": {"kind": "categorical", "choices": list(_BOOSTERS)},
    "growth": {"kind": "categorical", "choices": list(_GROWTHS)},
}
_BEST_TREE_MODEL = {
    "depth": 6, "learning_rate": 0.03, "rounds": 500, "subsample": 0.72, "penalty": 2.0,
    "booster": "dart", "growth": "by_loss",
}  # fmt: skip
_LEAST_LOSS = 0.12


def _tree_model(point: Values) -> float:
    """Return a loss like that of boosted trees: few rounds need a high rate, deep trees a penalty, linear ones neither.

    It levels off, so that all bad settings are about equally bad.
    """
    rate, rounds, penalty = (float(point[name]) for name in ("learning_rate", "rounds", "penalty"))
    learnt = math.log(rate * rounds / 15.0)
    stronger = math.log10(penalty / 2.0)
    deeper = float(point["depth"]) - 6.0
    excess = (0.5 if learnt < 0 else 0.15) * learnt**2 + 0.3 * math.log10(rate / 0.03) ** 2
    excess += 1.5 * (float(point["subsample"]) - 0.72) ** 2 + 0.1 * stronger**2
    excess += _BOOSTERS[str(point["booster"])]
    if point["booster"] != "linear":
        excess += 0.05 * (deeper - 1.5 * stronger) ** 2 + _GROWTHS[str(point["growth"])]
    return _LEAST_LOSS + 0.5 * excess / (1.0 + excess)


_CHOICES: Declared = {f"c{j}": {"kind": "categorical", "choices": list(_LETTERS)} for j in range(3)}
_BINARY: Declared = {f"b{i}": {"kind": "categorical", "choices": [False, True]} for i in range(_BITS)}
_BEST_CHOICES = {"c0": "d", "c1": "b", "c2": "e", "x0": 0.31, "x1": 0.56, "x2": 0.13, "x3": 0.65}
_BEST_BITS = "0111011001001110110011011"

CHOICES_AND_FLOATS = Problem(
    _choices_and_floats,
    {**_CHOICES, **unit_floats([f"x{i}" for i in range(4)])},
    _BEST_CHOICES,
    minimum=0.1,
    spread=1.033,
    moderate=0.1,
    dominating=1.0,
)
BINARY25 = Problem(
    _chain,
    _BINARY,
    {f"b{i}": bit == "1" for i, bit in enumerate(_BEST_BITS)},
    minimum=-8.988200946510865,
    spread=2.222,
    moderate=0.22,
    dominating=2.2,
)
TREE_MODEL = Problem(
    _tree_model, _TREE_MODEL, _BEST_TREE_MODEL, minimum=_LEAST_LOSS, spread=0.0868, moderate=0.009, dominating=0.09
)
