"""An arm compared with its status quo in one number: arm − factor · status quo − offset, with its error."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from overnight.campaign.evaluation import Measurement
from overnight.campaign.experiment.arms import units_of
from overnight.campaign.experiment.difference import difference
from overnight.campaign.experiment.effects import measured_by, steps_of
from overnight.campaign.experiment.status_quo import compared_with
from overnight.campaign.goal import Goal, Measured
from overnight.campaign.goal.constraint import Constraint
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Trial

# One over a smaller variance would overflow.
_LEAST_VARIANCE = 1e-300
# An arm or its status quo, with its factor in the difference and its planned units.
_Part = tuple[float, Measurement, int | None]


@dataclass(frozen=True)
class Contrast:
    """A difference at a look with its `variance`, and its `information`: now, and when the batch has all its units.

    Information counts units alone, as one over the variance that a variance of 1 per unit would give, so that no luck
    changes the weight of a difference. It is None if units are unknown. A `final` one completes the plan.
    """

    value: float
    variance: float
    information: float | None = None
    planned: float | None = None
    final: bool = False

    @property
    def exact(self) -> bool:
        """Return whether the value has no error."""
        return self.variance < _LEAST_VARIANCE

    @property
    def fraction(self) -> float | None:
        """Return the share of the planned information that is known; None without a plan."""
        if self.final:
            return 1.0
        if self.information is None or self.planned is None:
            return None
        return self.information / self.planned


@dataclass(frozen=True)
class Question:
    """The question about a metric of an arm whether side · (arm − factor · status quo − offset) is above 0."""

    metric: str
    side: float
    factor: float = 1.0
    offset: float = 0.0

    def answers(self, history: History, trial: Trial) -> dict[int | None, Contrast]:
        """Return the known answers at the looks in order, and under None the one by the results."""
        return self.attempts(history, trial)[-1]

    def attempts(self, history: History, trial: Trial) -> list[dict[int | None, Contrast]]:
        """Return the answers by each attempt, of which the last one counts; people have seen the earlier ones, too."""
        status_quo = None if self.factor == 0 else compared_with(history.trials, trial)
        number = max(len(each.attempts) for each in (trial, status_quo) if each is not None)
        return [self._answers(history, trial, attempt) for attempt in range(max(number, 1))]

    def _answers(self, history: History, trial: Trial, attempt: int) -> dict[int | None, Contrast]:
        goal, status_quo = history.definition.goal, compared_with(history.trials, trial)
        mine = _measured(history, trial, attempt)
        others = {} if status_quo is None or self.factor == 0 else _measured(history, status_quo, attempt)
        units = planned_units(history, trial), None if status_quo is None else planned_units(history, status_quo)
        found = dict[int | None, Contrast]()
        for step in [*sorted(each for each in mine if each is not None), None]:
            arm = measured_by(goal, self.metric, mine.get(step, {}))
            other = measured_by(goal, self.metric, others.get(step, {}))
            if arm is None or (other is None and self.factor != 0):
                continue
            gap = difference(arm, other, self.factor, self.offset)
            parts = [(1.0, arm, units[0]), *([] if other is None else [(self.factor, other, units[1])])]
            if gap.variance is not None:
                found[step] = _contrast(self.side * gap.value, gap.variance, parts, ended=step is None)
        return found


def guardrails(goal: Goal) -> Iterator[tuple[Constraint, Question]]:
    """Yield whether an arm exceeds each bound of the constraints; each asks if there is a breach."""
    for constraint in goal.constraints:
        if (low := constraint.at_least) is not None:
            yield constraint, Question(constraint.metric, -1.0, low.factor, low.offset)
        if (high := constraint.at_most) is not None:
            yield constraint, Question(constraint.metric, 1.0, high.factor, high.offset)


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


def _measured(history: History, trial: Trial, attempt: int) -> dict[int | None, Measured]:
    """Return the reports of an attempt by look, and under None the result, which the last attempt has."""
    has_result = bool(trial.measured) and attempt >= len(trial.attempts) - 1
    return {**steps_of(history, trial, attempt), **({None: trial.measured} if has_result else {})}


def _contrast(value: float, variance: float, parts: Sequence[_Part], *, ended: bool) -> Contrast:
    counts = [(factor, each.n or (planned if ended else None)) for factor, each, planned in parts]
    information = _information(counts)
    reported = [each.n for _, each, _ in parts if each.n]
    if information is not None and len(reported) == len(parts):
        variance = max(variance, _per_unit([each for _, each, _ in parts], reported) / information)
    planned = _information([(factor, planned) for factor, _, planned in parts])
    return Contrast(value, variance, information, planned)


def _square(sem: float) -> float:
    # A power that is too large raises an error; a product is infinite, and such a look is skipped.
    return sem * sem


def _information(counts: Sequence[tuple[float, int | None]]) -> float | None:
    """Return one over the variance of a difference if that of a unit is 1, by the factors and counts of its parts."""
    if any(not n for _, n in counts):
        return None
    return 1 / sum(factor * factor / n for factor, n in counts if n)


def _per_unit(parts: Sequence[Measurement], counts: Sequence[int]) -> float:
    """Return the variance of a unit, pooled over an arm and its status quo.

    Few units may have a variance that is far too small, together with their mean: of rare events, for example, none may
    have happened yet. Most of the units show how large it is.
    """
    return sum(_square(n * (each.sem or 0.0)) for each, n in zip(parts, counts, strict=True)) / sum(counts)
