"""Values under `fix` that an equality makes impossible."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from overnight.campaign.parameters import Parameter, Value
from overnight.campaign.problems import Problem, shown
from overnight.campaign.space.equalities import NotLinear, Sum, linear
from overnight.campaign.values.comparison import Comparison
from overnight.campaign.values.numbers import exact

# Bounds are decimal numbers, and what follows from them may be off by rounding.
_ROUNDING = Fraction(1, 10**9)


def impossible_fixed(
    constraints: Sequence[Comparison], parameters: Mapping[str, Parameter], fixed: Mapping[str, Value]
) -> Iterator[Problem]:
    """Yield a problem for each fixed value that an equality and the bounds of its other parameters do not allow."""
    for constraint in constraints:
        names = [name for name in constraint.names if name in fixed] if constraint.is_equality else []
        try:
            total = linear(constraint.pairs[0].left) - linear(constraint.pairs[0].right)
        except NotLinear:
            continue
        for name in names:
            low, high = _possible(total, name, parameters, fixed)
            value = fixed[name]
            slack = _ROUNDING * max(abs(low), abs(high), 1)
            if isinstance(value, int | float) and not low - slack <= exact(value) <= high + slack:
                yield Problem(
                    ("fix", name), f"expected {_range(low, high)}, because `{constraint}`, got {shown(value)}"
                )
                break


def _possible(
    total: Sum, name: str, parameters: Mapping[str, Parameter], fixed: Mapping[str, Value]
) -> tuple[Fraction, Fraction]:
    """Return the lowest and the highest value of a parameter for which the others can make a sum zero."""
    low = high = total.constant
    for other, weight in total.weights.items():
        if other != name:
            ends = [weight * end for end in _ends(other, parameters, fixed)]
            low, high = low + min(ends), high + max(ends)
    ends = sorted((-low / total.weights[name], -high / total.weights[name]))
    bounds = _ends(name, parameters, {})
    return max(ends[0], bounds[0]), min(ends[1], bounds[1])


def _ends(name: str, parameters: Mapping[str, Parameter], fixed: Mapping[str, Value]) -> tuple[Fraction, Fraction]:
    """Return the lowest and the highest number that a parameter can have."""
    numbers = [fixed[name]] if name in fixed else [*(parameters[name].bounds or parameters[name].listed)]
    found = [exact(number) for number in numbers if isinstance(number, int | float)]
    return min(found), max(found)


def _range(low: Fraction, high: Fraction) -> str:
    if low > high:
        return "no fixed value, since none is possible with the bounds and fixed values of the others"
    return f"{float(low):.6g}" if low == high else f"a number between {float(low):.6g} and {float(high):.6g}"
