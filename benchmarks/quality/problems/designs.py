"""Four designs from mechanical engineering with the bounds and optima of the literature; their results are exact.

Welded beam, pressure vessel and spring: Coello Coello, Use of a self-adaptive penalty approach for engineering
optimization problems, Computers in Industry 41, 2000. Speed reducer: Lemonge et al., Constrained optimization problems
in mechanical engineering design using a real-coded steady-state genetic algorithm, Mecánica Computacional 29, 2010. The
vessel's limit on its length is left out, since the usual bounds imply it.
"""

import math
from collections.abc import Callable, Mapping

from benchmarks.quality.problems.problem import Declared, Limit, Problem, floats, of_numbers

_LOAD, _LENGTH = 6_000.0, 14.0
_YOUNG, _SHEAR_MODULUS = 30e6, 12e6
# Plates of the pressure vessel have thicknesses in sixteenths of an inch.
_PLATE = 0.0625


def _limits(**functions: Callable[..., float]) -> Mapping[str, Limit]:
    return {name: Limit(of_numbers(function)) for name, function in functions.items()}


def _ints(**bounds: tuple[int, int]) -> Declared:
    return {name: {"kind": "int", "low": low, "high": high} for name, (low, high) in bounds.items()}


def _beam_price(h: float, w: float, t: float, b: float) -> float:
    return 1.10471 * h**2 * w + 0.04811 * t * b * (_LENGTH + w)


def _shear(h: float, w: float, t: float, b: float) -> float:
    """Return the shear stress in the weld, from the load itself and from its moment."""
    radius = math.hypot(w / 2, (h + t) / 2)
    polar = 2 * math.sqrt(2) * h * w * (w**2 / 12 + ((h + t) / 2) ** 2)
    direct, twist = _LOAD / (math.sqrt(2) * h * w), _LOAD * (_LENGTH + w / 2) * radius / polar
    return math.sqrt(direct**2 + direct * twist * w / radius + twist**2)


def _buckling_load(h: float, w: float, t: float, b: float) -> float:
    slenderness = t / (2 * _LENGTH) * math.sqrt(_YOUNG / (4 * _SHEAR_MODULUS))
    return 4.013 * _YOUNG * t * b**3 / (6 * _LENGTH**2) * (1 - slenderness)


WELDED_BEAM = Problem(
    of_numbers(_beam_price),
    floats(weld_height=(0.1, 2.0), weld_length=(0.1, 10.0), thickness=(0.1, 10.0), width=(0.1, 2.0)),
    {"weld_height": 0.20572964, "weld_length": 3.47048866, "thickness": 9.03662392, "width": 0.20572964},
    minimum=1.7248523,
    spread=10.0,
    limits=_limits(
        shear=lambda h, w, t, b: _shear(h, w, t, b) - 13_600,
        bending=lambda h, w, t, b: 6 * _LOAD * _LENGTH / (b * t**2) - 30_000,
        weld_beyond_beam=lambda h, w, t, b: h - b,
        material=lambda h, w, t, b: 0.10471 * h**2 + 0.04811 * t * b * (_LENGTH + w) - 5,
        thin_weld=lambda h, w, t, b: 0.125 - h,
        deflection=lambda h, w, t, b: 4 * _LOAD * _LENGTH**3 / (_YOUNG * t**3 * b) - 0.25,
        buckling=lambda h, w, t, b: _LOAD - _buckling_load(h, w, t, b),
    ),
    penalty=5.82,
)


def _vessel_price(shell: float, head: float, r: float, length: float) -> float:
    s, h = _PLATE * shell, _PLATE * head
    return 0.6224 * s * r * length + 1.7781 * h * r**2 + 3.1661 * s**2 * length + 19.84 * s**2 * r


