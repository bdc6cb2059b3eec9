"""The pressure vessel and the speed reducer in their original form: limits that a user knows, and steps.

`problems/designs.py` has their sources, and the same designs with limits that are only measured. Plates of the vessel
have thicknesses in sixteenths of an inch, and gears have whole teeth.
"""

from dataclasses import replace

from benchmarks.quality.problems.designs import PRESSURE_VESSEL, SPEED_REDUCER
from benchmarks.quality.problems.problem import Declared, Values, floats

_PLATE = 0.0625
_THICKNESSES: Declared = {
    name: {"kind": "ordinal", "choices": [_PLATE * n for n in range(1, 100)]} for name in ("shell", "head")
}


def _price(point: Values) -> float:
    plates = {name: float(point[name]) / _PLATE for name in _THICKNESSES}
    return PRESSURE_VESSEL.value({**plates, "radius": point["radius"], "length": point["length"]})


KNOWN_VESSEL = replace(
    PRESSURE_VESSEL,
    value=_price,
    parameters={**_THICKNESSES, **floats(radius=(10.0, 200.0), length=(10.0, 200.0))},
    best={**PRESSURE_VESSEL.best, "shell": 0.8125, "head": 0.4375},
    limits={},
    parameter_constraints=(
        "0.0193 * radius <= shell",
        "0.00954 * radius <= head",
        "3.141592653589793 * radius**2 * length + 4.1887902047863905 * radius**3 >= 1296000",
    ),
)
KNOWN_REDUCER = replace(
    SPEED_REDUCER,
    limits={},
    parameter_constraints=(
        "27 / (face * module**2 * teeth) <= 1",
        "397.5 / (face * module**2 * teeth**2) <= 1",
        "1.93 * length1**3 / (module * teeth * shaft1**4) <= 1",
        "1.93 * length2**3 / (module * teeth * shaft2**4) <= 1",
        "sqrt((745 * length1 / (module * teeth))**2 + 16900000) / (110 * shaft1**3) <= 1",
        "sqrt((745 * length2 / (module * teeth))**2 + 157500000) / (85 * shaft2**3) <= 1",
        "module * teeth <= 40",
        "5 * module <= face",
        "face <= 12 * module",
        "1.5 * shaft1 + 1.9 <= length1",
        "1.1 * shaft2 + 1.9 <= length2",
    ),
)
