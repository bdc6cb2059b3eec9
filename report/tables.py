"""Trials as plain rows, for tables, JSON and CSV."""

import csv
import io
import json
import math
from collections.abc import Container, Iterable, Mapping, Sequence

from overnight.campaign import History, Trial
from overnight.campaign.columns import columns_of_arms, judged_cells, judged_columns, parameter_names, trial_columns
from overnight.campaign.goal import Goal
from overnight.campaign.history.trial import Stopped, Withdrawal
from overnight.campaign.parameters import Value
from overnight.campaign.values.harmless import harmless, harmless_json
from overnight.report.trial_facts import cell, failure_of

Cell = Value | None
Row = dict[str, Cell]


def trial_rows(history: History, shown: Iterable[Trial] | None = None) -> list[Row]:
    """Return a row for each of these trials, by default for all in the order of ids, all with the same columns.

    Metrics are `<name>` and `<name>_sem`, and `<name>_n` if a result has an `n`; `predicted_mean` and `predicted_sd`
    are the expectation of the first objective; `seconds` are those of all ended attempts, None if no attempt has ended.
    With constraints, `feasible` and `unmet` compare the measured values with the present limits. With several
    objectives, `on_front` is true for the feasible results that no other feasible one dominates. In an A/B test,
    limits are relative to the status quo of the own batch; `batch` is its first trial, and `weight` an arm's share.
    Columns are named as in the view `trials` of SQL: a metric or a parameter whose name is taken gets `metric_` or
    `parameter_` before it.
    """
    trials = [trial for _, trial in sorted(history.trials.items())]
    parameters = parameter_names(history.definition, [trial.point for trial in trials])
    counted = {name for trial in trials for name, found in trial.measured.items() if found.n is not None}
    goals, of_arms = history.goals, columns_of_arms(history.definition)
    goal = goals.pooled
    special = (*of_arms, *judged_columns(goal))
    columns = trial_columns(metric_names(history), parameters, counted, special=special)
    judged = {
        trial.id: dict(zip(judged_columns(goal), cells, strict=True))
        for trial, cells in zip(trials, judged_cells(goals, trials), strict=True)
    }
    return [
        _row(trial, goal, of_arms, judged[trial.id], *columns, counted)
        for trial in (trials if shown is None else shown)
    ]


def metric_names(history: History) -> list[str]:
    """Return the metrics that are expected or were measured, the objective first."""
    metrics = dict.fromkeys(history.definition.recorded_metrics)
    for trial in history.trials.values():
        metrics |= dict.fromkeys(trial.measured)
    return list(metrics)


def to_json(rows: list[Row]) -> str:
    """Return the rows as a JSON array."""
    return harmless_json(json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def to_csv(rows: list[Row]) -> str:
    """Return the rows as CSV with a header; unknown values are empty, truth values are as in JSON and YAML."""
    columns = list(rows[0]) if rows else ["trial"]
    return csv_of(columns, ([row[column] for column in columns] for row in rows))


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return CSV that may be printed: control characters in texts are made visible, while JSON escapes them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([harmless(column) for column in columns])
    writer.writerows([_in_csv(value) for value in row] for row in rows)
    return text.getvalue()


def _in_csv(value: Cell) -> Cell:
    if isinstance(value, bool):
        return str(value).lower()
    return harmless(value) if isinstance(value, str) else value


def _row(
    trial: Trial,
    goal: Goal,
    of_arms: Sequence[str],
    judged: Mapping[str, Cell],
    metrics: Mapping[str, str],
    parameters: Mapping[str, str],
    counted: Container[str],
) -> Row:
    """Return the row of a trial, with the columns in which its metrics and its parameters are."""
    failure, measured = failure_of(trial), trial.measured
    predicted = trial.proposal.prediction(goal.objectives[0].metric)
    ended = trial.outcome if isinstance(trial.outcome, Stopped | Withdrawal) else None
    row: Row = {"trial": trial.id, "status": trial.status, "generator": trial.proposal.generator}
    row |= zip(of_arms, (trial.batch, trial.proposal.weight), strict=False)
    for name, column in metrics.items():
        row[column] = measured[name].mean if name in measured else None
        row[f"{column}_sem"] = measured[name].sem if name in measured else None
        if name in counted:
            row[f"{column}_n"] = measured[name].n if name in measured else None
    row |= judged
    row |= {
        "attempts": len(trial.attempts),
        "seconds": trial.seconds,
        "cause": failure.cause if failure else None,
        "message": failure.message if failure else ended.why if ended else None,
        "predicted_mean": predicted and _finite(predicted.mean),
        "predicted_sd": predicted and _finite(predicted.sd),
    }
    return row | {column: cell(trial, name) for name, column in parameters.items()}


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
