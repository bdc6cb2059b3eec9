"""A metric that is calculated from others, read from a text such as `latency_ms + 0.1 * cost`.

The text is read by a small grammar and calculated step by step; it is never run as code. `+`, `-` and `/` between two
values have spaces on both sides, because names of metrics may contain these signs.
"""

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from overnight.campaign.evaluation import Measurement
from overnight.campaign.problems import shown

_Values = Mapping[str, float]
_Step = Callable[[_Values], float]

LONGEST_EXPRESSION = 1000
_DEEPEST = 50
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "exp": math.exp,
    "log": math.log,
    "max": max,
    "min": min,
    "sqrt": math.sqrt,
}
_SEVERAL = ("max", "min")
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?=[\s*(),]|$)"
_TOKEN = re.compile(rf"\s*(?:({_NUMBER})|(\*\*|[*(),]|[+\-/](?=\s|$)|^[+-]|(?<=[(,*\s])-)|([^\s*(),]+))")
# No name, but a fraction such as 1/3.
_FRACTION = re.compile(r"[\d.]+[+\-/]")
# A text is a calculation, and no name, if it has one of these.
_CALCULATED = re.compile(rf"\*|\s[+\-/]\s|^\s*(?:{'|'.join(_FUNCTIONS)})\(.*\)\s*$")
# Signs as text programs print them, and as they are read.
_TYPOGRAPHY = str.maketrans({"×": "*", "·": "*", "−": "-", "÷": "/"})


@dataclass(frozen=True)
class Expression:
    """A calculation with the values of `metrics`, in the order in which they are named."""

    text: str
    metrics: tuple[str, ...]
    _calculate: _Step = field(compare=False, repr=False)

    def value(self, measured: Mapping[str, Measurement]) -> Measurement:
        """Return the value, with a standard error if every metric has one.

        Errors of the metrics are independent. Each contributes the root mean square of the two differences that it
        makes, upwards and downwards (exact if the expression is linear). Raises ValueError if a metric is missing or
        the value is not a finite number.
        """
        if missing := [name for name in self.metrics if name not in measured]:
            raise ValueError(f"expected {' and '.join(f'`{name}`' for name in missing)} for `{self.text}`, found none")
        means = {name: measured[name].mean for name in self.metrics}
        value = self._at(means)
        errors = [measured[name].sem for name in self.metrics]
        if None in errors:
            return Measurement(mean=value)
        known = zip(self.metrics, errors, strict=True)
        parts = [self._difference(means, value, name, sem) for name, sem in known if sem]
        found = None if None in parts else math.hypot(*(part for part in parts if part is not None))
        return Measurement(mean=value, sem=found if found is None or math.isfinite(found) else None)

    def _difference(self, means: _Values, value: float, name: str, error: float) -> float | None:
        """Return how much an error of one metric changes the value; None if the value is finite on neither side."""
        sides = list[float]()
        for moved in (means[name] + error, means[name] - error):
            with suppress(ValueError):
                sides.append(self._at({**means, name: moved}) - value)
        return math.hypot(*sides) / math.sqrt(len(sides)) if sides else None

    def _at(self, values: _Values) -> float:
        try:
            found = float(self._calculate(values))
        except (ArithmeticError, ValueError, TypeError):
            found = math.nan
        if not math.isfinite(found):
            given = ", ".join(f"{name} = {value:g}" for name, value in values.items())
            raise ValueError(f"expected a finite value of `{self.text}`, got none from {given}")
        return found


def is_expression(text: str) -> bool:
    """Return whether a text is a calculation, and not the name of a metric, which may contain `-` and `/`."""
    return _CALCULATED.search(text.translate(_TYPOGRAPHY)) is not None


@lru_cache(maxsize=256)
def read_expression(text: str) -> Expression:
    """Return the calculation that a text describes; raises ValueError with the expected and the found text."""
    if len(text) > LONGEST_EXPRESSION:
        raise ValueError(f"expected at most {LONGEST_EXPRESSION} characters, got {len(text)}")
    reader = _Reader(text.translate(_TYPOGRAPHY))
    calculate = reader.whole()
    if not reader.metrics:
        raise ValueError(f"expected the name of a metric, got only numbers in {shown(text)}")
    return Expression(text, tuple(dict.fromkeys(reader.metrics)), calculate)


