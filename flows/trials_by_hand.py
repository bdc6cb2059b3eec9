"""What people do to single trials: suggest a point, report a result that was measured elsewhere, abandon one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from campaign import EvaluationFailed, EvaluationSucceeded, History, Trial
from campaign.errors import InvalidPoint, Refused
from campaign.events import TrialAbandoned, TrialObserved, TrialProposed
from campaign.trial import Withdrawal
from flows.approval import refuse_unless_it_fits
from flows.lease import CONTROLLER
from flows.read_outcome import read_outcome

# Attempts count from 1: nothing was executed here.
_NO_ATTEMPT = 0


def suggest(history: History, who: str, why: str, now: datetime, point: Mapping[str, Any]) -> list[TrialProposed]:
    """Return the event that a point will be tried before the model's own; the budget counts it.

    Raises Refused where it is not of the space, or where nothing more may be tried.
    """
    campaign = history.definition
    _refuse_if_spent(history)
    try:
        canonical = campaign.parameters.point(point)
    except InvalidPoint as problem:
        raise Refused(
            f"--point: expected a point of campaign `{campaign.name}`. {problem}. Nothing was written."
        ) from None
    return [TrialProposed(time=now, actor=who, trial=history.next_trial, point=canonical, generator="manual", why=why)]


def report_result(
    history: History, who: str, why: str, now: datetime, number: int, metrics: Mapping[str, Any]
) -> list[TrialObserved]:
    """Return the event that a trial ended well, as somebody measured it outside.

    Raises Refused where an evaluator runs it, where it has ended, where it awaits approval and the budget has no room
    for it, and where the metrics are not the expected ones.
    """
    trial = _trial(history, number)
    attempt = trial.open_attempt
    if attempt is not None and attempt.actor == CONTROLLER:
        raise Refused(
            f"trial {number}: expected one that no evaluator runs, found attempt {attempt.number} under way since "
            f"{attempt.started:%Y-%m-%d %H:%M} UTC. Nothing was written. Let it end; or abandon it, and report your "
            "result with its point: overnight suggest --point … --metrics …"
        )
    if trial.parked:
        refuse_unless_it_fits(history, number)
    return [_observed(history, who, why, now, number, attempt.number if attempt else _NO_ATTEMPT, metrics)]


def suggest_measured(
    history: History, who: str, why: str, now: datetime, point: Mapping[str, Any], metrics: Mapping[str, Any]
) -> Sequence[TrialProposed | TrialObserved]:
    """Return the events of a point that was measured outside, so that nobody here tries it meanwhile."""
    [proposed] = suggest(history, who, why, now, point)
    return [proposed, _observed(history, who, why, now, proposed.trial, _NO_ATTEMPT, metrics)]


def abandon(history: History, who: str, why: str, now: datetime, number: int) -> list[TrialAbandoned]:
    """Return the event that ends a trial without a result; raises Refused where it has ended."""
    return [TrialAbandoned(time=now, actor=who, trial=_trial(history, number).id, why=why)]


def _observed(
    history: History, who: str, why: str, now: datetime, trial: int, attempt: int, metrics: Mapping[str, Any]
) -> TrialObserved:
    outcome = read_outcome(history.definition, metrics)
    if isinstance(outcome, EvaluationFailed):
        raise Refused(f"--metrics: {outcome.message}. Nothing was written.")
    assert isinstance(outcome, EvaluationSucceeded)
    metadata = {"reported_by": who, "why": why}
    return TrialObserved(time=now, actor=who, trial=trial, attempt=attempt, metrics=outcome.metrics, metadata=metadata)


def _trial(history: History, number: int) -> Trial:
    """Return a trial that has not ended; raises Refused where there is none of this number."""
    trial = history.trials.get(number)
    if trial is None:
        raise Refused(
            f"trial {number}: expected one of the {len(history.trials)} trials of campaign "
            f"`{history.definition.name}`, found none of this number. Nothing was written: see `overnight trials`."
        )
    if trial.outcome is not None:
        ended = trial.outcome
        by = f" by {ended.by}" if isinstance(ended, Withdrawal) else ""
        raise Refused(
            f"trial {number}: expected one that has not ended, found it {ended.kind}{by} at "
            f"{ended.ended:%Y-%m-%d %H:%M} UTC. Nothing was written: how a trial ended stands."
        )
    return trial


def _refuse_if_spent(history: History) -> None:
    campaign, awaiting = history.definition, history.awaiting
    over = None if history.finished is None else history.finished.reason
    if history.taken >= campaign.budget.trials:
        over = f"all {campaign.budget.trials} trials of its budget are taken"
        over += f", {awaiting} of them by what awaits approval" if awaiting else ""
    if over is not None:
        raise Refused(
            f"Campaign `{campaign.name}`: expected budget for another trial, found that {over}. Nothing was written. "
            "Raise `budget` in its file and say `overnight revise`."
        )
