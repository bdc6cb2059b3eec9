"""Linear equalities between parameters, solved for one parameter each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NoReturn

from overnight.campaign.parameters import FixedParameter, IntParameter, Parameter, Value
from overnight.campaign.problems import shown
from overnight.campaign.values.comparison import Comparison
from overnight.campaign.values.expression import Expression
from overnight.campaign.values.numbers import are_equal, exact, is_number


class NotLinear(ValueError):
    """A calculation is no weighted sum of parameters."""


@dataclass(frozen=True)
class Sum:
    """A weighted sum of parameters and a constant, in exact arithmetic."""

    constant: Fraction
    weights: Mapping[str, Fraction]

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return the value for values of any kind of number."""
        found: Any = float(self.constant)
        for name, weight in self.weights.items():
            found = found + float(weight) * values[name]
        return found

    def __add__(self, other: "Sum | float") -> "Sum":
        added, weights = _sum(other), dict(self.weights)
        for name, weight in added.weights.items():
            weights[name] = weights.get(name, Fraction(0)) + weight
        return Sum(self.constant + added.constant, {name: w for name, w in weights.items() if w})

    def __mul__(self, other: "Sum | float") -> "Sum":
        factor = _sum(other)
        if factor.weights and self.weights:
            raise NotLinear
        inner, by = (self, factor.constant) if self.weights else (factor, self.constant)
        return Sum(inner.constant * by, {name: w * by for name, w in inner.weights.items() if w * by})

    def __truediv__(self, other: "Sum | float") -> "Sum":
        divisor = _sum(other)
        if divisor.weights or not divisor.constant:
            raise NotLinear
        return self * Sum(1 / divisor.constant, {})

    def __neg__(self) -> "Sum":
        return self * Sum(Fraction(-1), {})

    def __sub__(self, other: "Sum | float") -> "Sum":
        return self + -_sum(other)

    def __radd__(self, other: float) -> "Sum":
        return _sum(other) + self

    def __rsub__(self, other: float) -> "Sum":
        return _sum(other) - self

    def __rmul__(self, other: float) -> "Sum":
        return _sum(other) * self

    def __rtruediv__(self, other: float) -> "Sum":
        return _sum(other) / self


def _sum(number: "Sum | float") -> Sum:
    return number if isinstance(number, Sum) else Sum(exact(number), {})


class _NoFunctions(dict[str, Any]):
    def __missing__(self, name: str) -> NoReturn:
        raise NotLinear


def linear(expression: Expression) -> Sum:
    """Return a calculation as a weighted sum; raises NotLinear if it is none."""
    names = {name: Sum(Fraction(0), {name: Fraction(1)}) for name in expression.names}
    return _sum(expression.of(names, _NoFunctions()))


def solved(
    constraints: Sequence[Comparison], parameters: Mapping[str, Parameter], fixed: Mapping[str, Value]
) -> dict[str, Sum]:
    """Return the parameters that the equalities determine, each as a sum of parameters that are free.

    Raises ValueError if the equalities contradict or repeat each other, or none of the parameters can be solved for.
    """
    found = dict[str, Sum]()
    constants = {name: p.value for name, p in parameters.items() if isinstance(p, FixedParameter)}
    known = {name: Sum(exact(value), {}) for name, value in fixed.items() if is_number(value)}
    known |= {n: Sum(exact(float(value)), {}) for n, value in constants.items() if not isinstance(value, str)}
    for constraint in constraints:
        if not constraint.is_equality:
            continue
        [pair] = constraint.pairs
        try:
            left, right = (_inserted(_inserted(linear(side), known), found) for side in (pair.left, pair.right))
        except NotLinear:
            raise ValueError(
                f"expected a weighted sum of parameters on both sides of `==`, got {shown(constraint.text)}; write one "
                "of them as a parameter of `kind: derived`"
            ) from None
        _expect_ordinary((left, right), constraint)
        rest = left - right
        if not rest.weights:
            # As exact as a point has to meet it.
            holds, of_fixed = are_equal(float(left.constant), float(right.constant)), fixed.keys() & constraint.names
            if holds and of_fixed:
                continue
            also = " and the values under `fix`" if of_fixed else ""
            what = "repeats" if holds else "contradicts"
            raise ValueError(
                f"expected independent equalities, got `{constraint}`, which {what} the ones before it{also}"
            )
        name = _pivot(rest, parameters, constraint)
        of_name = Sum(rest.constant, {n: w for n, w in rest.weights.items() if n != name})
        found[name] = -of_name * Sum(1 / rest.weights[name], {})
        found = {each: _inserted(value, {name: found[name]}) for each, value in found.items()}
        _expect_ordinary(found.values(), constraint)
    return found


def _expect_ordinary(sums: Iterable[Sum], constraint: Comparison) -> None:
    """Raise ValueError if a number in a sum is too large for a float."""
    try:
        for each in sums:
            for number in (each.constant, *each.weights.values()):
                float(number)
    except OverflowError:
        raise ValueError(
            f"expected factors and sums that floats can hold, got larger ones from {shown(constraint.text)}"
        ) from None


def _inserted(value: Sum, known: Mapping[str, Sum]) -> Sum:
    """Return a sum with each known parameter replaced by the sum that it equals."""
    result = Sum(value.constant, {})
    for name, weight in value.weights.items():
        result = result + known.get(name, Sum(Fraction(0), {name: Fraction(1)})) * Sum(weight, {})
    return result


def _pivot(rest: Sum, parameters: Mapping[str, Parameter], constraint: Comparison) -> str:
    """Return the parameter for which an equality is solved: the last real number, or else a whole one."""
    names = [name for name in parameters if name in rest.weights]
    for name in reversed(names):
        if parameters[name].geometry == "real":
            return name
    for name in (name for name in reversed(names) if parameters[name].geometry == "whole"):
        others = [w / rest.weights[name] for n, w in rest.weights.items() if n != name]
        whole = all(ratio.denominator == 1 for ratio in (*others, rest.constant / rest.weights[name]))
        if whole and all(isinstance(parameters[n], IntParameter) for n in names):
            return name
    raise ValueError(
        "expected an equality with a `float` that has no `step`, or of whole numbers with whole factors, got "
        f"`{constraint}`; write one of its parameters as one of `kind: derived`"
    )
