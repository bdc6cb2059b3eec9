"""The goal of a campaign: which results are better, which are feasible, and which metrics decide it."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import mean
from typing import Protocol, TypeVar

from overnight.campaign.evaluation import Measurement
from overnight.campaign.goal.constraint import Constraint
from overnight.campaign.goal.front import Turned, added, dominates, hypervolume, inferred_worst, on_front
from overnight.campaign.goal.objective import Objective

Measured = Mapping[str, Measurement]


class Tried(Protocol):
    """Anything that was tried, such as a trial."""

    @property
    def measured(self) -> Measured:
        """Return the metrics that were observed; none if there is no result."""
        ...


_Tried = TypeVar("_Tried", bound=Tried)


@dataclass(frozen=True)
class Goal:
    """The objectives, the first of which decides, and the constraints. Only a goal interprets signs and limits.

    `baseline` holds the metrics that were measured at the baseline, to which constraints may be relative. While a
    metric is missing there, no result meets a constraint that is relative to it.
    """

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()
    baseline: Measured = field(default_factory=dict)

    def __str__(self) -> str:
        return " and ".join(map(str, self.objectives))

    @property
    def gaining(self) -> str:
        """Return the words for making the best result better, which is all that a trial may gain."""
        return "enlarge the dominated hypervolume" if self.has_front else f"improve {self.objectives[0].metric}"

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Return the metrics of the objectives and the constraints, each once, starting with the objectives'."""
        return tuple(dict.fromkeys(part.metric for part in (*self.objectives, *self.constraints)))

    @property
    def limited(self) -> tuple[str, ...]:
        """Return the metrics that constraints limit, each once."""
        return tuple(dict.fromkeys(constraint.metric for constraint in self.constraints))

    @cached_property
    def calculations(self) -> tuple[Objective, ...]:
        """Return the metrics of the goal that are calculated from others, starting with the objectives'."""
        every = map(self.wanted, self.metrics)
        return tuple(wanted for wanted in every if wanted.expression is not None)

    def wanted(self, metric: str) -> Objective:
        """Return the direction in which a metric improves: an objective's own, or away from its only limit.

        A metric that is limited on both sides counts as maximized.
        """
        for objective in self.objectives:
            if objective.metric == metric:
                return objective
        above = any(constraint.at_least is not None for constraint in self.constraints if constraint.metric == metric)
        return Objective(metric=metric, direction="maximize" if above else "minimize")

    def beside(self, baseline: Measured) -> "Goal":
        """Return the goal with the metrics that were measured at the baseline."""
        return replace(self, baseline=baseline)

    def limits(self, metric: str) -> tuple[float, float]:
        """Return the least and the greatest value of a metric that all its constraints allow."""
        ends = [self.limits_of(constraint) for constraint in self.constraints if constraint.metric == metric]
        return max((low for low, _ in ends), default=-math.inf), min((high for _, high in ends), default=math.inf)

    def limits_of(self, constraint: Constraint) -> tuple[float, float]:
        """Return the least and the greatest value that one constraint allows beside the baseline."""
        base = self.baseline.get(constraint.metric)
        return constraint.limits(None if base is None else base.mean)

    @cached_property
    def unjudged(self) -> tuple[Constraint, ...]:
        """Return the constraints that are relative to a metric that is missing at the baseline."""
        return tuple(each for each in self.constraints if each.relative and each.metric not in self.baseline)

    @cached_property
    def judged(self) -> "Goal":
        """Return the goal with those constraints only whose limits are known."""
        return replace(self, constraints=tuple(each for each in self.constraints if each not in self.unjudged))

    def unmet(self, measured: Measured) -> tuple[Constraint, ...]:
        """Return the constraints that a result does not meet, or lacks the metric of."""
        return tuple(constraint for constraint in self.constraints if not self._allows(constraint, measured))

    def verdict(self, measured: Measured) -> bool | None:
        """Return whether a result is feasible; None without constraints, and if that depends on an unknown limit."""
        if not self.constraints:
            return None
        if not self.judged.feasible(measured):
            return False
        return None if self.unjudged else True

    @property
    def directions(self) -> tuple[str, ...]:
        """Return the direction of each objective."""
        return tuple(objective.direction for objective in self.objectives)

    def value_of(self, trial: Tried) -> Measurement | None:
        """Return the trial's measurement of the first objective; None if it has none."""
        return trial.measured.get(self.objectives[0].metric)

    def values_of(self, observed: Iterable[Tried]) -> list[Measurement]:
        """Return each trial's measurement of the first objective; every trial must be observed."""
        return [trial.measured[self.objectives[0].metric] for trial in observed]

    def feasible(self, measured: Measured) -> bool:
        """Return whether a result has every metric of the goal and meets every constraint."""
        for objective in self.objectives:
            if objective.metric not in measured:
                return False
        return not self.constraints or not self.unmet(measured)

    def better(self, a: Measured, b: Measured) -> bool:
        """Return whether `a` is better than `b`: a feasible result that `b` is not, or one that dominates `b`."""
        return self.feasible(a) and (not self.feasible(b) or self._dominates(a, b))

    def best(self, trials: Iterable[_Tried]) -> _Tried | None:
        """Return the first feasible trial that no other beats; None if no trial is feasible."""
        bests = deque(self.best_so_far(trials), maxlen=1)
        return bests[0] if bests else None

    def best_so_far(self, trials: Iterable[_Tried]) -> Iterator[_Tried | None]:
        """Yield for each trial the best one up to it."""
        best, known = None, Turned()
        for trial in trials:
            if self.feasible(trial.measured):
                turned = self.turned(trial.measured)
                if best is None or dominates(turned, known):
                    best, known = trial, turned
            yield best

    def best_first(self, trials: Iterable[_Tried]) -> list[_Tried]:
        """Return the feasible trials, best first objective first; of equal trials the earlier one comes first."""
        objective = self.objectives[0]
        feasible = [trial for trial in trials if self.feasible(trial.measured)]
        return sorted(feasible, key=lambda trial: -objective.turned(trial.measured[objective.metric].mean))

    @property
    def has_front(self) -> bool:
        """Return whether there are several objectives, so that the best results are a front."""
        return len(self.objectives) > 1

    def turned(self, measured: Measured) -> Turned:
        """Return a result's values of all objectives, turned so that more is better; it must have them."""
        return tuple(each.turned(measured[each.metric].mean) for each in self.objectives)

    def front(self, trials: Iterable[_Tried]) -> list[_Tried]:
        """Return the feasible trials that no other feasible one dominates, in their order."""
        feasible = [trial for trial in trials if self.feasible(trial.measured)]
        kept = on_front([self.turned(trial.measured) for trial in feasible])
        return [trial for trial, is_kept in zip(feasible, kept, strict=True) if is_kept]

    def unbeaten(self, trial: Tried, others: Iterable[Tried]) -> bool:
        """Return whether a trial is feasible and no other one is better, which is to be on the front of them all."""
        measured = trial.measured
        return self.feasible(measured) and not any(self.better(other.measured, measured) for other in others)

    def worst(self, front: Sequence[Turned], others: Sequence[Turned] = ()) -> Turned:
        """Return the reference of hypervolumes: the `worst` values that were given, the others inferred from a front.

        The front has at least one point unless all are given. The ranges of `others` count if the front has none.
        """
        given = tuple(each.turned(each.worst) for each in self.objectives if each.worst is not None)
        if len(given) == len(self.objectives):
            return given
        guesses = zip(self.objectives, inferred_worst(front, others), strict=True)
        return tuple(guess if each.worst is None else each.turned(each.worst) for each, guess in guesses)

    def named(self, turned: Turned) -> dict[str, float]:
        """Return turned values of all objectives by their metrics, in each metric's own unit."""
        return {each.metric: each.turned(value) for each, value in zip(self.objectives, turned, strict=True)}

    def hypervolume(self, trials: Iterable[Tried], worst: Turned) -> float:
        """Return how much space the feasible trials dominate up to `worst`, in the product of the metrics' units."""
        return hypervolume([self.turned(trial.measured) for trial in self.front(trials)], worst)

    def hypervolume_so_far(self, trials: Iterable[Tried], worst: Turned) -> Iterator[float]:
        """Yield for each trial the hypervolume of the feasible ones up to it."""
        front, volume = list[Turned](), 0.0
        for trial in trials:
            point = self.turned(trial.measured) if self.feasible(trial.measured) else None
            if point is not None and not any(dominates(each, point) for each in front):
                volume += added(point, front, worst)
                front = [each for each in front if not dominates(point, each)] + [point]
            yield volume

    def _allows(self, constraint: Constraint, measured: Measured) -> bool:
        low, high = self.limits_of(constraint)
        return constraint.metric in measured and low <= measured[constraint.metric].mean <= high

    def _dominates(self, a: Measured, b: Measured) -> bool:
        return dominates(self.turned(a), self.turned(b))


def pooled(results: Iterable[Measured]) -> Measured:
    """Return the mean of each metric over several results."""
    found: dict[str, list[float]] = {}
    for measured in results:
        for metric, measurement in measured.items():
            found.setdefault(metric, []).append(measurement.mean)
    return {metric: Measurement(mean=mean(means)) for metric, means in found.items()}
