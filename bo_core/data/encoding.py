"""Encode points as features on the unit cube and decode them; the only module that knows the parameter kinds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from overnight.campaign.errors import ModelFailed
from overnight.campaign.parameters import (
    CategoricalParameter,
    FixedParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
    Value,
)
from overnight.campaign.problems import shown
from overnight.campaign.space import Point, Space
from overnight.campaign.values.number_line import place_of, value_at

PointKey = tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class NumberColumn:
    """A float or whole number on its scale: one feature."""

    parameter: FloatParameter | IntParameter
    width: int = 1

    @property
    def levels(self) -> Sequence[Value] | None:
        """Return every value in order, None for a continuum."""
        p = self.parameter
        return range(p.low, p.high + 1) if isinstance(p, IntParameter) else None

    def features(self, value: Value) -> list[float]:
        """Return the position of the value between the bounds, on the parameter's scale."""
        p = self.parameter
        assert not isinstance(value, str)
        return [place_of(value, p.low, p.high, p.scale)]

    def value(self, features: Sequence[float]) -> Value:
        """Return the value at the feature, rounded if it must be a whole number."""
        p = self.parameter
        number = value_at(features[0], p.low, p.high, p.scale)
        return int(min(max(round(number), p.low), p.high)) if isinstance(p, IntParameter) else _clip(number, p)

    def value_at(self, u: float) -> Value:
        """Return the value at a uniform number; whole numbers get cells of their natural size."""
        p = self.parameter
        if isinstance(p, FloatParameter):
            return self.value([u])
        low, high = p.low - 0.5, p.high + 0.5
        number = low * (high / low) ** u if p.scale == "log" else low + u * (high - low)
        return int(min(max(round(number), p.low), p.high))

    def spread(self, u: Tensor) -> Tensor:
        """Return the features [b, 1] of the values at uniform numbers [b]."""
        p = self.parameter
        u = u.unsqueeze(1)
        return u if isinstance(p, FloatParameter) else self._whole(u, p.low - 0.5, p.high + 0.5)

    def snap(self, features: Tensor) -> Tensor:
        """Return the features [b, 1] of the values nearest to features [b, 1]."""
        p = self.parameter
        return features if isinstance(p, FloatParameter) else self._whole(features, p.low, p.high)

    def _whole(self, x: Tensor, low: float, high: float) -> Tensor:
        """Return the features of the whole numbers at shares x of the way from low to high on the scale."""
        p = self.parameter
        if p.scale == "log":
            number = (low * (high / low) ** x).round().clamp(p.low, p.high)
            return (number / p.low).log() / math.log(p.high / p.low)
        return ((low + x * (high - low)).round().clamp(p.low, p.high) - p.low) / (p.high - p.low)

    def neighbours(self, value: Value) -> list[Value]:
        """Return the whole numbers near the value, at distances that double; empty for a continuum."""
        p = self.parameter
        if isinstance(p, FloatParameter):
            return []
        assert not isinstance(value, str)
        steps = [2**i for i in range((p.high - p.low).bit_length())]
        return [int(value) + s for step in steps for s in (-step, step) if p.low <= int(value) + s <= p.high]


@dataclass(frozen=True)
class OrdinalColumn:
    """A choice among ordered ones: one feature, evenly spaced."""

    parameter: OrdinalParameter
    width: int = 1

    @property
    def levels(self) -> Sequence[Value]:
        """Return every choice."""
        return self.parameter.choices

    def features(self, value: Value) -> list[float]:
        """Return the choice's position between the first and the last."""
        return [self.levels.index(value) / (len(self.levels) - 1)]

    def value(self, features: Sequence[float]) -> Value:
        """Return the choice nearest to the feature."""
        last = len(self.levels) - 1
        return self.levels[min(max(round(features[0] * last), 0), last)]

    def value_at(self, u: float) -> Value:
        """Return the choice whose equal share holds the uniform number."""
        return _share(self.levels, u)

    def spread(self, u: Tensor) -> Tensor:
        """Return the features [b, 1] of the choices whose equal shares hold the uniform numbers [b]."""
        return (_shares(len(self.levels), u).double() / (len(self.levels) - 1)).unsqueeze(1)

    def snap(self, features: Tensor) -> Tensor:
        """Return the features [b, 1] of the choices nearest to features [b, 1]."""
        last = len(self.levels) - 1
        return (features * last).round().clamp(0, last) / last

    def neighbours(self, value: Value) -> list[Value]:
        """Return the previous and the next choice."""
        i = self.levels.index(value)
        return [self.levels[j] for j in (i - 1, i + 1) if 0 <= j < len(self.levels)]


