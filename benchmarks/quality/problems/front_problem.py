"""Several functions that campaigns minimise at once, with the greatest hypervolume that points can have."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from benchmarks.quality.problems.problem import AnyProblem, Declared, Limit, Metric, Values
from overnight.campaign.goal.front import hypervolume


@dataclass(frozen=True)
class Objective:
    """A function to minimise, the `worst` value that is of use, and the noise of its readings in noisy cells."""

    value: Callable[[Values], float]
    worst: float
    noise: float = 0.0


@dataclass(frozen=True)
class FrontProblem(AnyProblem):
    """Objectives that conflict.

    The worth of points is the hypervolume of the true values of those that are truly feasible, up to each objective's
    `worst`. `most` is that of the whole front. The regret is the missing share of it.
    """

    objectives: Mapping[str, Objective]
    parameters: Declared
    most: float
    limits: Mapping[str, Limit] = field(default_factory=dict)

    @property
    def worst(self) -> list[float]:
        """Return the worst value of use of each objective, the reference point of the hypervolume."""
        return [objective.worst for objective in self.objectives.values()]

    @property
    def noise(self) -> float:
        """Return the noise of the first objective; 0 if all results are exact."""
        return next(iter(self.objectives.values())).noise

    @property
    def objectives_in_file(self) -> Mapping[str, object]:
        """Return the entry with every objective and its worst value."""
        return {"objectives": [{"minimize": name, "worst": each.worst} for name, each in self.objectives.items()]}

    def first(self, point: Values) -> float:
        """Return the true value of the first objective."""
        return self.values(point)[0]

    @property
    def further(self) -> Mapping[str, Metric]:
        """Return the other objectives and the limited metrics."""
        return {**dict(islice(self.objectives.items(), 1, None)), **self.limits}

    def values(self, point: Values) -> list[float]:
        """Return the true value of every objective."""
        return [objective.value(point) for objective in self.objectives.values()]

    def worth(self, *points: Values) -> float:
        """Return the hypervolume of the feasible points."""
        values = [self.values(point) for point in points if self.feasible(point)]
        return hypervolume([_turned(each) for each in values], _turned(self.worst))

    def regret(self, *points: Values) -> float:
        """Return the share of the front's hypervolume that the points lack."""
        return 1.0 - self.worth(*points) / self.most


def _turned(values: Sequence[float]) -> tuple[float, ...]:
    """Return values that are minimised as those that `hypervolume` maximises."""
    return tuple(-value for value in values)
