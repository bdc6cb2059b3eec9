"""A campaign's history as Optuna's trials and study."""

from datetime import datetime
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from overnight.campaign import Goal, History, Trial
from overnight.campaign.columns import CONSTRAINED, FRONT, OF_ARMS, own_columns
from overnight.campaign.history.trial import Observation, Stopped
from overnight.flows.optuna_studies.distributions import distributions_of
from overnight.report.tables import trial_rows

# Optuna knows no trial that a person ended. Like a failed one, it teaches nothing.
_STATES = {
    "observed": TrialState.COMPLETE,
    "failed": TrialState.FAIL,
    "stopped": TrialState.PRUNED,
    "abandoned": TrialState.FAIL,
    "rejected": TrialState.FAIL,
    "running": TrialState.RUNNING,
    "awaiting approval": TrialState.WAITING,
    "waiting": TrialState.WAITING,
}
_OWN_COLUMNS = own_columns((*OF_ARMS, *CONSTRAINED, *FRONT))
METRIC_NAMES = "study:metric_names"


def directions_of(history: History) -> list[StudyDirection]:
    """Return the direction of each objective."""
    return [StudyDirection[direction.upper()] for direction in history.goal.directions]


def attributes_of(history: History) -> dict[str, Any]:
    """Return the facts about a campaign as attributes of its study."""
    definition = history.definition
    return {"campaign": definition.name, "description": definition.description or "", "goal": str(history.goal)}


def system_attributes_of(history: History) -> dict[str, Any]:
    """Return the names of the objectives as Optuna keeps them."""
    return {METRIC_NAMES: [objective.metric for objective in history.goal.objectives]}


def trials_of(history: History, first_id: int) -> list[FrozenTrial]:
    """Return every trial under its place, counted from 0, because Optuna's charts use numbers as places.

    Its number in the campaign is its attribute `trial`. `first_id` is added to the place for an id that is unique.
    """
    trials = [trial for _, trial in sorted(history.trials.items())]
    distributions = distributions_of(history.definition.parameters_of_point.root, [trial.point for trial in trials])
    earlier: dict[frozenset[Any], int] = {}
    goals, found = history.goals, list[FrozenTrial]()
    for number, (trial, row) in enumerate(zip(trials, trial_rows(history, trials), strict=True)):
        point = frozenset(trial.point.items())
        first = earlier.setdefault(point, trial.id)
        more: dict[str, Any] = {} if first == trial.id else {"repeats_trial": first}
        if (context := history.definition.context_of(trial.point)) is not None:
            more["context"] = dict(context)
        found.append(_trial(history, goals.of(trial), trial, row | more, distributions, number, first_id))
    return found


def _trial(
    history: History,
    goal: Goal,
    trial: Trial,
    row: dict[str, Any],
    distributions: dict[str, BaseDistribution],
    number: int,
    first_id: int,
) -> FrozenTrial:
    state, reports = _STATES[trial.status], _reports(history, goal, trial)
    values = _values(goal, trial)
    if state is TrialState.COMPLETE and values is None:
        state = TrialState.FAIL
    if isinstance(trial.outcome, Stopped) and len(goal.objectives) == 1 and reports:
        # A pruned trial has its last report as its value, as if Optuna had ended it.
        values = [reports[max(reports)]]
    return FrozenTrial(
        number=number,
        trial_id=first_id + number,
        state=state,
        value=None,
        values=values,
        datetime_start=_local(_started(trial)) if state is not TrialState.WAITING else None,
        datetime_complete=_local(trial.outcome.ended) if trial.outcome is not None else None,
        params=dict(trial.point),
        distributions={name: distributions[name] for name in trial.point},
        user_attrs=_attributes(goal, trial, row),
        system_attrs=_constraints(goal, trial),
        intermediate_values=reports,
    )


def _values(goal: Goal, trial: Trial) -> list[float] | None:
    """Return the value of each objective; None if one is missing."""
    found = [objective.found_in(trial.measured) for objective in goal.objectives]
    return None if None in found else [each.mean for each in found if each is not None]


def _reports(history: History, goal: Goal, trial: Trial) -> dict[int, float]:
    """Return the reports of the first objective by their steps; those of a later attempt count."""
    first = goal.objectives[0]
    found = ((report.step, first.found_in(report.metrics)) for report in history.reports.get(trial.id, ()))
    return {step: measured.mean for step, measured in found if measured is not None}


def _constraints(goal: Goal, trial: Trial) -> dict[str, Any]:
    """Return by how much a result violates each constraint: more than 0 if it does not meet it."""
    if not isinstance(trial.outcome, Observation) or not goal.judged.constraints:
        return {}
    violations: dict[str, float] = {}
    for constraint in goal.judged.constraints:
        low, high = goal.limits_of(constraint)
        measured = trial.measured.get(constraint.metric)
        # A result without the metric does not meet the constraint, but nobody knows by how much.
        violations[str(constraint)] = 1.0 if measured is None else max(low - measured.mean, measured.mean - high)
    # Optuna 5 has a key for each constraint. The dashboard still reads only the list of the versions before.
    return {f"constraints:{text}": value for text, value in violations.items()} | {
        "constraints": [*violations.values()]
    }


def _attributes(goal: Goal, trial: Trial, row: dict[str, Any]) -> dict[str, Any]:
    """Return what else is known about a trial, under the names of the columns of `overnight trials`."""
    # A parameter or a metric with the name of another column is in a column with a prefix.
    shown = {*trial.point, *(objective.metric for objective in goal.objectives)}.difference(_OWN_COLUMNS)
    found = {name: value for name, value in row.items() if name not in shown and value is not None}
    if trial.parked_because is not None:
        found["parked_because"] = trial.parked_because
    provenance = trial.proposal.provenance
    if provenance is not None and provenance.chosen.acquisition is not None:
        found["acquisition"] = provenance.chosen.acquisition
        found["expected_gain"] = provenance.chosen.expected_gain
    return found


def _started(trial: Trial) -> datetime:
    return trial.attempts[0].started if trial.attempts else trial.proposed


def _local(time: datetime) -> datetime:
    """Return a time as Optuna has it: that of the local clock, without a time zone."""
    return time.astimezone().replace(tzinfo=None)
