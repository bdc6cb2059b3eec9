"""A constraint on a metric or on a calculation of metrics, read from a text such as `p99_ms <= 15`."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from overnight.campaign.problems import shown
from overnight.campaign.values.expression import is_expression, read_expression

BASELINE = "baseline"
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
# One term of a bound: a number, the baseline, or a multiple of the baseline.
_TERM = re.compile(
    rf"\s*([+-])?\s*(?:({_NUMBER})(?:\s*\*\s*({BASELINE}))?|({BASELINE})(?:\s*\*\s*({_NUMBER}))?)\s*(?=[+-]|$)"
)
_OPERATORS = re.compile(r"(<=|>=|==|!=|<|>|=)")
# Signs as text programs print them, and as they are read.
_TYPOGRAPHY = str.maketrans({"≤": "<=", "≥": ">=", "−": "-"})
_BOUND = f"a number or a multiple of the baseline, such as 15 or 1.01 * {BASELINE},"
# A metric's name with these is rather a calculation.
_CALCULATED = re.compile(rf"\*|\b{BASELINE}\b|^{_NUMBER}\s|/\s|\s[+-]\s|^[+-]")
_EXAMPLES = "`p99_ms <= 15`, `0.2 <= memory_gb <= 4` or `errors <= 1.01 * baseline`"


@dataclass(frozen=True)
class Bound:
    """One end of a constraint: `offset + factor * baseline`, with the metric's value at the baseline."""

    offset: float
    factor: float = 0.0

    @property
    def relative(self) -> bool:
        """Return whether the bound depends on the baseline."""
        return self.factor != 0.0

    def beside(self, baseline: float) -> float:
        """Return the bound as a number, given the metric's value at the baseline."""
        return self.offset + self.factor * baseline if self.relative else self.offset

    def __str__(self) -> str:
        if not self.relative:
            return _number(self.offset)
        multiple = BASELINE if self.factor == 1.0 else f"{_number(self.factor)} * {BASELINE}"
        if self.offset == 0.0:
            return multiple
        return f"{multiple} {'-' if self.offset < 0 else '+'} {_number(abs(self.offset))}"


