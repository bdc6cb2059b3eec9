"""An arm compared with its status quo in one number: arm − factor · status quo − offset, with its error."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from overnight.campaign.evaluation import Measurement
from overnight.campaign.experiment.arms import units_of
from overnight.campaign.experiment.effects import measured_by, status_quo_of, steps_of
from overnight.campaign.goal import Goal, Measured
from overnight.campaign.goal.constraint import Bound, Constraint
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Trial

# One over a smaller variance would overflow.
_LEAST_VARIANCE = 1e-300


@dataclass(frozen=True)
class Contrast:
    """A difference at a look: its `variance`, and the one that it will have when the batch has all its units.

    Without known units, `planned_variance` is missing.
    """

    value: float
    variance: float
    planned_variance: float | None = None

    @property
    def exact(self) -> bool:
        """Return whether the value has no error."""
        return self.variance < _LEAST_VARIANCE

    @property
    def fraction(self) -> float | None:
        """Return the share of the planned information that is known; None without a plan."""
        if self.planned_variance is None or self.exact:
            return None
        return self.planned_variance / self.variance


@dataclass(frozen=True)
class Question:
    """The question about a metric of an arm whether side · (arm − factor · status quo − offset) is above 0.

    `limit` is the constraint's bound that it is about; None if it is about the objective.
    """

    metric: str
    side: float
    factor: float = 1.0
    offset: float = 0.0
    limit: Bound | None = None

    def answers(self, history: History, trial: Trial) -> dict[int | None, Contrast]:
        """Return the known answers at the looks in order, and under None the one by the results."""
        goal, beside = history.definition.goal, status_quo_of(history, trial)
        mine = _measured(history, trial)
        others = {} if beside is None or self.factor == 0 else _measured(history, beside)
        units = planned_units(history, trial), None if beside is None else planned_units(history, beside)
        found = dict[int | None, Contrast]()
        for step in [*sorted(each for each in mine if each is not None), None]:
            arm = measured_by(goal, self.metric, mine.get(step, {}))
            other = measured_by(goal, self.metric, others.get(step, {}))
            if arm is not None and arm.sem is not None and (self.factor == 0 or (other and other.sem is not None)):
                found[step] = self._contrast(arm, other, units, ended=step is None)
        return found

    def _contrast(
        self, arm: Measurement, other: Measurement | None, units: tuple[int | None, int | None], *, ended: bool
    ) -> Contrast:
        baseline = 0.0 if other is None else self.factor * other.mean
        parts = [(1.0, arm, units[0]), *([] if other is None else [(self.factor, other, units[1])])]
        planned = [_planned(*part, ended=ended) for part in parts]
        known = [each for each in planned if each is not None]
        return Contrast(
            value=self.side * (arm.mean - self.offset - baseline),
            variance=sum(_variance(factor, measured) for factor, measured, _ in parts),
            planned_variance=sum(known) if len(known) == len(planned) else None,
        )


def guardrails(goal: Goal) -> Iterator[tuple[Constraint, Question]]:
    """Yield whether an arm exceeds each bound of the constraints; each asks if there is a breach."""
    for constraint in goal.constraints:
        if (low := constraint.at_least) is not None:
            yield constraint, Question(constraint.metric, -1.0, low.factor, low.offset, low)
        if (high := constraint.at_most) is not None:
            yield constraint, Question(constraint.metric, 1.0, high.factor, high.offset, high)


def better(goal: Goal) -> Question:
    """Return the question whether an arm is better than its status quo."""
    return Question(goal.objectives[0].metric, goal.objectives[0].turned(1.0))


def worse(goal: Goal) -> Question:
    """Return the question whether an arm is worse than its status quo."""
    return Question(goal.objectives[0].metric, goal.objectives[0].turned(-1.0))


def planned_units(history: History, trial: Trial) -> int | None:
    """Return how many units a trial gets by its share of the batch's traffic; None without a share or traffic."""
    unknown = trial.proposal.weight is None or history.definition.traffic is None
    return None if unknown else units_of(history.definition, trial)


def _measured(history: History, trial: Trial) -> dict[int | None, Measured]:
    """Return the reports of a trial by look, and its result under None."""
    return {**steps_of(history, trial), **({None: trial.measured} if trial.measured else {})}


def _variance(factor: float, measured: Measurement) -> float:
    sem = factor * (measured.sem or 0.0)
    # A power that is too large raises an error; a product is infinite, and such a look is skipped.
    return sem * sem


def _planned(factor: float, measured: Measurement, units: int | None, *, ended: bool) -> float | None:
    """Return the variance that a part will have with all its units, if each has the variance of those so far.

    A result without a count has all its units.
    """
    variance = _variance(factor, measured)
    if variance == 0:
        return 0.0
    n = units if measured.n is None and ended else measured.n
    if n is None or not units or not math.isfinite(variance):
        return None
    return variance * n / units
