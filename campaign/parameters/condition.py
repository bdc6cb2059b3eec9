"""The condition under which a parameter is active, such as `{optimizer: sgd}` or `layers >= 3`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from overnight.campaign.problems import shown
from overnight.campaign.values.comparison import Comparison, read_comparison
from overnight.campaign.values.numbers import is_same
from overnight.campaign.values.spelling import yaml_text

_EXAMPLES = "`{optimizer: sgd}`, `{optimizer: [sgd, lamb]}` or `layers >= 3`"


@dataclass(frozen=True)
class OneOf:
    """The condition that a parameter has one of these values."""

    name: str
    values: tuple[Any, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parameter."""
        return (self.name,)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Return whether the parameter has one of the values."""
        found = values[self.name]
        return any(is_same(found, value) for value in self.values)

    def __str__(self) -> str:
        return f"{self.name} is {' or '.join(map(yaml_text, self.values))}"


@dataclass(frozen=True)
class Condition:
    """Parts that must all be true: values of parameters, or comparisons of numbers."""

    parts: tuple[OneOf | Comparison, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parameters that decide, each once."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.names))

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Return whether all parameters that decide have values, and every part is true of them."""
        return all(name in values for name in self.names) and all(part.holds(values) for part in self.parts)

    def can_hold(self, known: Mapping[str, Any]) -> bool:
        """Return whether every part is true that is about known values only."""
        return all(part.holds(known) for part in self.parts if all(name in known for name in part.names))

    def __str__(self) -> str:
        return " and ".join(str(part) for part in self.parts)


def _read(written: Any) -> Condition:
    if isinstance(written, Condition):
        return written
    several = written if isinstance(written, list | tuple) else [written]
    parts = [part for each in several for part in _parts(each)]
    if not parts:
        raise ValueError(f"expected a condition such as {_EXAMPLES}, got {shown(written)}")
    return Condition(tuple(parts))


def _parts(written: Any) -> list[OneOf | Comparison]:
    if isinstance(written, str):
        return [read_comparison(written)]
    if not isinstance(written, Mapping):
        raise ValueError(f"expected a condition such as {_EXAMPLES}, got {shown(written)}")
    return [_one_of(name, values) for name, values in written.items()]


def _one_of(name: Any, written: Any) -> OneOf:
    values = tuple(written) if isinstance(written, list | tuple) else (written,)
    if not isinstance(name, str) or not values or not all(isinstance(v, bool | int | float | str) for v in values):
        raise ValueError(f"expected a parameter and its values, such as {_EXAMPLES}, got {shown({name: written})}")
    return OneOf(name, values)


def _written(condition: Condition) -> Any:
    parts = [_written_part(part) for part in condition.parts]
    return parts[0] if len(parts) == 1 else parts


def _written_part(part: OneOf | Comparison) -> Any:
    if isinstance(part, Comparison):
        return part.text
    return {part.name: part.values[0] if len(part.values) == 1 else [*part.values]}


When = Annotated[
    Condition,
    PlainValidator(_read),
    PlainSerializer(_written),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "object"}, {"type": "array"}],
            "description": f"the condition under which the parameter is active, such as {_EXAMPLES}",
        }
    ),
]
