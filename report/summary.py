"""The state of a campaign in a few numbers, cheap enough to compute every second."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from overnight.campaign import Campaign, History, Measurement, Trial
from overnight.campaign.approval import ApprovalPolicy
from overnight.campaign.evaluation import Cause
from overnight.campaign.history.events import CampaignAskedToStop, CampaignFinished, CampaignPaused
from overnight.campaign.history.trial import Observation
from overnight.campaign.standing.enough import gain_left, why_enough
from overnight.campaign.standing.spending import Spending, spending
from overnight.report.trial_facts import failure_of

# So many evaluations without a report are no accident.
_ENOUGH_TO_WONDER = 3


@dataclass(frozen=True)
class Standing:
    """Whether a controller acts for the campaign; if it stopped or waits for people, why."""

    kind: Literal["defined", "running", "interrupted", "drained", "finished"]
    reason: str | None = None

    def __str__(self) -> str:
        return self.kind if self.reason is None else f"{self.kind}: {self.reason}"


@dataclass(frozen=True)
class Best:
    """The trial with the best measured objective: perhaps a lucky one, which a recommendation is not."""

    trial: int
    measurement: Measurement


@dataclass(frozen=True)
class Summary:
    """A campaign in numbers.

    Trials are counted once each: how many there are is the sum of `observed`, `failed`, `stopped`, `abandoned`,
    `rejected`, `awaiting` approval, `running` and `waiting` to start. Of the observed, `imported` came with past
    results and are outside the budget; so are those that people ended before they were started, whence `ended` is how
    many trials of the budget have. `seconds_per_trial` and `seconds_left` are None before any trial has ended that was
    tried here, and nobody knows what is left while the campaign waits for people. Where attempts are `sent_to` a
    cluster, those that run are counted with those that no worker has taken yet.
    The trials `quarantined` took several workers with them; `stand_ins` were proposed while the proposer was away, the
    last one because of `away`. `spent` holds evaluations and what they cost. `requests`
    says what people have asked for that still holds, and why; `gain_left` what one more trial is expected to gain,
    where the campaign may end by it. `silent` counts the evaluations that ended without a report while a rule waited
    for some.
    """

    campaign: str
    standing: Standing
    requests: tuple[str, ...]
    budget: int
    workers: int
    observed: int
    imported: int
    failed: int
    stopped: int
    abandoned: int
    rejected: int
    awaiting: int
    ended: int
    running: int
    sent_to: str | None
    waiting: int
    best: Best | None
    seconds_per_trial: float | None
    seconds_left: float | None
    spent: Spending
    failures_by_cause: Mapping[Cause, int]
    quarantined: tuple[int, ...]
    stand_ins: tuple[int, ...]
    away: str | None
    repeated_attempts: int
    events: int
    active_seconds: float
    started: datetime | None
    last_event: datetime | None
    gain_left: str | None
    silent: int


def summarise(history: History, *, alive: bool = True) -> Summary:
    """Count what has happened so far.

    The events cannot tell whether the controller still lives: the caller says so with `alive`. Raises
    InvalidHistory where nothing has been defined.
    """
    campaign = history.definition
    trials = [history.trials[i] for i in sorted(history.trials)]
    counts, imported = Counter(trial.status for trial in trials), sum(t.imported for t in trials)
    standing = standing_of(history, alive=alive)
    ended = sum(t.counted and t.outcome is not None for t in trials)
    seconds_per_trial = _seconds_per_trial(trials)
    asked = {t.id: made.asked for t in trials if (made := t.proposal.provenance) is not None}
    stand_ins = {trial: by.away for trial, by in asked.items() if by.stand_in}
    return Summary(
        campaign=campaign.name,
        standing=standing,
        requests=requests_of(history),
        budget=campaign.budget.trials,
        workers=campaign.workers,
        observed=counts["observed"],
        imported=imported,
        failed=counts["failed"],
        stopped=counts["stopped"],
        abandoned=counts["abandoned"],
        rejected=counts["rejected"],
        awaiting=counts["awaiting approval"],
        ended=ended,
        running=counts["running"],
        sent_to=sent_to(history),
        waiting=counts["waiting"],
        best=best_measured(campaign, trials),
        seconds_per_trial=seconds_per_trial,
        seconds_left=_seconds_left(history, standing, seconds_per_trial, ended),
        spent=spending(trials),
        failures_by_cause=MappingProxyType(Counter(f.cause for t in trials if (f := failure_of(t)) is not None)),
        quarantined=tuple(t.id for t in trials if (f := failure_of(t)) is not None and f.quarantined),
        stand_ins=tuple(stand_ins),
        away=stand_ins[max(stand_ins)] if stand_ins else None,
        repeated_attempts=sum(1 for t in trials for a in t.attempts if a.failed is not None and a.failed.will_retry),
        events=history.events,
        active_seconds=history.active_seconds,
        started=history.defined.time if history.defined else None,
        last_event=history.last_time,
        gain_left=gain_text(history),
        silent=_silent(history),
    )


def sent_to(history: History) -> str | None:
    """Return the cluster that evaluates, as the campaign's file names it; None where evaluations run here."""
    latest = history.revised or history.defined
    place = {} if latest is None else latest.settings.get("run_on") or {}
    kind = place.get("kind")
    return None if kind is None else f"{kind} `{place.get(kind)}`"


