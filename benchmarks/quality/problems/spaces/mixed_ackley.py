"""Ackley's function of ten binary parameters, three choices and ten floats; its optimum is off every middle."""

import math

from benchmarks.quality.problems.problem import Declared, Problem, Values

_LETTERS = ("a", "b", "c", "d", "e")
_BITS, _CHOICES, _FLOATS = 10, 3, 10
_BEST_BITS = (True, False, False, True, True, False, True, False, True, True)
# How far each choice of each categorical is from the best one, in no order.
_AWAY = ((0.5, 0.0, 1.0, 0.25, 0.75), (0.75, 1.0, 0.5, 0.0, 0.25), (0.25, 0.75, 0.5, 1.0, 0.0))
_BEST_FLOATS = tuple(round(0.55 * math.sin(2.1 * i + 0.9), 2) for i in range(_FLOATS))


def _value(point: Values) -> float:
    away = [float(point[f"b{i}"] is not best) for i, best in enumerate(_BEST_BITS)]
    away += [distances[_LETTERS.index(str(point[f"c{i}"]))] for i, distances in enumerate(_AWAY)]
    away += [float(point[f"x{i}"]) - best for i, best in enumerate(_BEST_FLOATS)]
    root = math.sqrt(sum(z * z for z in away) / len(away))
    waves = sum(math.cos(2 * math.pi * z) for z in away) / len(away)
    return 20.0 - 20.0 * math.exp(-0.2 * root) + math.e - math.exp(waves)


_PARAMETERS: Declared = {
    **{f"b{i}": {"kind": "categorical", "choices": [False, True]} for i in range(_BITS)},
    **{f"c{i}": {"kind": "categorical", "choices": list(_LETTERS)} for i in range(_CHOICES)},
    **{f"x{i}": {"kind": "float", "low": -1.0, "high": 1.0} for i in range(_FLOATS)},
}
_BEST = {
    **{f"b{i}": best for i, best in enumerate(_BEST_BITS)},
    **{f"c{i}": _LETTERS[distances.index(0.0)] for i, distances in enumerate(_AWAY)},
    **{f"x{i}": best for i, best in enumerate(_BEST_FLOATS)},
}

MIXED_ACKLEY = Problem(_value, _PARAMETERS, _BEST, minimum=0.0, spread=0.32, moderate=0.03)
