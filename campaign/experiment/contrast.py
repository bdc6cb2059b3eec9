"""An arm beside its status quo as one number: the arm − factor · status quo − offset, with its error and its plan."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from overnight.campaign.evaluation import Measurement
from overnight.campaign.experiment.effects import at_step, measured_by, status_quo_of
from overnight.campaign.goal import Goal
from overnight.campaign.goal.constraint import Bound, Constraint
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Trial


@dataclass(frozen=True)
class Contrast:
    """A difference at a look: its `variance`, and the one that it will have when the batch has all its units.

    A variance of 0 means that the value is exact. `planned_variance` is None if the units are not known.
    """

    value: float
    variance: float
    planned_variance: float | None = None

    @property
    def fraction(self) -> float | None:
        """Return the share of the planned information that is known; None without a plan."""
        if self.planned_variance is None or self.variance == 0:
            return None
        return self.planned_variance / self.variance


@dataclass(frozen=True)
class Question:
    """The question about a metric of an arm whether sign · (arm − factor · status quo − offset) is above 0.

    `limit` is the constraint's bound that it is about; None if it is about the objective.
    """

    metric: str
    sign: float
    factor: float = 1.0
    offset: float = 0.0
    limit: Bound | None = None

    def asked(self, history: History, trial: Trial, step: int | None) -> Contrast | None:
        """Return the answer at a look, or by the results if `step` is None; None if a number for it is missing."""
        beside = status_quo_of(history, trial)
        arm = measured_by(history.definition.goal, self.metric, at_step(history, trial, step))
        other = None
        if self.factor and beside is not None:
            other = measured_by(history.definition.goal, self.metric, at_step(history, beside, step))
        if arm is None or arm.sem is None or (self.factor and (other is None or other.sem is None)):
            return None
        value = self.sign * (arm.mean - self.offset - (self.factor * other.mean if other else 0.0))
        parts = [(1.0, arm, planned_units(history, trial))]
        if other is not None and beside is not None:
            parts.append((self.factor, other, planned_units(history, beside)))
        variance = sum((factor * (measured.sem or 0.0)) ** 2 for factor, measured, _ in parts)
        planned = [_planned(factor, measured, units) for factor, measured, units in parts]
        known = [each for each in planned if each is not None]
        return Contrast(value, variance, sum(known) if len(known) == len(planned) else None)


def guardrails(goal: Goal) -> Iterator[tuple[Constraint, Question]]:
    """Yield whether an arm exceeds each bound of the constraints; each asks if there is a breach."""
    for constraint in goal.constraints:
        if (low := constraint.at_least) is not None:
            yield constraint, Question(constraint.metric, -1.0, low.factor, low.offset, low)
        if (high := constraint.at_most) is not None:
            yield constraint, Question(constraint.metric, 1.0, high.factor, high.offset, high)


def better(goal: Goal) -> Question:
    """Return the question whether an arm is better than its status quo."""
    return Question(goal.objectives[0].metric, goal.objectives[0].sign)


def worse(goal: Goal) -> Question:
    """Return the question whether an arm is worse than its status quo."""
    return Question(goal.objectives[0].metric, -goal.objectives[0].sign)


def planned_units(history: History, trial: Trial) -> float | None:
    """Return how many units a trial gets by its share of the batch's traffic; None without a share or traffic."""
    weight, traffic = trial.proposal.weight, history.definition.traffic
    return None if weight is None or traffic is None else weight * traffic.per_batch


def _planned(factor: float, measured: Measurement, units: float | None) -> float | None:
    """Return the variance that a part will have with all its units, if each has the variance of those so far."""
    variance = (factor * (measured.sem or 0.0)) ** 2
    if variance == 0:
        return 0.0
    if measured.n is None or not units or not math.isfinite(variance):
        return None
    return variance * measured.n / units
