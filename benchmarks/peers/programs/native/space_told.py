"""The question to a peer in the parameters themselves, the same for every library."""

import itertools
from dataclasses import dataclass
from typing import Any

Point = dict[str, Any]


@dataclass(frozen=True)
class SpaceTold:
    """One problem: points of named parameters, and an objective to minimise.

    parameters: each with its kind, its bounds, scale or choices, and `when`, the values of earlier parameters with
    which it is active. linear: constraints with their `weights`, the `most` that the sum may be, and whether it must be
    `equal` to that. excess: for the points of X, `pending` and `failed`, by how much each exceeds each inequality.
    failed: points that were proposed, but are not allowed.
    """

    parameters: dict[str, dict[str, Any]]
    linear: list[dict[str, Any]]
    X: list[Point]
    y: list[float]
    pending: list[Point]
    failed: list[Point]
    excess: dict[str, list[list[float]]]
    seed: int
    exact: bool

    @property
    def shares(self) -> list[str]:
        """Return the parameters whose sum must be one; an empty list if there are none."""
        sums = [each["weights"] for each in self.linear if each["equal"] and each["most"] == 1.0]
        return [*sums[0]] if sums and set(sums[0].values()) == {1.0} else []

    def is_active(self, name: str, values: Point) -> bool:
        """Return whether a parameter is active, given the values of those before it."""
        conditions = self.parameters[name].get("when") or {}
        return all(values.get(other) in choices_of(wanted) for other, wanted in conditions.items())

    def best_measured(self) -> list[int]:
        """Return the index of the best measured value."""
        return [min(range(len(self.y)), key=self.y.__getitem__)]


def choices_of(wanted: Any) -> list[Any]:
    """Return the values of a condition."""
    return wanted if isinstance(wanted, list) else [wanted]


def step_of(choices: list[Any]) -> float | None:
    """Return the step between ordered numbers; None if they are text or unevenly spaced."""
    if not all(isinstance(each, float) for each in choices):
        return None
    step = choices[1] - choices[0]
    even = all(abs(b - a - step) < 1e-9 for a, b in itertools.pairwise(choices))
    return step if even else None
