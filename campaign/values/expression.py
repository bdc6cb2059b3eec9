"""A calculation with named values, read from a text such as `latency_ms + 0.1 * cost`.

The text is read by a small grammar and calculated step by step; it is never run as code. `+`, `-` and `/` between two
values have spaces on both sides, because names may contain these signs.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from overnight.campaign.problems import shown

Functions = Mapping[str, Callable[..., Any]]
_Step = Callable[[Mapping[str, Any], Functions], Any]

LONGEST_EXPRESSION = 1000
_DEEPEST = 50
# The functions of the grammar for ordinary numbers, and the one that stands for `**`.
OF_NUMBERS: Functions = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "max": max,
    "min": min,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
    "**": math.pow,
}
_NAMED = tuple(name for name in OF_NUMBERS if name != "**")
_SEVERAL = ("max", "min")
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?=[\s*(),]|$)"
_TOKEN = re.compile(rf"\s*(?:({_NUMBER})|(\*\*|[*(),]|[+\-/](?=\s|$)|^[+-]|(?<=[(,*\s])-)|([^\s*(),]+))")
# No name, but a fraction such as 1/3.
_FRACTION = re.compile(r"[\d.]+[+\-/]")
# A text is a calculation, and no name, if it has one of these.
_CALCULATED = re.compile(rf"\*|\s[+\-/]\s|^\s*(?:{'|'.join(_NAMED)})\(.*\)\s*$")
# Signs as text programs print them, and as they are read.
_TYPOGRAPHY = str.maketrans({"×": "*", "·": "*", "−": "-", "÷": "/"})


@dataclass(frozen=True)
class Expression:
    """A calculation with the values of `names`, in the order in which they are mentioned.

    `outermost` is the function whose value the whole calculation is, such as `abs` in `abs(gain - 60)`.
    """

    text: str
    names: tuple[str, ...]
    outermost: str | None
    _calculate: _Step = field(compare=False, repr=False)

    def of(self, values: Mapping[str, Any], functions: Functions) -> Any:
        """Return the value for values of any kind of number, given the functions for that kind."""
        return self._calculate(values, functions)

    def value(self, values: Mapping[str, float]) -> float:
        """Return the value; raises ValueError if it is not a finite number."""
        try:
            found = float(self._calculate(values, OF_NUMBERS))
        except (ArithmeticError, ValueError, TypeError):
            found = math.nan
        if not math.isfinite(found):
            given = ", ".join(f"{name} = {values[name]:g}" for name in self.names)
            raise ValueError(f"expected a finite value of `{self.text}`, got none from {given}")
        return found


def is_expression(text: str) -> bool:
    """Return whether a text is a calculation, and not a name, which may contain `-` and `/`."""
    return _CALCULATED.search(text.translate(_TYPOGRAPHY)) is not None


@lru_cache(maxsize=1024)
def read_expression(text: str, of: Literal["metric", "parameter"] = "metric", *, constant: bool = False) -> Expression:
    """Return the calculation that a text describes; raises ValueError with the expected and the found text.

    `of` is what its names stand for. Only with `constant` may it have no name.
    """
    if len(text) > LONGEST_EXPRESSION:
        raise ValueError(f"expected at most {LONGEST_EXPRESSION} characters, got {len(text)}")
    reader = _Reader(text.translate(_TYPOGRAPHY), of)
    calculate = reader.whole()
    if not (reader.names or constant):
        raise ValueError(f"expected the name of a {of}, got only numbers in {shown(text)}")
    return Expression(text.strip(), tuple(dict.fromkeys(reader.names)), reader.outermost, calculate)


class _Reader:
    """Reads an expression from left to right; each method reads one level of precedence and returns its calculation."""

    def __init__(self, text: str, of: str) -> None:
        self.text, self.of, self.names, self._depth = text, of, list[str](), 0
        self._tokens = _tokens(text)
        self._at = 0
        self.outermost: str | None = None

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
        before, left = len(self.names), self._product()
        while (operator := self._next_of("+", "-")) is not None:
            left = self._calculable(_combined(operator, left, self._product()), before)
        self._depth -= 1
        return left

    def _product(self) -> _Step:
        before, left = len(self.names), self._signed()
        while (operator := self._next_of("*", "/")) is not None:
            left = self._calculable(_combined(operator, left, self._signed()), before)
        return left

    def _signed(self) -> _Step:
        sign = self._next_of("-", "+")
        if sign is None:
            return self._power()
        inner = self._power()
        return (lambda values, functions: -inner(values, functions)) if sign == "-" else inner

    def _power(self) -> _Step:
        before, base = len(self.names), self._value()
        if self._next_of("**") is None:
            return base
        return self._calculable(_combined("**", base, self._signed()), before)

    def _value(self) -> _Step:
        kind, token = self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")
        if kind == "number":
            self._at += 1
            number = float(token)
            if math.isinf(number):
                raise ValueError(f"expected a finite number, got {shown(token)} in {shown(self.text)}")
            return lambda values, functions: number
        if kind == "name":
            if _FRACTION.match(token):
                raise self._unexpected(f"a number or the name of a {self.of}")
            first = self._at == 0
            self._at += 1
            if self._next_of("(") is None:
                return self._named(token)
            calculate = self._function(token)
            if first and self._at == len(self._tokens):
                self.outermost = token
            return calculate
        if self._next_of("(") is None:
            raise self._unexpected(f"a number or the name of a {self.of}")
        inner = self._sum()
        self._close()
        return inner

    def _named(self, name: str) -> _Step:
        self.names.append(name)
        return lambda values, functions: values[name]

    def _function(self, name: str) -> _Step:
        if name not in _NAMED:
            raise ValueError(f"expected one of {', '.join(_NAMED)} before `(`, got {shown(name)} in {shown(self.text)}")
        before, inner = len(self.names), [self._sum()]
        while self._next_of(",") is not None:
            inner.append(self._sum())
        self._close()
        if (len(inner) == 1) == (name in _SEVERAL):
            count = "two or more values" if name in _SEVERAL else "one value"
            raise ValueError(f"expected {count} in `{name}(…)`, got {len(inner)} in {shown(self.text)}")

        def calculate(values: Mapping[str, Any], functions: Functions) -> Any:
            return functions[name](*(each(values, functions) for each in inner))

        return self._calculable(calculate, before)

    def _calculable(self, calculate: _Step, before: int) -> _Step:
        """Return a part of the text; raises ValueError if it has no finite value, whatever the names stand for.

        Such a part is one without names: as many were read before it as now.
        """
        if len(self.names) == before:
            try:
                found = float(calculate({}, OF_NUMBERS))
            except (ArithmeticError, ValueError):
                found = math.nan
            if not math.isfinite(found):
                raise ValueError(f"expected a finite value of each part without names, got none in {shown(self.text)}")
        return calculate

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
            return lambda values, functions: left(values, functions) + right(values, functions)
        case "-":
            return lambda values, functions: left(values, functions) - right(values, functions)
        case "*":
            return lambda values, functions: left(values, functions) * right(values, functions)
        case "/":
            return lambda values, functions: left(values, functions) / right(values, functions)
        case _:
            return lambda values, functions: functions["**"](left(values, functions), right(values, functions))
