"""Trials as a table with a row for each trial, and a column for each parameter and metric."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from overnight.campaign import History, Measurement, Trial
from overnight.campaign.columns import (
    AFTER,
    BEFORE,
    BETWEEN,
    CONSTRAINED,
    FRONT,
    OF_ARMS,
    columns_of_arms,
    judged_cells,
    judged_columns,
    parameter_names,
    trial_columns,
    types_of,
)
from overnight.campaign.experiment.own_batch import Goals
from overnight.campaign.history.trial import Failure, Stopped, Withdrawal
from overnight.campaign.parameters import Value
from overnight.storage.segments.columns import TIME
from overnight.storage.segments.event_rows import INT64


def trial_table(history: History, *, only_used: bool = False) -> pa.Table:
    """Return the same table as the view `trials` of `overnight query`, in the order of the trials' ids.

    With `only_used`, parameters that no point has are left out, and the others are in the order of their first use, as
    in the snapshots of version 1.
    """
    trials = [history.trials[number] for number in sorted(history.trials)]
    measured = [trial.measured for trial in trials]
    campaign, goals = (history.definition, history.goals) if history.defined else (None, None)
    goal = None if goals is None else goals.pooled
    counted = {name for metrics in measured for name, found in metrics.items() if found.n is not None}
    of_arms = columns_of_arms(campaign)
    means, parameters = trial_columns(
        _named(campaign.recorded_metrics if campaign is not None else (), measured),
        parameter_names(None if only_used else campaign, [trial.point for trial in trials]),
        counted,
        special=(*of_arms, *judged_columns(goal)),
    )
    objective = "" if goal is None else goal.objectives[0].metric
    facts = {name: pa.array(values, _TYPES[name]) for name, values in _facts(trials, objective).items()}
    columns = {name: facts[name] for name in (*BEFORE, *of_arms)}
    for name, column in means.items():
        columns |= _measurements(column, [metrics.get(name) for metrics in measured], counted=name in counted)
    if goals is not None:
        columns |= _judgements(goals, trials)
    columns |= {name: facts[name] for name in BETWEEN}
    for name, column in parameters.items():
        types = types_of(None if campaign is None else campaign.of_points.root.get(name))
        columns[column] = _values([trial.point.get(name) for trial in trials], types)
    return pa.table(columns | {name: facts[name] for name in AFTER})


def _named(first: Iterable[str], of: Iterable[Iterable[str]]) -> list[str]:
    """Return the names in the order of their first use."""
    return list(dict.fromkeys([*first, *(name for names in of for name in names)]))


_TYPES: dict[str, pa.DataType] = {
    "trial": pa.int64(),
    "status": pa.string(),
    "generator": pa.string(),
    **dict(zip(OF_ARMS, (pa.int64(), pa.float64()), strict=True)),
    **dict(zip((*CONSTRAINED, *FRONT), (pa.bool_(), pa.string(), pa.bool_()), strict=True)),
    "attempts": pa.int64(),
    "seconds": pa.float64(),
    "cause": pa.string(),
    "message": pa.string(),
    "predicted_mean": pa.float64(),
    "predicted_sd": pa.float64(),
    "proposed": TIME,
    "ended": TIME,
}


def _facts(trials: Sequence[Trial], objective: str) -> dict[str, list[Any]]:
    """Return the columns that are no parameters, metrics or judgements; only an A/B test shows those of arms."""
    failures = [trial.outcome if isinstance(trial.outcome, Failure) else None for trial in trials]
    predicted = [trial.proposal.prediction(objective) for trial in trials]
    return {
        "trial": [trial.id for trial in trials],
        "status": [trial.status for trial in trials],
        "generator": [trial.proposal.generator for trial in trials],
        "batch": [trial.batch for trial in trials],
        "weight": [trial.proposal.weight for trial in trials],
        "attempts": [len(trial.attempts) for trial in trials],
        "seconds": [trial.seconds for trial in trials],
        "cause": [failure and failure.cause for failure in failures],
        "message": [_message(trial) for trial in trials],
        "predicted_mean": [found and found.mean for found in predicted],
        "predicted_sd": [found and found.sd for found in predicted],
        "proposed": [trial.proposed for trial in trials],
        "ended": [trial.outcome and trial.outcome.ended for trial in trials],
    }


def _judgements(goals: Goals, trials: Sequence[Trial]) -> dict[str, pa.Array]:
    cells, names = judged_cells(goals, trials), judged_columns(goals.pooled)
    return {name: pa.array([cell[i] for cell in cells], _TYPES[name]) for i, name in enumerate(names)}


def _message(trial: Trial) -> str | None:
    match trial.outcome:
        case Failure():
            return trial.outcome.message
        case Stopped() | Withdrawal():
            return trial.outcome.why
    return None


def _measurements(column: str, found: Sequence[Measurement | None], *, counted: bool) -> dict[str, pa.Array]:
    counts = pa.array([measured and measured.n for measured in found], pa.int64())
    return {
        column: pa.array([measured and measured.mean for measured in found], pa.float64()),
        f"{column}_sem": pa.array([measured and measured.sem for measured in found], pa.float64()),
        **({f"{column}_n": counts} if counted else {}),
    }


def _values(values: Sequence[Value | None], types: set[type]) -> pa.Array:
    """Return a parameter's values in the narrowest type that holds them all, or all possible ones if there are none."""
    kinds = {type(value) for value in values if value is not None} or types
    large = any(type(value) is int and value not in INT64 for value in values)
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int} and not large:
        return pa.array(values, pa.int64())
    if kinds and kinds <= {int, float} and not large:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
