"""The boundaries of a test that is looked at repeatedly, by spending its error probability over the looks.

Notation: Z_k is the standardized difference at look k, I_k its information (one over its variance). Without a
difference, Z_k √I_k has independent increments of variance I_k − I_{k−1}. The error spent up to a look depends on the
fraction of the planned information that is known then (Lan and DeMets 1983).
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

# A look needs so much more information than the one before, relative to that, to be a look of its own.
NEW_INFORMATION = 1e-3
# Nothing lies further from its mean than so many standard deviations, and a test so low never gets to a boundary.
_FARTHEST = 9.0
_LOWEST = -7.0
# So little error is not spent at once: no finite boundary in double precision would hold it. It is kept for later.
_LEAST_SPENT = 1e-15
# Panels of so many standard deviations of an increment, with so many nodes, integrate a step to about 1e-9.
_PANEL = 2.5
_TOGETHER = 80
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Look:
    """A look at a test: `information` is one over the variance of the difference, `fraction` its share of the plan.

    Its data include those of the look before it; with `after`, only those of the first so many looks. The data of the
    looks in between were lost, such as those of an attempt that failed.
    """

    information: float
    fraction: float
    after: int | None = None


def spent(alpha: float, fraction: float) -> float:
    """Return how much of a one-sided error probability is spent at a fraction of the planned information.

    This is the spending function of Lan and DeMets (1983) that resembles the boundaries of O'Brien and Fleming:
    2 (1 − Φ(z / √t)), with the z that leaves alpha / 2 above it.
    """
    if fraction >= 1:
        return alpha
    if fraction <= 0 or alpha < _LEAST_SPENT:
        return 0.0
    return math.erfc(-_NORMAL.inv_cdf(alpha / 2) / math.sqrt(2 * fraction))


def boundaries(looks: Iterable[Look], alpha: float) -> tuple[float, ...]:
    """Return for each look the Z from which the test is decided; the probability of any such look is at most `alpha`.

    A look at which nothing is spent is skipped: its boundary is infinite. So is a look without new information, unless
    its fraction has grown, as that of the last look does. The looks are in order. Each step of the recursion (Armitage,
    McPherson and Rowe 1969) is a Gauss-Legendre sum, and the boundaries are exact to about 1e-8.

    The error that was spent at looks whose data were lost stays spent, so looks that start over have only the rest. The
    sum of both is never exceeded, however the new data depend on the lost ones.
    """
    found, reached = list[float](), [_begun(alpha)]
    for look in looks:
        before = reached[-1] if look.after is None else _back_at(reached[look.after], reached[-1].used)
        at, bound = _next(before, look)
        reached.append(at)
        found.append(bound)
    return tuple(found)


def repeated_p(looks: Iterable[Look], values: Iterable[float]) -> float:
    """Return the least error probability for which one of the looks decides the test, given Z at each.

    It is a p-value that stays valid however often people look, and whenever they stop (Jennison and Turnbull 1989).
    """
    every, observed = tuple(looks), tuple(values)

    def margin(log_alpha: float) -> float:
        pairs = zip(observed, boundaries(every, math.exp(log_alpha)), strict=True)
        return max((max(-99.0, min(99.0, value - bound)) for value, bound in pairs), default=-99.0)

    # The median of a result without a difference is never a reason to decide.
    low, high = math.log(1e-12), math.log(0.5)
    if margin(high) < 0:
        return 1.0
    if margin(low) >= 0:
        return 1e-12
    return math.exp(_root(margin, low, high, xtol=1e-4))


# Two of these are the same only if they are one object, so that the steps from each are computed once.
@dataclass(frozen=True, eq=False)
class _Reached:
    """The state after a look: its boundary, the error used up to it, and Z there if no earlier look has decided.

    The density of Z, of the tests that were undecided before this look, is a mixture of normal ones at ascending
    `centres` [m] with `masses` [m] and the standard deviation `width`. `used_before` is the error used before it.
    """

    alpha: float
    information: float
    used: float
    centres: NDArray[np.float64]
    masses: NDArray[np.float64]
    width: float
    used_before: float = 0.0
    bound: float = math.inf


@lru_cache(maxsize=256)
def _begun(alpha: float) -> _Reached:
    return _Reached(alpha, 0.0, 0.0, np.zeros(1), np.ones(1), 1.0)


@lru_cache(maxsize=256)
def _back_at(at: _Reached, used: float) -> _Reached:
    """Return an earlier state with all error that was used since."""
    return at if used == at.used else replace(at, used=used, used_before=at.used_before + used - at.used)


@lru_cache(maxsize=2048)
def _next(before: _Reached, look: Look) -> tuple[_Reached, float]:
    """Return what is reached after a look, and the look's boundary."""
    target = spent(before.alpha, look.fraction)
    unchanged = look.information <= before.information * (1 + NEW_INFORMATION)
    at = before if unchanged else _moved(before, look.information)
    if target - at.used < _LEAST_SPENT or at.information == 0:
        return (before if unchanged else at), math.inf
    # Without new information, the new boundary is below the one of the look before, and includes it.
    bound = _bound(at, target - at.used_before)
    return replace(at, used=target, bound=bound), bound


def _moved(before: _Reached, information: float) -> _Reached:
    """Return the undecided tests of a look at a greater information, without its boundary."""
    if before.information == 0:
        return _Reached(before.alpha, information, before.used, before.centres, before.masses, 1.0, before.used)
    share = before.information / information
    width = math.sqrt(1 - share)
    nodes, weights = _nodes(min(before.bound, _FARTHEST), min(width / math.sqrt(share), before.width))
    masses = weights * _density(before, nodes)
    kept = masses > 1e-18
    centres = math.sqrt(share) * nodes[kept]
    return _Reached(before.alpha, information, before.used, centres, masses[kept], width, before.used)


def _nodes(high: float, width: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    panels = max(1, math.ceil((high - _LOWEST) / (_PANEL * width)))
    half = (high - _LOWEST) / (2 * panels)
    middles = _LOWEST + half * (2 * np.arange(panels) + 1)
    return (middles[:, None] + half * _NODES).ravel(), np.tile(half * _WEIGHTS, panels)


def _density(at: _Reached, z: NDArray[np.float64]) -> NDArray[np.float64]:
    parts = [_density_near(at, part) for part in np.split(z, range(_TOGETHER, len(z), _TOGETHER))]
    return np.concatenate(parts) / (at.width * math.sqrt(2 * math.pi))


def _density_near(at: _Reached, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the density at a few ascending values [n], times the norm, from the centres that are near them."""
    low, high = np.searchsorted(at.centres, (z[0] - _FARTHEST * at.width, z[-1] + _FARTHEST * at.width))
    scaled = (z[:, None] - at.centres[low:high]) / at.width
    return np.exp(-0.5 * scaled**2) @ at.masses[low:high]


def _bound(at: _Reached, error: float) -> float:
    """Return the Z above which the look has this probability."""
    from scipy.special import ndtr  # here for the same reason as in `_root`

    def surplus(z: float) -> float:
        return math.log(max(float(ndtr((at.centres - z) / at.width) @ at.masses), 1e-300) / error)

    return _root(surplus, -40.0, 40.0, xtol=1e-11)


def _root(function: Callable[[float], float], low: float, high: float, *, xtol: float) -> float:
    """Return where the function is zero, by Brent's method."""
    # Every controller imports this module, few of them need a boundary, and this import takes 0.4 s of computing.
    from scipy.optimize import root_scalar

    return root_scalar(function, bracket=(low, high), method="brentq", xtol=xtol).root