@dataclass(frozen=True)
class CategoryColumn:
    """A choice among unordered ones: one feature for each, 1 for the chosen one."""

    parameter: CategoricalParameter

    @property
    def width(self) -> int:
        """Return the number of features."""
        return len(self.parameter.choices)

    @property
    def levels(self) -> Sequence[Value]:
        """Return every choice."""
        return self.parameter.choices

    def features(self, value: Value) -> list[float]:
        """Return the indicator of the choice."""
        chosen = self.parameter.choices.index(value)
        return [float(i == chosen) for i in range(self.width)]

    def value(self, features: Sequence[float]) -> Value:
        """Return the choice with the largest feature."""
        return self.parameter.choices[max(range(self.width), key=lambda i: features[i])]

    def value_at(self, u: float) -> Value:
        """Return the choice whose equal share holds the uniform number."""
        return _share(self.levels, u)

    def spread(self, u: Tensor) -> Tensor:
        """Return the indicators [b, width] of the choices whose equal shares hold the uniform numbers [b]."""
        return torch.nn.functional.one_hot(_shares(self.width, u), self.width).double()

    def snap(self, features: Tensor) -> Tensor:
        """Return the indicators [b, width] of the largest features [b, width]."""
        return torch.nn.functional.one_hot(features.argmax(1), self.width).double()

    def neighbours(self, value: Value) -> list[Value]:
        """Return every other choice."""
        return [choice for choice in self.parameter.choices if choice != value]


Column = NumberColumn | OrdinalColumn | CategoryColumn


class Encoding:
    """The map between points of a space, [k] uniform coordinates and [d] features in the unit cube."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.columns: dict[str, Column] = {name: _column(p) for name, p in space.tuned().items()}
        self.slices: dict[str, slice] = {}
        start = 0
        for name, column in self.columns.items():
            self.slices[name] = slice(start, start + column.width)
            start += column.width
        self.d = start
        self.k = len(self.columns)

    def encode(self, points: Sequence[Point]) -> Tensor:
        """Return the features [len(points), d]; raises ModelFailed if a point lacks a parameter."""
        return torch.tensor([self._row(p) for p in points], dtype=torch.float64).reshape(len(points), self.d)

    def _row(self, point: Point) -> list[float]:
        if lacking := [name for name in self.columns if name not in point]:
            names = ", ".join(f"`{name}`" for name in lacking)
            raise ModelFailed(f"The model has no features for a point without a value of {names}: {shown(point)}.")
        return [feature for name, column in self.columns.items() for feature in column.features(point[name])]

    def decode(self, features: Tensor) -> Point:
        """Return the point nearest to the features [d]."""
        row = features.tolist()
        return self.space.point({name: c.value(row[self.slices[name]]) for name, c in self.columns.items()})

    def point_at(self, coordinates: Sequence[float]) -> Point:
        """Return the point at the uniform coordinates [k]."""
        pairs = zip(self.columns.items(), coordinates, strict=True)
        return self.space.point({name: column.value_at(u) for (name, column), u in pairs})

    def spread(self, coordinates: Tensor) -> Tensor:
        """Return the features [b, d] of the points at uniform coordinates [b, k]."""
        columns = zip(self.columns.values(), coordinates.unbind(1), strict=True)
        return torch.cat([column.spread(u) for column, u in columns], 1)

    def snap(self, X: Tensor) -> Tensor:
        """Return the features [b, d] of the points nearest to features X [b, d]."""
        return torch.cat([column.snap(X[:, self.slices[name]]) for name, column in self.columns.items()], 1)

    def neighbours(self, point: Point) -> list[Point]:
        """Return the points that differ from this one by one step of one discrete parameter that it holds."""
        columns = [(name, column) for name, column in self.columns.items() if name in point]
        return [{**point, name: v} for name, column in columns for v in column.neighbours(point[name])]

    def size(self) -> int | None:
        """Return the number of points in the space, None if it holds a continuum."""
        levels = [column.levels for column in self.columns.values()]
        return None if None in levels else math.prod(len(values) for values in levels if values is not None)

    def every_point(self) -> list[Point]:
        """Return all points of a finite space."""
        levels = [column.levels or () for column in self.columns.values()]
        return [self.space.point(dict(zip(self.columns, values, strict=True))) for values in product(*levels)]

    def columns_that(self, kind: str) -> Tensor:
        """Return a mask [d] of the features of parameters that are `continuous` or `categorical`."""
        mask = torch.zeros(self.d, dtype=torch.bool)
        for name, column in self.columns.items():
            is_kind = column.levels is None if kind == "continuous" else isinstance(column, CategoryColumn)
            mask[self.slices[name]] = is_kind
        return mask


def _column(parameter: object) -> Column:
    match parameter:
        case FloatParameter() | IntParameter():
            return NumberColumn(parameter)
        case OrdinalParameter():
            return OrdinalColumn(parameter)
        case CategoricalParameter():
            return CategoryColumn(parameter)
        case FixedParameter():
            raise AssertionError("fixed parameters are not tuned")
    raise AssertionError(f"no encoding for {parameter!r}")


def key_of(point: Point) -> PointKey:
    """Return a key that is equal for equal points, regardless of the order of their names."""
    return tuple(sorted(point.items()))


def _share(choices: Sequence[Value], u: float) -> Value:
    return choices[min(int(u * len(choices)), len(choices) - 1)]


def _shares(count: int, u: Tensor) -> Tensor:
    return (u * count).long().clamp(max=count - 1)


def _clip(number: float, p: FloatParameter) -> float:
    return float(min(max(number, p.low), p.high))
