"""Points along one or two parameters through a given point, as far as constraints allow them."""

from collections.abc import Mapping, Sequence

from overnight.bo_core.data.columns import Column, ConditionalColumn
from overnight.bo_core.data.encoding import Encoding
from overnight.campaign import Point
from overnight.campaign.parameters import Value


def values_along(encoding: Encoding, name: str, most: int, also: Value | None = None) -> list[Value]:
    """Return at most `most` values of a parameter at even distances on its scale, and `also` another one.

    A parameter with at most so many values has all of them.
    """
    column = _active(encoding.columns[name])
    if column.levels is not None and len(column.levels) <= most:
        return list(column.levels)
    values = {column.value([i / (most - 1)]) for i in range(most)} | ({also} if also is not None else set())
    return sorted(values, key=lambda value: column.features(value))


def varied(encoding: Encoding, point: Point) -> list[str]:
    """Return the parameters of a point that can be varied: fixed and calculated ones cannot."""
    return [name for name in encoding.free if name in point]


def moved(encoding: Encoding, point: Point, changes: Mapping[str, Value]) -> Point | None:
    """Return a point with some values changed; None if constraints forbid it.

    Parameters that become inactive are dropped, and those that become active have the middle of their ranges. Those
    that are calculated follow.
    """
    columns = encoding.columns.items()
    middle = {name: column.value_at(0.5) for name, column in columns if isinstance(column, ConditionalColumn)}
    kept = {name: value for name, value in point.items() if name in encoding.columns}
    return encoding.space.completed({**middle, **kept, **changes})


def along(encoding: Encoding, point: Point, name: str, values: Sequence[Value]) -> list[Point | None]:
    """Return the points with these values of a parameter; None for those that constraints forbid."""
    return [moved(encoding, point, {name: value}) for value in values]


def _active(column: Column) -> Column:
    """Return the column of a parameter's values alone, without the feature of its absence."""
    return column.inner if isinstance(column, ConditionalColumn) else column
