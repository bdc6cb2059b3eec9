"""Encode points as features on the unit cube and decode them."""

import math
from collections.abc import Sequence
from itertools import product
from typing import Literal

import torch
from torch import Tensor

from overnight.bo_core.data.columns import Column, column_of
from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.campaign.errors import ModelFailed
from overnight.campaign.parameters import Value
from overnight.campaign.problems import shown
from overnight.campaign.space import Point, Space

PointKey = tuple[tuple[str, Value], ...]


class Encoding:
    """The map between points of a space, [k] uniform coordinates and [d] features in the unit cube."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.columns: dict[str, Column] = {name: column_of(p) for name, p in space.tuned().items()}
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

    def mask_of(self, kind: Literal["continuous", "categorical"]) -> Tensor:
        """Return a mask [d] of the features of all continuous or all categorical parameters."""
        mask = torch.zeros(self.d, dtype=torch.bool)
        geometry = {"continuous": "real", "categorical": "corners"}[kind]
        for name in self.columns:
            mask[self.slices[name]] = self.space.root[name].geometry == geometry
        return mask

    def groups(self, *, hamming: bool) -> FeatureGroups:
        """Return the features that share a length scale: with `hamming` the indicators of each category, else none."""
        widths = tuple(column.width for column in self.columns.values())
        return FeatureGroups(widths) if hamming else FeatureGroups.single(self.d)


def key_of(point: Point) -> PointKey:
    """Return a key that is equal for equal points, regardless of the order of their names."""
    return tuple(sorted(point.items()))
