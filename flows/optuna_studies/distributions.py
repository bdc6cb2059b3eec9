"""Parameters of a campaign as Optuna's distributions, each wide enough for all values that were tried."""

from collections.abc import Collection, Iterable, Mapping

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from overnight.campaign.parameters import FidelityParameter, Parameter, Value
from overnight.campaign.space import Point
from overnight.campaign.values.numbers import is_number, is_same

_ROUNDING = 1e-8


def distributions_of(parameters: Mapping[str, Parameter], points: Iterable[Point]) -> dict[str, BaseDistribution]:
    """Return the distribution of each parameter that a point has, including parameters of earlier definitions."""
    tried: dict[str, dict[Value, None]] = {}
    for point in points:
        for name, value in point.items():
            tried.setdefault(name, {})[value] = None
    return {name: _distribution(parameters.get(name), values) for name, values in tried.items()}


def _distribution(parameter: Parameter | None, tried: Collection[Value]) -> BaseDistribution:
    listed = () if parameter is None else parameter.listed
    numbers = [value for value in tried if is_number(value)]
    # The levels of a fidelity are numbers between bounds, too.
    if (listed and not isinstance(parameter, FidelityParameter)) or len(numbers) < len(tried):
        return CategoricalDistribution([*listed, *_others(tried, listed)])
    bounds = parameter.bounds if parameter is not None else None
    low, high = min([*numbers, *(bounds or ())]), max([*numbers, *(bounds or ())])
    log = parameter is not None and parameter.is_logarithmic and low > 0
    step = getattr(parameter, "step", None)
    if log or (low, high) != bounds or (step and not _is_grid(numbers, low, step)):
        step = None
    if all(isinstance(value, int) for value in numbers):
        return IntDistribution(int(low), int(high), log=log, step=int(step or 1))
    return FloatDistribution(float(low), float(high), log=log, step=step)


def _is_grid(numbers: Iterable[float], low: float, step: float) -> bool:
    """Return whether all numbers are whole steps above `low`, up to rounding as Optuna allows it."""
    steps = [(number - low) / step for number in numbers]
    return all(abs(each - round(each)) < _ROUNDING for each in steps)


def _others(tried: Iterable[Value], listed: Collection[Value]) -> list[Value]:
    return [value for value in tried if not any(is_same(value, each) for each in listed)]
