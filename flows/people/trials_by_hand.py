"""Requests about single trials: suggest a point, report a result, abandon a trial."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from overnight.campaign import EvaluationSucceeded, History
from overnight.campaign.errors import InvalidPoint, InvalidResult, NotUnderWay, Refused
from overnight.campaign.experiment.arms import count_notes
from overnight.campaign.history.events import TrialAbandoned, TrialObserved, TrialProposed
from overnight.campaign.result import feasibility_notes
from overnight.flows.people.approval import refuse_unless_it_fits
from overnight.flows.people.read_outcome import read_outcome
from overnight.flows.people.under_way import is_evaluated, unended, why_evaluated

# Attempts count from 1; 0 means that nothing was executed here.
_NO_ATTEMPT = 0


def suggest(history: History, who: str, why: str, now: datetime, point: Mapping[str, Any]) -> list[TrialProposed]:
    """Return the event that adds a point to be tried before the model's points; the budget counts it.

    Raises Refused if the point is not in the space, or if no more trials may be added.
    """
    campaign = history.definition
    if campaign.is_ab_test:
        raise Refused(
            f"Campaign `{campaign.name}` is an A/B test, whose arms are proposed a batch at a time, so no single point "
            "can be added to it. Nothing was written. Name points under `start_with` before it begins."
        )
    _refuse_if_spent(history)
    try:
        canonical = campaign.space.point(point)
    except InvalidPoint as problem:
        raise Refused(
            f"point: expected a point of campaign `{campaign.name}`. {problem}. Nothing was written."
        ) from None
    return [TrialProposed(time=now, actor=who, trial=history.next_trial, point=canonical, generator="manual", why=why)]


def report_result(
    history: History, who: str, why: str, now: datetime, number: int, metrics: Mapping[str, Any]
) -> list[TrialObserved]:
    """Return the event that ends a trial with a result that was measured elsewhere.

    Raises Refused if the trial has ended, if a controller is evaluating it, if it awaits approval and the budget has no
    room for it, or if the metrics are not the expected ones.
    """
    trial = unended(history, number, "report-result")
    attempt = trial.open_attempt
    if attempt is not None and is_evaluated(attempt):
        raise NotUnderWay(f"trial {number}: {why_evaluated(attempt)}. Nothing was written.")
    if trial.parked:
        refuse_unless_it_fits(history, number)
    return [_observed(history, who, why, now, number, attempt.number if attempt else _NO_ATTEMPT, metrics)]


def suggest_measured(
    history: History, who: str, why: str, now: datetime, point: Mapping[str, Any], metrics: Mapping[str, Any]
) -> Sequence[TrialProposed | TrialObserved]:
    """Return the events of a point that was measured elsewhere; in one append, no controller tries it in between."""
    [proposed] = suggest(history, who, why, now, point)
    return [proposed, _observed(history, who, why, now, proposed.trial, _NO_ATTEMPT, metrics)]


def abandon(history: History, who: str, why: str, now: datetime, number: int) -> list[TrialAbandoned]:
    """Return the event that ends a trial without a result; raises Refused if it has already ended."""
    return [TrialAbandoned(time=now, actor=who, trial=unended(history, number, "abandon").id, why=why)]


def _observed(
    history: History, who: str, why: str, now: datetime, trial: int, attempt: int, metrics: Mapping[str, Any]
) -> TrialObserved:
    campaign = history.definition
    try:
        outcome = read_outcome(campaign, metrics)
    except InvalidResult as problem:
        raise InvalidResult(f"metrics: {problem} Nothing was written.") from None
    assert isinstance(outcome, EvaluationSucceeded)
    metadata = {"reported_by": who, "why": why}
    return TrialObserved(
        time=now,
        actor=who,
        trial=trial,
        attempt=attempt,
        metrics=outcome.metrics,
        metadata=metadata,
        notes=(
            *feasibility_notes(campaign, outcome.metrics),
            *count_notes(campaign, history.trials.get(trial), outcome.metrics),
            *outcome.notes,
        ),
    )


def _refuse_if_spent(history: History) -> None:
    campaign, awaiting = history.definition, history.awaiting
    over = None if history.finished is None else history.finished.reason
    if history.taken >= campaign.budget.trials:
        over = f"all {campaign.budget.trials} trials of its budget are taken"
        over += f", {awaiting} of them by trials that await approval" if awaiting else ""
    if over is not None:
        raise Refused(
            f"Campaign `{campaign.name}` has no budget for another trial: {over}. Nothing was written. Raise `budget` "
            "in its file and run `overnight revise`."
        )
