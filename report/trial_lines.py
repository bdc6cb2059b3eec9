"""The trials and their failed attempts as lines of text, for people; `tables.py` has them for programs."""

from typing import Any

from campaign import History, Trial
from campaign.trial import Failure, Observation, Stopped
from report.numbers import duration, measured, value_text, with_uncertainty
from report.tables import metric_names
from report.trial_facts import failure_of


def trial_lines(history: History) -> dict[str, Any]:
    """Return the headings of a table of all trials, and its lines in the order of their ids."""
    metrics, parameters = metric_names(history), list(history.definition.parameters.tuned())
    headings = ["trial", "status", *metrics, "predicted", *parameters, "generator", "attempts", "took"]
    lines = [_line(trial, metrics, parameters) for _, trial in sorted(history.trials.items())]
    return {"headings": headings, "lines": lines}


def failed_attempts(history: History) -> list[dict[str, Any]]:
    """Return why attempts failed and what became of their trials."""
    return [
        {
            "trial": trial.id,
            "attempt": attempt.number,
            "cause": attempt.failed.cause,
            "message": attempt.failed.message,
            "then": "tried again" if attempt.failed.will_retry else _end_of(trial),
        }
        for _, trial in sorted(history.trials.items())
        for attempt in trial.attempts
        if attempt.failed is not None
    ] + [line for _, trial in sorted(history.trials.items()) for line in _unexplained(trial)]


def _unexplained(trial: Trial) -> list[dict[str, Any]]:
    """Return the end of a trial that failed although none of its attempts is known to have."""
    if not isinstance(trial.outcome, Failure) or any(a.failed is not None for a in trial.attempts):
        return []
    end = trial.outcome
    about = {"trial": trial.id, "attempt": end.attempt, "cause": end.cause, "message": end.message}
    return [about | {"then": _end_of(trial)}]


def _end_of(trial: Trial) -> str:
    failure = failure_of(trial)
    if isinstance(trial.outcome, Stopped):
        return "stopped early"
    return "quarantined" if failure is not None and failure.quarantined else "given up"


def _line(trial: Trial, metrics: list[str], parameters: list[str]) -> dict[str, Any]:
    provenance, failure = trial.proposal.provenance, failure_of(trial)
    reported = trial.outcome.metrics if isinstance(trial.outcome, Observation) else {}
    predicted = ""
    if provenance is not None and provenance.predicted_mean is not None:
        predicted = with_uncertainty(provenance.predicted_mean, provenance.predicted_sd)
    cells = [measured(reported[name]) if name in reported else "" for name in metrics]
    cells += [predicted, *(value_text(trial.point[name]) for name in parameters), trial.proposal.generator]
    cells += [str(len(trial.attempts)), "" if (seconds := trial.seconds) is None else duration(seconds)]
    status = trial.status if failure is None else f"failed: {failure.cause}"
    if isinstance(trial.outcome, Stopped):
        status = f"stopped at step {trial.outcome.step}"
    status += ", quarantined" if failure is not None and failure.quarantined else ""
    return {"trial": trial.id, "status": status, "failed": failure is not None, "cells": cells}