PRESSURE_VESSEL = Problem(
    of_numbers(_vessel_price),
    {**_ints(shell=(1, 99), head=(1, 99)), **floats(radius=(10.0, 200.0), length=(10.0, 200.0))},
    {"shell": 13, "head": 7, "radius": 42.09844559, "length": 176.63659592},
    minimum=6059.714335,
    spread=117_600.0,
    limits=_limits(
        thin_shell=lambda shell, head, r, length: 0.0193 * r - _PLATE * shell,
        thin_head=lambda shell, head, r, length: 0.00954 * r - _PLATE * head,
        small=lambda shell, head, r, length: 1_296_000 - math.pi * r**2 * length - 4 / 3 * math.pi * r**3,
    ),
    penalty=180_100.0,
)


def _reducer_weight(f: float, m: float, z: float, l1: float, l2: float, d1: float, d2: float) -> float:
    gears = 0.7854 * f * m**2 * (3.3333 * z**2 + 14.9334 * z - 43.0934) - 1.508 * f * (d1**2 + d2**2)
    return gears + 7.4777 * (d1**3 + d2**3) + 0.7854 * (l1 * d1**2 + l2 * d2**2)


def _shaft_stress(torque: float, m: float, z: float, length: float, diameter: float) -> float:
    return math.sqrt((745 * length / (m * z)) ** 2 + torque) / (0.1 * diameter**3)


SPEED_REDUCER = Problem(
    of_numbers(_reducer_weight),
    {
        **floats(face=(2.6, 3.6), module=(0.7, 0.8)),
        **_ints(teeth=(17, 28)),
        **floats(length1=(7.3, 8.3), length2=(7.8, 8.3), shaft1=(2.9, 3.9), shaft2=(5.0, 5.5)),
    },
    {
        "face": 3.5,
        "module": 0.7,
        "teeth": 17,
        "length1": 7.3,
        "length2": 7.8,
        "shaft1": 3.350214668,
        "shaft2": 5.286683231,
    },
    minimum=2996.348165,
    spread=860.0,
    limits=_limits(
        bending=lambda f, m, z, l1, l2, d1, d2: 27 / (f * m**2 * z) - 1,
        contact=lambda f, m, z, l1, l2, d1, d2: 397.5 / (f * m**2 * z**2) - 1,
        deflection1=lambda f, m, z, l1, l2, d1, d2: 1.93 * l1**3 / (m * z * d1**4) - 1,
        deflection2=lambda f, m, z, l1, l2, d1, d2: 1.93 * l2**3 / (m * z * d2**4) - 1,
        stress1=lambda f, m, z, l1, l2, d1, d2: _shaft_stress(16.9e6, m, z, l1, d1) / 1100 - 1,
        stress2=lambda f, m, z, l1, l2, d1, d2: _shaft_stress(157.5e6, m, z, l2, d2) / 850 - 1,
        space=lambda f, m, z, l1, l2, d1, d2: m * z / 40 - 1,
        narrow_face=lambda f, m, z, l1, l2, d1, d2: 5 * m / f - 1,
        wide_face=lambda f, m, z, l1, l2, d1, d2: f / (12 * m) - 1,
        short_shaft1=lambda f, m, z, l1, l2, d1, d2: (1.5 * d1 + 1.9) / l1 - 1,
        short_shaft2=lambda f, m, z, l1, l2, d1, d2: (1.1 * d2 + 1.9) / l2 - 1,
    ),
    penalty=4_446.0,
)

SPRING = Problem(
    of_numbers(lambda wire, coil, turns: (turns + 2) * coil * wire**2),
    floats(wire=(0.05, 2.0), coil=(0.25, 1.3), turns=(2.0, 15.0)),
    {"wire": 0.05168987, "coil": 0.3567372, "turns": 11.2878258},
    minimum=0.012665233,
    spread=12.6,
    limits=_limits(
        deflection=lambda wire, coil, turns: 1 - coil**3 * turns / (71_785 * wire**4),
        shear=lambda wire, coil, turns: (
            (4 * coil**2 - wire * coil) / (12_566 * wire**3 * (coil - wire)) + 1 / (5_108 * wire**2) - 1
        ),
        surge=lambda wire, coil, turns: 1 - 140.45 * wire / (coil**2 * turns),
        diameter=lambda wire, coil, turns: (wire + coil) / 1.5 - 1,
    ),
    penalty=0.0823,
)
