"""Trials, and the reasons for missing results, as lines of text; `tables.py` has them for programs."""

from collections.abc import Container, Iterable
from typing import Any

from overnight.campaign import History, Trial
from overnight.campaign.evaluation import cause_text
from overnight.campaign.experiment.own_batch import Goals
from overnight.campaign.history.trial import Failure
from overnight.report.numbers import duration, measured, with_uncertainty
from overnight.report.tables import metric_names
from overnight.report.trial_facts import (
    cell_text,
    ending,
    failure_of,
    feasible_cell,
    generator_of,
    notes_of,
    reason_of,
    was_ended_with_its_trial,
)

# The most trials that are named with one note.
_MOST_NUMBERS = 10


def trial_lines(history: History, trials: Iterable[Trial] | None = None) -> dict[str, Any]:
    """Return the headings of a table of these trials, by default of all by their numbers, and its lines."""
    trials = (trial for _, trial in sorted(history.trials.items())) if trials is None else trials
    metrics, parameters = metric_names(history), list(history.definition.shown_parameters)
    goals = history.goals
    goal = goals.pooled
    judged = (["feasible"] if goal.constraints else []) + (["front"] if goal.has_front else [])
    expected = [each.metric for each in goal.objectives if _is_predicted(history, each.metric)]
    predicted = [f"{metric} predicted" if goal.has_front else "predicted" for metric in expected]
    headings = ["trial", "status", *judged, *metrics, *predicted, *parameters, "generator", "attempts", "took"]
    front = {trial.id for trial in goals.front(history.trials.values())} if goal.has_front else set[int]()
    lines = [_line(trial, goals, front, metrics, expected, parameters) for trial in trials]
    return {"headings": headings, "lines": lines}


def failed_attempts(history: History) -> list[dict[str, Any]]:
    """Return the attempts that failed by themselves, and the fate of their trials."""
    return [
        {
            "trial": trial.id,
            "attempt": attempt.number,
            "cause": cause_text(attempt.failed.cause),
            "message": attempt.failed.message,
            "then": "tried again" if attempt.failed.will_retry else _end_of(trial),
        }
        for _, trial in sorted(history.trials.items())
        for attempt in trial.attempts
        if attempt.failed is not None and not was_ended_with_its_trial(trial, attempt)
    ] + [line for _, trial in sorted(history.trials.items()) for line in _unexplained(trial)]


def without_result(history: History) -> list[dict[str, Any]]:
    """Return the trials that a rule or a person has ended, or that wait for a person, and why."""
    return [
        {"trial": trial.id, "status": ending(trial).short, "why": why}
        for _, trial in sorted(history.trials.items())
        if (why := reason_of(trial)) is not None
    ]


def noted(history: History) -> list[str]:
    """Return a line for each note about results, such as side information that was ignored, with its trials."""
    trials: dict[str, list[int]] = {}
    for number, trial in sorted(history.trials.items()):
        for note in notes_of(trial):
            trials.setdefault(note, []).append(number)
    return [f"{_numbered(numbers)}: {note}" for note, numbers in trials.items()]


def _numbered(trials: list[int]) -> str:
    first, more = ", ".join(map(str, trials[:_MOST_NUMBERS])), len(trials) - _MOST_NUMBERS
    return f"trial{'' if len(trials) == 1 else 's'} {first}{f' and {more} more' if more > 0 else ''}"


def _unexplained(trial: Trial) -> list[dict[str, Any]]:
    """Return the end of a trial that failed although none of its attempts is known to have."""
    if not isinstance(trial.outcome, Failure) or any(a.failed is not None for a in trial.attempts):
        return []
    end = trial.outcome
    about = {"trial": trial.id, "attempt": end.attempt, "cause": cause_text(end.cause), "message": end.message}
    return [about | {"then": _end_of(trial)}]


def _end_of(trial: Trial) -> str:
    failure = failure_of(trial)
    return "quarantined" if failure is not None and failure.quarantined else "given up"


def _is_predicted(history: History, metric: str) -> bool:
    return any(trial.proposal.prediction(metric) is not None for trial in history.trials.values())


def _line(
    trial: Trial, goals: Goals, front: Container[int], metrics: list[str], expected: list[str], parameters: list[str]
) -> dict[str, Any]:
    goal, failed, reported = goals.pooled, isinstance(trial.outcome, Failure), trial.measured
    predictions = [trial.proposal.prediction(metric) for metric in expected]
    predicted = ["" if each is None else with_uncertainty(each.mean, each.sd) for each in predictions]
    cells = [feasible_cell(goals.of(trial), trial)] if goal.constraints else []
    cells += ["yes" if trial.id in front else ""] if goal.has_front else []
    cells += [measured(reported[name]) if name in reported else "" for name in metrics]
    cells += [*predicted, *(cell_text(trial, name) for name in parameters), generator_of(trial)]
    cells += [str(len(trial.attempts)), "" if (seconds := trial.seconds) is None else duration(seconds)]
    return {"trial": trial.id, "status": ending(trial).short, "failed": failed, "cells": cells}
