"""The control of a pest over 25 stages: at each, one of four pesticides or none.

Oh, Tomczak, Gavves, Welling: Combinatorial Bayesian Optimization using the Graph Cartesian Product, NeurIPS 2019. The
function is theirs, with one difference: the random numbers of the simulated fields are drawn once, as quantiles, so
that a point has one true value. A pesticide is the cheaper the more it is used, but the pest becomes used to it.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.problems.problem import Problem, Values

_STAGES, _FIELDS = 25, 100
_CHOICES = ("none", "p1", "p2", "p3", "p4")
_PRICE = (1.0, 0.8, 0.7, 0.5)
_MOST_DISCOUNT = (0.2, 0.3, 0.3, 0.0)
# The second parameter of the beta distribution of the share that a pesticide kills, and its growth with all stages.
_BETA = (2 / 7, 3 / 7, 3 / 7, 5 / 7)
_TOLERANCE = (1 / 7, 2.5 / 7, 2 / 7, 0.5 / 7)
_FIRST_BETA, _SPREAD_BETA = 30.0, 17 / 3
_HARMFUL = 0.1


@cache
def _quantiles() -> NDArray[np.float64]:
    """Return quantiles [stage, use, field] of what happens by chance: of the start, the growth and the effect."""
    return np.random.default_rng(2019).random((_STAGES, 3, _FIELDS))


def _drawn(quantiles: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """Return draws of the beta distribution with the parameters 1 and `beta`, by its inverse."""
    return 1.0 - (1.0 - quantiles) ** (1.0 / beta)


def control_cost(plan: tuple[int, ...]) -> float:
    """Return the price of the pesticides, and how many stages have a harmful share of pests, averaged over fields.

    Stages have 0 for no pesticide, or its number.
    """
    beta, paid, harm = list(_BETA), 0.0, 0.0
    infested = _drawn(_quantiles()[0, 0], _FIRST_BETA)
    for (_, growth, effect), chosen in zip(_quantiles(), plan, strict=True):
        harm += float(np.mean(infested > _HARMFUL))
        if not chosen:
            infested = infested + _drawn(growth, _SPREAD_BETA) * (1.0 - infested)
            continue
        which = chosen - 1
        infested = infested * (1.0 - _drawn(effect, beta[which]))
        beta[which] += _TOLERANCE[which] / _STAGES
        paid += _PRICE[which] * (1.0 - _MOST_DISCOUNT[which] * plan.count(chosen) / _STAGES)
    return paid + harm


def _value(point: Values) -> float:
    return control_cost(tuple(_CHOICES.index(str(point[f"s{i:02}"])) for i in range(_STAGES)))


# The best of many descents from random plans that change or swap stages or a whole pesticide, until nothing is better.
_BEST_PLAN = (3,) * (_STAGES - 1) + (0,)

PEST_CONTROL = Problem(
    _value,
    {f"s{i:02}": {"kind": "categorical", "choices": list(_CHOICES)} for i in range(_STAGES)},
    {f"s{i:02}": _CHOICES[chosen] for i, chosen in enumerate(_BEST_PLAN)},
    minimum=12.0016,
    spread=0.92,
    moderate=0.09,
)
