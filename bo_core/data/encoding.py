"""Encode points as features on the unit cube and decode them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

from overnight.bo_core.data.columns import Column, ConditionalColumn, column_of
from overnight.bo_core.data.columns.column import Movement
from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.data.region import Region
from overnight.campaign.errors import ModelFailed
from overnight.campaign.parameters import Value
from overnight.campaign.problems import shown
from overnight.campaign.space import Point, Space, SpaceText

PointKey = tuple[tuple[str, Value], ...]
# In a space that is not plain, at most this many combinations are tried to count the points.
MOST_COUNTED = 50_000
# Where in their range parameters start that a step makes active.
_SHARES_OF_NEW = (0.5, 0.2, 0.8)
# How far outside of [0, 1] the features of a trial may lie: one range; those of a baseline that limits need, many.
_REACH, _FAR = 1.0, 1000.0


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
        # Those that a search chooses: the others are fixed, or equalities determine them.
        self.free = tuple(name for name in self.columns if name not in space.solved and name not in space.fixed)
        self.k = len(self.free)
        self.region = None if space.is_plain else Region(space, self.columns, self.slices)

    def encode(self, points: Sequence[Point]) -> Tensor:
        """Return the features [len(points), d]; raises ModelFailed if a point lacks a parameter."""
        return torch.tensor([self._row(p) for p in points], dtype=torch.float64).reshape(len(points), self.d)

    def _row(self, point: Point) -> list[float]:
        columns = self.columns
        if lacking := [n for n, c in columns.items() if n not in point and not isinstance(c, ConditionalColumn)]:
            names = ", ".join(f"`{name}`" for name in lacking)
            raise ModelFailed(f"The model has no features for a point without a value of {names}: {shown(point)}.")
        return [f for name, c in columns.items() for f in (c.features(point[name]) if name in point else c.absent)]

    def reaches(self, point: Point) -> bool:
        """Return whether a point has features, in the unit cube or at most one range outside.

        A choice that is not in the list has none, and a number far away on a narrow range would have huge ones. Another
        value of a parameter that is not tuned would leave no trace in the features.
        """
        return self._lies_within(point, _REACH)

    def reaches_far(self, point: Point) -> bool:
        """Return whether a point has features at all that a model can compute with."""
        return self._lies_within(point, _FAR)

    def _lies_within(self, point: Point, reach: float) -> bool:
        constants = ((name, p.fixed_value) for name, p in self.space.items() if p.fixed_value is not None)
        if any(point.get(name, value) != value for name, value in constants):
            return False
        return all(self._reaches(name, point, reach) for name in self.columns)

    def _reaches(self, name: str, point: Point, reach: float) -> bool:
        column, parameter = self.columns[name], self.space.root[name]
        if name not in point:
            return isinstance(column, ConditionalColumn)
        try:
            if parameter.listed:
                return parameter.canonical(point[name]) is not None
            return all(-reach <= each <= 1.0 + reach for each in column.features(point[name]))
        except (ValueError, OverflowError):
            return False

    def decode(self, features: Tensor) -> Point | None:
        """Return the point nearest to the features [d]; None if constraints forbid it."""
        row = features.tolist()
        return self._point({name: self.columns[name].value(row[self.slices[name]]) for name in self.free})

    def point_at(self, coordinates: Sequence[float]) -> Point | None:
        """Return the point at the uniform coordinates [k]; None if constraints forbid it."""
        return self._point(
            {name: self.columns[name].value_at(u) for name, u in zip(self.free, coordinates, strict=True)}
        )

    def _point(self, values: Mapping[str, Value]) -> Point | None:
        return self.space.point(values) if self.region is None else self.space.completed(values)

    def spread(self, coordinates: Tensor) -> Tensor:
        """Return the features [b, d] of the points at uniform coordinates [b, k], allowed or not."""
        at = dict(zip(self.free, coordinates.unbind(1), strict=True))
        middle = coordinates.new_full((len(coordinates),), 0.5)
        return self._settled([column.spread(at.get(name, middle)) for name, column in self.columns.items()])

    def snap(self, X: Tensor) -> Tensor:
        """Return the features [b, d] of the points nearest to features X [b, d], allowed or not."""
        return self._settled([column.snap(X[:, self.slices[name]]) for name, column in self.columns.items()])

    def _settled(self, features: list[Tensor]) -> Tensor:
        X = torch.cat(features, 1)
        return X if self.region is None else self.region.settled(X)

    def allowed(self, X: Tensor) -> Tensor:
        """Return those of the features X [b, d] whose points are allowed."""
        return X if self.region is None else X[self.region.contains(X)]

    def neighbours(self, point: Point) -> list[Point]:
        """Return the points that differ from this one by one step of one discrete parameter that it holds.

        Parameters that become active with the step take several values, and those that equalities determine follow.
        Points that are not allowed are left out.
        """
        columns = [(name, self.columns[name]) for name in self.free if name in point]
        steps = [{**point, name: v} for name, column in columns for v in column.neighbours(point[name])]
        if self.region is None:
            return steps
        fillings = [self._filled(share) for share in _SHARES_OF_NEW] if self._is_conditional else [{}]
        found = (each for step in steps for each in self._stepped(step, fillings))
        return list({key_of(each): each for each in found}.values())

    def _stepped(self, step: Point, fillings: Sequence[Point]) -> Iterator[Point]:
        """Yield the allowed points of a step, one for each filling of the parameters that become active with it."""
        for filling in fillings:
            found = self._point({**filling, **step})
            if found is None:
                continue
            yield found
            if found.keys() <= step.keys():
                # Nothing has become active, so other fillings give the same point.
                return

    @property
    def _is_conditional(self) -> bool:
        return any(isinstance(column, ConditionalColumn) for column in self.columns.values())

    def _filled(self, share: float) -> dict[str, Value]:
        """Return a value of every conditional parameter, at this share of its range."""
        columns = self.columns.items()
        return {name: column.value_at(share) for name, column in columns if isinstance(column, ConditionalColumn)}

    def size(self) -> int | None:
        """Return the number of points in the space, None if it holds a continuum.

        In a large space, it is the number of combinations, of which some may not be allowed.
        """
        combinations = self._combinations()
        if combinations is None or self.region is None or combinations > MOST_COUNTED:
            return combinations
        return len(self.every_point())

    def _combinations(self) -> int | None:
        levels = [self.columns[name].levels for name in self.free]
        return None if None in levels else math.prod(len(values) for values in levels if values is not None)

    def every_point(self) -> list[Point]:
        """Return all points of a finite space."""
        levels = [self.columns[name].levels or () for name in self.free]
        if self.region is not None:
            return [*_every_point(self.space.as_text())]
        return [self.space.point(dict(zip(self.free, values, strict=True))) for values in product(*levels)]

    def mask_of(self, kind: Movement) -> Tensor:
        """Return a mask [d] of the features that a search moves in this way."""
        return torch.tensor([move == kind for column in self.columns.values() for move in column.moves])

    def groups(self, *, hamming: bool) -> FeatureGroups:
        """Return the features that share a length scale: with `hamming` those of each parameter, else none."""
        if not hamming:
            return FeatureGroups.single(self.d)
        columns = self.columns.values()
        widths = tuple(column.width for column in columns)
        units = tuple(unit for column in columns for unit in column.units)
        return FeatureGroups(widths, units if self._is_conditional else None)


def key_of(point: Point) -> PointKey:
    """Return a key that is equal for equal points, regardless of the order of their names."""
    return tuple(sorted(point.items()))


# Cached, because every proposal asks for the size of the space.
@lru_cache(maxsize=8)
def _every_point(space: SpaceText) -> tuple[Point, ...]:
    """Return the distinct points of a finite space that is not plain."""
    encoding = Encoding(Space.from_text(space))
    levels = [encoding.columns[name].levels or () for name in encoding.free]
    every = (encoding.space.completed(dict(zip(encoding.free, values, strict=True))) for values in product(*levels))
    return tuple({key_of(point): point for point in every if point is not None}.values())
