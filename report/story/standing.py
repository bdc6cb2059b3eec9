"""The state of a campaign: since when it holds, its reason, and the next step of a person."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from overnight.campaign import History
from overnight.campaign.approval import ApprovalPolicy
from overnight.campaign.history.events import CampaignFinished, DrainedBecause, FinishedBecause
from overnight.campaign.history.trial import OWN_LOOP
from overnight.campaign.standing.confirming import confirming
from overnight.report.story.section import Section

State = Literal["defined", "running", "interrupted", "drained", "finished"]
Waits = Literal["paused", "undecided"]
_TRIED = "all its trials have been tried"
_WAITS: dict[Waits, str] = {
    "paused": "nothing new starts while it is paused",
    "undecided": "it cannot continue until a person decides",
}


class Standing(Section):
    """The state of a campaign.

    `reason` explains why the campaign was closed or waits for people; programs read it as `because` and `waits`.
    `next_step` names the command that a person can run next, if one is needed. `notices` are facts about the
    controller's process and the campaign's file, which a ledger does not hold.
    """

    state: State
    since: datetime | None
    reason: str | None
    because: DrainedBecause | FinishedBecause | None
    waits: Waits | None
    next_step: str | None
    notices: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Return whether nothing more will be tried."""
        return self.state == "finished"

    @property
    def called(self) -> str:
        """Return the state in a word: for a running campaign that waits for people, that it does."""
        return self.state if self.waits is None else {"paused": "paused", "undecided": "waiting"}[self.waits]

    def __str__(self) -> str:
        return self.state if self.reason is None else f"{self.state}: {self.reason}"


def standing_of(history: History, now: datetime, *, alive: bool, notices: tuple[str, ...] = ()) -> Standing:
    """Return the state; without a closing event, the campaign is running if its controller is `alive`."""
    state = _state(history, alive=alive)
    waits = _waits_for(history) if state == "running" else None
    reason, because = _why_closed(history, state)
    return Standing(
        state=state,
        since=_since(history, state),
        reason=reason if waits is None else _WAITS[waits],
        because=because,
        waits=waits,
        next_step=_next_step(history, state, waits, now),
        notices=notices,
    )


def _state(history: History, *, alive: bool) -> State:
    if history.closed_by is not None:
        return "drained" if history.finished is None else "finished"
    if history.lease is None:
        return "finished" if _has_own_loop(history) and not _is_left(history) else "defined"
    return "running" if alive else "interrupted"


def _why_closed(history: History, state: State) -> tuple[str | None, DrainedBecause | FinishedBecause | None]:
    """Return why the campaign was closed, in words and for programs; a loop of the user's own records no end."""
    if history.closed_by is None:
        return (_TRIED, "trials") if state == "finished" else (None, None)
    revised = isinstance(history.closed_by, CampaignFinished) and history.finished is None
    return history.closed_by.reason + (", and it was revised since" if revised else ""), history.closed_by.because


def _since(history: History, state: State) -> datetime | None:
    if history.closed_by is not None:
        return history.closed_by.time
    if state == "defined":
        return history.defined.time if history.defined is not None else None
    if state == "finished":
        return history.last_time
    if state == "interrupted":
        return history.active_until or history.last_time
    return history.lease.time if history.lease is not None else None


def _waits_for(history: History) -> Waits | None:
    """Return the reason why nothing new starts before a person acts; None if the campaign continues by itself."""
    if history.paused is not None:
        return "paused"
    campaign, awaiting = history.definition, history.awaiting
    asked = awaiting + _unknown_ends(history)
    if not asked or asked < len(history.trials.open):
        return None
    policy = campaign.approve
    most = policy.most_waiting if isinstance(policy, ApprovalPolicy) else campaign.at_once
    full = awaiting >= most or history.budgeted + awaiting >= campaign.budget.trials
    full = full or not confirming(campaign, history).may_propose
    return "undecided" if full else None


def _unknown_ends(history: History) -> int:
    """Count the attempts whose end a person has to report."""
    attempts = (trial.open_attempt for trial in history.trials.open)
    return sum(attempt is not None and attempt.unknown is not None for attempt in attempts)


def _how_it_begins(history: History) -> str:
    """Return what tries the trials of a campaign that no controller has run."""
    return (
        "a loop of your own (`AskTell`) asks for its trials" if _has_own_loop(history) else "`overnight run` starts it"
    )


def _is_left(history: History) -> bool:
    """Return whether a trial is open, or the budget holds another one."""
    return bool(history.trials.open) or history.started < history.definition.budget.trials


def _has_own_loop(history: History) -> bool:
    """Return whether a loop of the user's own has begun trials, or nothing else can."""
    latest = history.revised or history.defined
    evaluator = None if latest is None else latest.settings.get("evaluator")
    without = isinstance(evaluator, Mapping) and evaluator.get("kind") == "own_loop"
    return without or any(each.actor == OWN_LOOP for trial in history.trials.values() for each in trial.attempts)


def _how_it_continues(history: History, state: State, now: datetime) -> str:
    """Return what continues a campaign: a person, and the schedule of one that is deployed and has a window.

    A schedule starts a campaign that was interrupted again in the same window, but not one that was drained on purpose.
    """
    decide = "decide about the trials whose end is unknown, then " if _unknown_ends(history) else ""
    if (window := history.definition.window) is None:
        return f"{decide}`overnight run` continues it"
    start = window.local_text(window.next_start(now) if state == "interrupted" else window.next_opening(now))
    if window.is_open(now):
        return f"{decide}`overnight run` continues it; if it is deployed, its schedule starts it at {start}"
    opens = window.local_text(window.next_opening(now))
    return (
        f"{decide}`overnight run` continues it once its window opens, at {opens}; if it is deployed, its schedule does"
    )


def _next_step(history: History, state: State, waits: Waits | None, now: datetime) -> str | None:
    match state:
        case "defined":
            return _how_it_begins(history)
        case "interrupted" | "drained":
            return _how_it_continues(history, state, now)
        case "finished":
            return None
    if waits == "paused":
        return "`overnight resume` lets it continue"
    return "`overnight approvals` lists the trials to decide about" if history.awaiting else None