class _Reader:
    """Reads an expression from left to right; each method reads one level of precedence and returns its calculation."""

    def __init__(self, text: str) -> None:
        self.text, self.metrics, self._depth = text, list[str](), 0
        self._tokens = _tokens(text)
        self._at = 0

    def whole(self) -> _Step:
        """Read all of the text."""
        found = self._sum()
        if self._at < len(self._tokens):
            raise self._unexpected("an operator between two values")
        return found

    def _sum(self) -> _Step:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"expected at most {_DEEPEST} brackets in each other, got more in {shown(self.text)}")
        left = self._product()
        while (operator := self._next_of("+", "-")) is not None:
            left = _combined(operator, left, self._product())
        self._depth -= 1
        return left

    def _product(self) -> _Step:
        left = self._signed()
        while (operator := self._next_of("*", "/")) is not None:
            left = _combined(operator, left, self._signed())
        return left

    def _signed(self) -> _Step:
        sign = self._next_of("-", "+")
        if sign is None:
            return self._power()
        inner = self._power()
        return (lambda values: -inner(values)) if sign == "-" else inner

    def _power(self) -> _Step:
        base = self._value()
        return base if self._next_of("**") is None else _combined("**", base, self._signed())

    def _value(self) -> _Step:
        kind, token = self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")
        if kind == "number":
            self._at += 1
            number = float(token)
            if math.isinf(number):
                raise ValueError(f"expected a finite number, got {shown(token)} in {shown(self.text)}")
            return lambda values: number
        if kind == "name":
            if _FRACTION.match(token):
                raise self._unexpected("a number or the name of a metric")
            self._at += 1
            return self._function(token) if self._next_of("(") is not None else self._metric(token)
        if self._next_of("(") is None:
            raise self._unexpected("a number or the name of a metric")
        inner = self._sum()
        self._close()
        return inner

    def _metric(self, name: str) -> _Step:
        self.metrics.append(name)
        return lambda values: values[name]

    def _function(self, name: str) -> _Step:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise ValueError(
                f"expected one of {', '.join(_FUNCTIONS)} before `(`, got {shown(name)} in {shown(self.text)}"
            )
        inner = [self._sum()]
        while self._next_of(",") is not None:
            inner.append(self._sum())
        self._close()
        if (len(inner) == 1) == (name in _SEVERAL):
            count = "two or more values" if name in _SEVERAL else "one value"
            raise ValueError(f"expected {count} in `{name}(…)`, got {len(inner)} in {shown(self.text)}")
        return lambda values: function(*(each(values) for each in inner))

    def _close(self) -> None:
        if self._next_of(")") is None:
            raise self._unexpected("`)`")

    def _next_of(self, *operators: str) -> str | None:
        """Read the next token if it is one of these operators."""
        if self._at < len(self._tokens) and self._tokens[self._at] in [("operator", each) for each in operators]:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return None

    def _unexpected(self, expected: str) -> ValueError:
        found = shown(self._tokens[self._at][1]) if self._at < len(self._tokens) else "the end"
        hint = "; write spaces around `+`, `-` and `/`" if found != "the end" else ""
        return ValueError(f"expected {expected}, got {found} in {shown(self.text)}{hint}")


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = list[tuple[str, str]](), 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None, "expected every text to have a next token"
        number, operator, name = match.groups()
        found.append(("number", number) if number else ("operator", operator) if operator else ("name", name))
        at = match.end()
    return found


def _combined(operator: str, left: _Step, right: _Step) -> _Step:
    match operator:
        case "+":
            return lambda values: left(values) + right(values)
        case "-":
            return lambda values: left(values) - right(values)
        case "*":
            return lambda values: left(values) * right(values)
        case "/":
            return lambda values: left(values) / right(values)
        case _:
            return lambda values: math.pow(left(values), right(values))