@dataclass(frozen=True)
class Constraint:
    """A demand on the true value of one metric: at least one bound, at most another, or both.

    The metric may be calculated from others: its name is then the calculation, such as `p99_ms / p50_ms`.
    """

    metric: str
    at_least: Bound | None = None
    at_most: Bound | None = None

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """Return the bounds that there are, the lower one first."""
        return tuple(bound for bound in (self.at_least, self.at_most) if bound is not None)

    @property
    def relative(self) -> bool:
        """Return whether a bound depends on the baseline."""
        return any(bound.relative for bound in self.bounds)

    def limits(self, baseline: float | None) -> tuple[float, float]:
        """Return the least and the greatest value that is allowed, given the metric's value at the baseline.

        If a bound depends on the baseline and its value is unknown, no value is allowed.
        """
        if baseline is None:
            if self.relative:
                return math.inf, -math.inf
            baseline = 0.0
        low = -math.inf if self.at_least is None else self.at_least.beside(baseline)
        high = math.inf if self.at_most is None else self.at_most.beside(baseline)
        return low, high

    def allows(self, value: float, baseline: float | None) -> bool:
        """Return whether a value of the metric meets the demand, given its value at the baseline."""
        low, high = self.limits(baseline)
        return low <= value <= high

    def __str__(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f"{self.at_least} <= {self.metric} <= {self.at_most}"
        if self.at_most is not None:
            return f"{self.metric} <= {self.at_most}"
        return f"{self.metric} >= {self.at_least}"


def read_constraint(text: str) -> Constraint:
    """Return the constraint that a text stands for; raises ValueError with the expected and the found text.

    The text is a metric, or a calculation of metrics, between one or two bounds, joined by `<=` or `>=`. A bound is a
    sum of numbers and multiples of the baseline. Nothing is evaluated but these.
    """
    parts = [part.strip() for part in _OPERATORS.split(text.translate(_TYPOGRAPHY))]
    terms, operators = parts[::2], parts[1::2]
    if wrong := [operator for operator in operators if operator not in ("<=", ">=")]:
        raise ValueError(f"expected `<=` or `>=`, got `{wrong[0]}` in {shown(text)}{_instead_of(wrong[0])}")
    if len(operators) not in (1, 2):
        raise ValueError(f"expected a metric with a bound, such as {_EXAMPLES}, got {shown(text)}")
    if len(set(operators)) > 1:
        raise ValueError(f"expected `<=` twice or `>=` twice, got one of each in {shown(text)}")
    if operators[0] == ">=":
        terms.reverse()
    at = _place_of_the_metric(terms, text)
    bounds = [None if i == at else _bound(term, text) for i, term in enumerate(terms)]
    return Constraint(terms[at], bounds[at - 1] if at else None, bounds[at + 1] if at + 1 < len(terms) else None)


def _place_of_the_metric(terms: list[str], text: str) -> int:
    """Return which of two or three terms is the metric."""
    places = [1] if len(terms) == 3 else [i for i, term in enumerate(terms) if _parsed(term) is None]
    if len(places) == 2:
        found = " and ".join(shown(term) for term in terms)
        raise ValueError(f"expected {_BOUND} on one side, got {found} in {shown(text)}{_as_difference(terms)}")
    if not places or not terms[places[0]] or _parsed(terms[places[0]]) is not None:
        raise ValueError(f"expected the name of a metric and its bound, such as {_EXAMPLES}, got {shown(text)}")
    if _CALCULATED.search(name := terms[places[0]]) and (fault := _fault_of_calculation(name)) is not None:
        raise ValueError(
            f"expected a metric or a calculation of metrics on one side, got {shown(name)} in {shown(text)}; {fault}"
        )
    return places[0]


def _fault_of_calculation(name: str) -> str | None:
    """Return why a text is no calculation of metrics; None if it is one. The baseline is no metric."""
    try:
        if is_expression(name) and BASELINE not in read_expression(name).names:
            return None
    except ValueError as problem:
        return str(problem)
    return f"write factors and `{BASELINE}` on the other side, such as `errors <= 1.01 * {BASELINE}`"


def _as_difference(terms: Sequence[str]) -> str:
    """Return how two metrics are compared; empty if the terms are not the names of two."""
    difference = " - ".join(terms)
    named = not any(is_expression(term) or BASELINE in term or term[:1].isdigit() for term in terms)
    comparable = named and _fault_of_calculation(difference) is None
    return f"; to compare two metrics, write `{difference} <= 0`" if comparable else ""


def _bound(term: str, text: str) -> Bound:
    found = _parsed(term)
    if found is None:
        raise ValueError(f"expected {_BOUND} as the bound, got {shown(term)} in {shown(text)}")
    if not (math.isfinite(found.offset) and math.isfinite(found.factor)):
        raise ValueError(f"expected a finite number as the bound, got {shown(term)} in {shown(text)}")
    return found


def _parsed(term: str) -> Bound | None:
    """Return the bound that a sum of numbers and multiples of the baseline stands for; None if it is something else."""
    offset = factor = 0.0
    at, relative = 0, False
    while at < len(term):
        found = _TERM.match(term, at)
        if found is None or (at > 0 and found[1] is None):
            return None
        sign, at = -1.0 if found[1] == "-" else 1.0, found.end()
        if found[3] or found[4]:
            relative = True
            factor += sign * float(found[2] or found[5] or 1.0)
        else:
            offset += sign * float(found[2])
    if at == 0 or (relative and factor == 0.0):
        return None
    return Bound(offset, factor)


def _instead_of(operator: str) -> str:
    if operator in ("=", "=="):
        return "; a noisy result never equals a number exactly: give the two ends of what is close enough"
    return "" if operator == "!=" else f"; write `{operator}=`"


def _number(value: float) -> str:
    """Return the shortest text that is read back as exactly this number."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _read(value: Any) -> Constraint:
    if isinstance(value, Constraint):
        return value
    if not isinstance(value, str):
        raise ValueError(f"expected a text such as {_EXAMPLES}, got {shown(value)}")
    return read_constraint(value)


ConstraintText = Annotated[
    Constraint,
    PlainValidator(_read),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "description": f"a metric or a calculation and its bounds, such as {_EXAMPLES}"}),
]
