"""A question to a peer in the parameters of a campaign themselves, instead of a unit cube."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Point = Mapping[str, Any]


@dataclass(frozen=True)
class Linear:
    """A weighted sum of parameters that is at most `most`, or equal to it."""

    weights: Mapping[str, float]
    most: float
    equal: bool = False


@dataclass(frozen=True)
class SpaceQuestion:
    """What is known of a campaign, as points of its parameters, and an objective to minimise.

    `parameters` are as a campaign's file has them, each after those on which its condition depends. `linear` holds the
    linear constraints between them. `excess` is by how much a point exceeds each constraint that is not an equality,
    linear or not; it is at most 0 if the point is allowed. `failed` points could not be evaluated.
    """

    parameters: Mapping[str, Mapping[str, Any]]
    linear: Sequence[Linear]
    X: Sequence[Point]
    y: Sequence[float]
    pending: Sequence[Point]
    failed: Sequence[Point]
    excess: Mapping[str, Sequence[Sequence[float]]]
    seed: int = 0
    exact: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the question in JSON types."""
        return {**vars(self), "linear": [vars(each) for each in self.linear]}
