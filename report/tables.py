"""Trials as plain rows, for tables, JSON and CSV."""

import csv
import io
import json
from typing import Any

from campaign import History, Trial
from campaign.trial import Failure, Observation

Row = dict[str, Any]


def trial_rows(history: History) -> list[Row]:
    """Return a row for each trial in the order of ids, all with the same columns.

    Metrics are `<name>` and `<name>_sem`; `predicted_mean` and `predicted_sd` are what the model expected.
    Parameters keep their names unless another column has it; then `parameter_<name>`.
    """
    campaign = history.definition
    metrics = dict.fromkeys(campaign.expected_metrics)
    for trial in history.model_view().observed:
        assert isinstance(trial.outcome, Observation)
        metrics |= dict.fromkeys(trial.outcome.metrics)
    return [_row(trial, list(metrics)) for _, trial in sorted(history.trials.items())]


def to_json(rows: list[Row]) -> str:
    """Return the rows as a JSON array."""
    return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(rows: list[Row]) -> str:
    """Return the rows as CSV with a header; what is not known is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["trial"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def status_of(trial: Trial) -> str:
    """Return observed, failed, running or waiting."""
    if trial.outcome is not None:
        return trial.outcome.kind
    return "waiting" if trial.open_attempt is None else "running"


def _row(trial: Trial, metrics: list[str]) -> Row:
    outcome, provenance = trial.outcome, trial.proposal.provenance
    measured = outcome.metrics if isinstance(outcome, Observation) else {}
    row: Row = {"trial": trial.id, "status": status_of(trial), "generator": trial.proposal.generator}
    for name in metrics:
        row[name] = measured[name].mean if name in measured else None
        row[f"{name}_sem"] = measured[name].sem if name in measured else None
    row |= {
        "attempts": len(trial.attempts),
        "seconds": outcome.seconds if isinstance(outcome, Observation) else None,
        "cause": outcome.cause if isinstance(outcome, Failure) else None,
        "message": outcome.message if isinstance(outcome, Failure) else None,
        "predicted_mean": provenance.predicted_mean if provenance else None,
        "predicted_sd": provenance.predicted_sd if provenance else None,
    }
    return row | {f"parameter_{name}" if name in row else name: value for name, value in trial.point.items()}
