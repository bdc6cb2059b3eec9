"""Trials as plain rows, for tables, JSON and CSV."""

import csv
import io
import json
import math
from collections.abc import Container, Iterable, Mapping, Sequence

from overnight.campaign import History, Measurement, Trial
from overnight.campaign.columns import trial_columns
from overnight.campaign.history.trial import Observation, Stopped, Withdrawal
from overnight.campaign.parameters import Value
from overnight.campaign.values.harmless import harmless, harmless_json
from overnight.report.trial_facts import cell, failure_of

Cell = Value | None
Row = dict[str, Cell]


def trial_rows(history: History) -> list[Row]:
    """Return a row for each trial in the order of ids, all with the same columns.

    Metrics are `<name>` and `<name>_sem`, and `<name>_n` if a result has an `n`; `predicted_mean` and `predicted_sd`
    are the expectation of the objective; `seconds` are those of all ended attempts, None if no attempt has ended.
    Columns are named as in the view `trials` of SQL: a metric or a parameter whose name is taken gets `metric_` or
    `parameter_` before it.
    """
    trials = [trial for _, trial in sorted(history.trials.items())]
    parameters = dict.fromkeys(name for trial in trials for name in trial.point)
    counted = {name for trial in trials for name, found in _measured(trial).items() if found.n is not None}
    columns, objective = trial_columns(metric_names(history), parameters, counted), history.definition.objective.metric
    return [_row(trial, objective, *columns, counted) for trial in trials]


def metric_names(history: History) -> list[str]:
    """Return the metrics that are expected or were measured, the objective first."""
    metrics = dict.fromkeys(history.definition.expected_metrics)
    for trial in history.trials.values():
        metrics |= dict.fromkeys(_measured(trial))
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
    trial: Trial, objective: str, metrics: Mapping[str, str], parameters: Mapping[str, str], counted: Container[str]
) -> Row:
    """Return the row of a trial, with the columns in which its metrics and its parameters are."""
    failure, measured = failure_of(trial), _measured(trial)
    predicted = trial.proposal.prediction(objective)
    ended = trial.outcome if isinstance(trial.outcome, Stopped | Withdrawal) else None
    row: Row = {"trial": trial.id, "status": trial.status, "generator": trial.proposal.generator}
    for name, column in metrics.items():
        row[column] = measured[name].mean if name in measured else None
        row[f"{column}_sem"] = measured[name].sem if name in measured else None
        if name in counted:
            row[f"{column}_n"] = measured[name].n if name in measured else None
    row |= {
        "attempts": len(trial.attempts),
        "seconds": trial.seconds,
        "cause": failure.cause if failure else None,
        "message": failure.message if failure else ended.why if ended else None,
        "predicted_mean": predicted and _finite(predicted.mean),
        "predicted_sd": predicted and _finite(predicted.sd),
    }
    return row | {column: cell(trial, name) for name, column in parameters.items()}


def _measured(trial: Trial) -> dict[str, Measurement]:
    return trial.outcome.metrics if isinstance(trial.outcome, Observation) else {}


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
