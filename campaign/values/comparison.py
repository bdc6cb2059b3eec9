"""A comparison of calculated numbers, read from a text such as `salt + acid <= 0.8`."""

import operator
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from overnight.campaign.problems import shown
from overnight.campaign.values.expression import Expression, read_expression
from overnight.campaign.values.numbers import are_equal

EXAMPLES = "`salt + acid <= 0.8`, `0.1 <= salt * acid <= 0.2` or `salt + acid + water == 1`"
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "==": are_equal,
}
_SPLIT = re.compile(r"(<=|>=|==|!=|<|>|=)")
# Signs as text programs print them, and as they are read.
_TYPOGRAPHY = str.maketrans({"≤": "<=", "≥": ">="})


@dataclass(frozen=True)
class Pair:
    """Two neighbouring sides of a comparison, and the sign between them."""

    left: Expression
    sign: str
    right: Expression

    def holds(self, values: Mapping[str, float]) -> bool:
        """Return whether the sign is true of the values; it is not if a side has no finite value."""
        try:
            return _SIGNS[self.sign](self.left.value(values), self.right.value(values))
        except ValueError:
            return False


@dataclass(frozen=True)
class Comparison:
    """Calculations in a row with a sign between each two, all of which must be true."""

    text: str
    pairs: tuple[Pair, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names that are mentioned, each once."""
        sides = (self.pairs[0].left, *(pair.right for pair in self.pairs))
        return tuple(dict.fromkeys(name for side in sides for name in side.names))

    @property
    def is_equality(self) -> bool:
        """Return whether it demands that two values are equal."""
        return any(pair.sign == "==" for pair in self.pairs)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Return whether every sign is true of the values; two values are equal within one part in a billion."""
        return all(pair.holds(values) for pair in self.pairs)

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=1024)
def read_comparison(text: str) -> Comparison:
    """Return the comparison that a text describes; raises ValueError with the expected and the found text."""
    parts = [part.strip() for part in _SPLIT.split(text.translate(_TYPOGRAPHY))]
    signs = parts[1::2]
    if wrong := [sign for sign in signs if sign not in _SIGNS]:
        instead = "; write `==`" if wrong[0] == "=" else ""
        raise ValueError(f"expected one of {', '.join(_SIGNS)}, got `{wrong[0]}` in {shown(text)}{instead}")
    if len(signs) not in (1, 2):
        raise ValueError(f"expected a comparison, such as {EXAMPLES}, got {shown(text)}")
    if len(signs) == 2 and ("==" in signs or len({sign[0] for sign in signs}) > 1):
        raise ValueError(
            f"expected two signs in the same direction, got `{signs[0]}` and `{signs[1]}` in {shown(text)}"
        )
    sides = [read_expression(part, "parameter", constant=True) for part in parts[::2]]
    pairs = [Pair(left, sign, right) for left, sign, right in zip(sides, signs, sides[1:], strict=False)]
    compared = Comparison(" ".join(text.split()), tuple(pairs))
    if not compared.names:
        raise ValueError(f"expected the name of a parameter, got only numbers in {shown(text)}")
    return compared


def readable_comparisons(written: Any) -> list[tuple[int, Comparison]]:
    """Return those of a list that can be read, with their positions."""
    found = list[tuple[int, Comparison]]()
    for position, each in enumerate(written) if isinstance(written, list | tuple) else ():
        with suppress(ValueError):
            found.append((position, _read(each)))
    return found


def _read(written: Any) -> Comparison:
    if isinstance(written, Comparison):
        return written
    if not isinstance(written, str):
        raise ValueError(f"expected a text such as {EXAMPLES}, got {shown(written)}")
    return read_comparison(written)


ComparisonText = Annotated[
    Comparison,
    PlainValidator(_read),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "description": f"a comparison of numbers, such as {EXAMPLES}"}),
]
