"""Decide which trial a user's own loop may start now, under the same allowance as a controller's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from overnight.campaign import Campaign, History, Trial
from overnight.campaign.contexts import Given
from overnight.campaign.contexts.context import in_it
from overnight.campaign.errors import AskLater, BudgetSpent, CampaignStopped, Refused
from overnight.campaign.problems import shown
from overnight.campaign.standing.turns import open_to
from overnight.flows.rules.allowance import Allowance
from overnight.report.story.people import request_of


def own_allowance(history: History, now: datetime, *, ignore_window: bool = False) -> Allowance:
    """Return the allowance of a user's own loop: any number of trials at once, within the budgets and the window."""
    window = None if ignore_window else history.definition.window
    return Allowance(
        history=history,
        now=now,
        in_flight=frozenset(),
        running=0,
        willing=True,
        in_window=window is None or window.is_open(now),
        exhausted=False,
    )


def expect_context(asked: Any) -> None:
    """Raise Refused if the argument of `ask` is no mapping, such as the number of trials to return."""
    if asked is not None and not isinstance(asked, Mapping):
        found = f"{type(asked).__name__} {shown(asked)}"
        raise Refused(
            "ask: expected no argument, which gives the next trial, or a mapping with the context to try it in, such "
            f'as {{"workload": "oltp"}}; found {found}. Nothing was written.'
        )


def asked_context(campaign: Campaign, asked: Mapping[str, Any] | None) -> Given | None:
    """Return the values of the contexts that a loop asks for, in canonical types; raises Refused if there is none."""
    if not asked:
        return None
    variables = {} if campaign.context is None else campaign.context.root
    if unknown := [name for name in asked if name not in variables]:
        known = f"values of {', '.join(variables)}" if variables else "none, because the campaign has no `context`"
        raise Refused(f"context: expected {known}, got `{unknown[0]}`. Nothing was written.")
    try:
        given = {name: variables[name].canonical(value) for name, value in asked.items()}
    except ValueError as expected:
        raise Refused(f"context: expected {expected}, got {shown({**asked})}. Nothing was written.") from None
    open_to(campaign, given)
    return given


def next_waiting(allowed: Allowance, given: Given | None = None) -> Trial | None:
    """Return the trial to start before anything is proposed: suggested, approved, or to be tried again.

    A failed trial is returned without a controller's pause before it: a user's own loop makes its own pauses. With
    `given` values, the trial is for a context that has them.
    """
    if allowed.slots <= 0:
        return None
    return next((trial for trial in allowed.affordable if in_it(trial.point, given or {})), None)


def may_propose(allowed: Allowance) -> bool:
    """Return whether another trial may be proposed; with `approve: always`, at most `workers` await approval."""
    campaign = allowed.campaign
    enough = campaign.approve == "always" and allowed.history.awaiting >= campaign.at_once
    return allowed.unproposed > 0 and not enough


def nothing_to_ask(allowed: Allowance) -> CampaignStopped | AskLater:
    """Return why there is nothing to try: CampaignStopped if the campaign is over, AskLater if that may change."""
    campaign, history = allowed.campaign, allowed.history
    trials = campaign.budget.trials
    if history.started >= trials and not allowed.waiting:
        return BudgetSpent(
            f"All {trials} trials of campaign `{campaign.name}` have been asked for. Raise `budget.trials` to continue."
        )
    if (why := allowed.why_over) is not None:
        if why.because == "gain":
            return CampaignStopped(f"Campaign `{campaign.name}` is over: {why}. Change `stop_when` to continue.")
        return BudgetSpent(
            f"Campaign `{campaign.name}` has nothing left to ask for: {why}. Raise `budget` to continue."
        )
    if (why := _why_later(allowed)) is not None:
        return AskLater(f"Campaign `{campaign.name}`: nothing may be tried now, because {why}. Ask again later.")
    return CampaignStopped(f"Campaign `{campaign.name}` has nothing left to ask for.")


def no_candidate(allowed: Allowance) -> str:
    """Return why an A/B test ends before its budget is spent."""
    why = "an arm has passed every stage of the ramp-up" if allowed.through else allowed.why_no_candidate
    return f"Campaign `{allowed.campaign.name}` has nothing left to ask for: {why}."


def _why_later(allowed: Allowance) -> str | None:
    history, window = allowed.history, allowed.campaign.window
    if history.paused is not None:
        return f"it is {request_of(history.paused)}; `overnight resume` continues it"
    if not allowed.in_window and window is not None:
        opens = window.local_text(window.next_opening(allowed.now))
        return f"it is outside the window {window}, which opens {opens} (`AskTell(…, ignore_window=True)` ignores it)"
    if allowed.room < 1 or len(allowed.affordable) < len(allowed.waiting):
        return "the rest of its budget is kept for the evaluations under way"
    if allowed.campaign.is_ab_test and any(trial.pending for trial in history.trials.open):
        return "the next batch follows once all arms of this one have ended"
    if allowed.confirming.begun and any(trial.pending for trial in history.trials.open):
        return "its last trials confirm one after the other, each once all others have ended"
    return awaited(history)


def awaited(history: History) -> str | None:
    """Return which trials await approval and how to decide on them; None if no trial does."""
    waiting = [trial.id for trial in history.trials.open if trial.parked]
    if not waiting:
        return None
    some = ", ".join(map(str, waiting[:10])) + (", …" if len(waiting) > 10 else "")
    count = "1 trial awaits" if len(waiting) == 1 else f"{len(waiting)} trials await"
    return f"{count} approval ({some}); see `overnight approvals`, then `overnight approve` or `overnight reject`"