def gain_text(history: History) -> str | None:
    """Return what one more trial is expected to gain, where the campaign asks for it, and whether that is enough."""
    wanted, left = history.definition.stop_when, gain_left(history)
    if wanted is None or left is None:
        return None
    metric = history.definition.objective.metric
    said = f"expected gain left: one more trial is expected to improve {metric} by {left.latest:.2g}"
    if wanted.advice_only and why_enough(history) is not None:
        return f"{said}; {left.in_a_row} times in a row it was less than {wanted.expected_gain_below:g}: you may stop"
    return f"{said} (`stop_when`: {wanted.in_a_row} times below {wanted.expected_gain_below:g}, by now {left.in_a_row})"


def _silent(history: History) -> int:
    """Return how many evaluations ended well without a report on their way, though a rule waits for some; 0 if any did.

    Those that are too few to say so count as none.
    """
    if history.definition.stop_early is None:
        return 0
    metric = history.definition.objective.metric
    tried = sum(1 for t in history.trials.values() if isinstance(t.outcome, Observation) and t.attempts)
    heard = any(metric in report.metrics for of_trial in history.reports.values() for report in of_trial)
    return 0 if heard or tried < _ENOUGH_TO_WONDER else tried


def standing_of(history: History, *, alive: bool) -> Standing:
    """Return how the campaign stands; without a closing event it is running or, the controller gone, interrupted."""
    if history.closed_by is not None:
        revised = isinstance(history.closed_by, CampaignFinished) and history.finished is None
        reason = history.closed_by.reason + (", and it was revised since" if revised else "")
        return Standing("drained" if history.finished is None else "finished", reason)
    if history.lease is None:
        return Standing("defined")
    return Standing("running", _waits_for_people(history)) if alive else Standing("interrupted")


def _waits_for_people(history: History) -> str | None:
    """Return why nothing new starts before a person says so; None where the campaign goes on by itself."""
    if history.paused is not None:
        return "nothing new starts while it is paused"
    asked = [t for t in history.trials.open if t.parked or (t.open_attempt is not None and t.open_attempt.unknown)]
    if not asked or len(asked) < len(history.trials.open):
        return None
    campaign, awaiting = history.definition, history.awaiting
    policy = campaign.approve
    most = policy.most_waiting if isinstance(policy, ApprovalPolicy) else campaign.workers
    full = awaiting >= most or history.budgeted + awaiting >= campaign.budget.trials
    return "nothing goes on before somebody decides" if full else None


def request_text(request: CampaignPaused | CampaignAskedToStop) -> str:
    """Return what a person has asked for, since when and why."""
    what = "paused"
    if isinstance(request, CampaignAskedToStop):
        what = "asked to stop at once" if request.at_once else "asked to drain"
    why = f": {request.why}" if request.why else ""
    return f"{what} by {request.actor} at {request.time:%Y-%m-%d %H:%M} UTC{why}"


def requests_of(history: History) -> tuple[str, ...]:
    """Return what people have asked for that still holds."""
    asked = history.asked_to_stop if history.closed_by is None else None
    paused = history.paused if history.finished is None else None
    return tuple(request_text(found) for found in (paused, asked) if found is not None)


def best_measured(campaign: Campaign, trials: Iterable[Trial]) -> Best | None:
    """Return the best measurement, the earliest of equals."""
    goal = campaign.goal
    best = goal.best(trials)
    return None if best is None else Best(best.id, goal.values_of([best])[0])


def _seconds_per_trial(trials: Iterable[Trial]) -> float | None:
    ended = [seconds for t in trials if (seconds := t.seconds) is not None]
    return math.fsum(ended) / len(ended) if ended else None


def _seconds_left(history: History, standing: Standing, seconds_per_trial: float | None, ended: int) -> float | None:
    """Return what remains at the pace so far: never less than one trial, never more than the wall-clock budget."""
    if seconds_per_trial is None or (standing.kind == "running" and standing.reason is not None):
        return None
    campaign = history.definition
    remaining = campaign.budget.trials - ended
    if standing.kind == "finished" or remaining <= 0:
        return 0.0
    left = seconds_per_trial * max(remaining / campaign.workers, 1.0)
    limit = campaign.budget.wall_clock
    return left if limit is None else min(left, max(limit.total_seconds() - history.active_seconds, 0.0))
