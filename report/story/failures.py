"""The failures of a campaign by cause, the newest of each, and the warnings that follow from them."""

from collections import Counter
from collections.abc import Iterator
from typing import get_args

from overnight.campaign import History
from overnight.campaign.evaluation import Cause
from overnight.campaign.history.trial import Failure, Observation
from overnight.campaign.values.read_only import ReadOnly
from overnight.report.story.not_begun import NotBegun, not_begun
from overnight.report.story.section import Section
from overnight.report.story.standstill import Standstill, standstill

# Fewer evaluations may lack a report by chance.
_ENOUGH_TO_WONDER = 3


class FailedTrial(Section):
    """A trial that failed, and its whole message."""

    trial: int
    cause: Cause
    message: str


class RepeatedAttempts(Section):
    """The failed attempts that did not end their trials, by cause, and the newest of them; cancelled ones are left out.

    Controllers cancel attempts whenever they end.
    """

    by_cause: ReadOnly[dict[Cause, int]]
    newest: FailedTrial


class Failures(Section):
    """The trials of a campaign that failed, and the attempts that were repeated.

    `newest` has the newest failure of each cause, the newest of all first. Trials in quarantine took several workers
    with them. `unreported` counts the evaluations that ended without a report while `stop_early` waited for one.
    """

    by_cause: ReadOnly[dict[Cause, int]]
    newest: tuple[FailedTrial, ...]
    quarantined: tuple[int, ...]
    repeated: RepeatedAttempts | None
    standstill: Standstill | None
    not_begun: NotBegun | None
    unreported: int


def failures_of(history: History) -> Failures:
    """Return the failures of a campaign."""
    failed = {t.id: t.outcome for t in history.trials.newest_first() if isinstance(t.outcome, Failure)}
    counts = Counter(failure.cause for failure in failed.values())
    return Failures(
        by_cause={cause: counts[cause] for cause in get_args(Cause)},
        newest=tuple(_newest(failed)),
        quarantined=tuple(sorted(trial for trial, failure in failed.items() if failure.quarantined)),
        repeated=_repeated(history),
        standstill=standstill(history),
        not_begun=not_begun(history),
        unreported=_unreported(history),
    )


def _repeated(history: History) -> RepeatedAttempts | None:
    ended = [
        (attempt.failed, trial.id)
        for trial in history.trials.values()
        for attempt in trial.attempts
        if attempt.failed is not None and attempt.failed.will_retry and attempt.failed.cause != "cancelled"
    ]
    if not ended:
        return None
    counts = Counter(end.cause for end, _ in ended)
    newest, trial = max(ended, key=lambda each: each[0].ended)
    return RepeatedAttempts(
        by_cause={cause: counts[cause] for cause in get_args(Cause) if counts[cause]},
        newest=FailedTrial(trial=trial, cause=newest.cause, message=newest.message),
    )


def _newest(failed: dict[int, Failure]) -> Iterator[FailedTrial]:
    """Yield the newest failure of each cause from failures whose newest comes first."""
    seen = set[Cause]()
    for trial, failure in failed.items():
        if failure.cause not in seen:
            seen.add(failure.cause)
            yield FailedTrial(trial=trial, cause=failure.cause, message=failure.message)


def _unreported(history: History) -> int:
    """Count the evaluations that ended without a report; 0 if one reported, if no rule waits, or if they are few."""
    if history.definition.stop_early is None:
        return 0
    goal = history.definition.goal
    any_of = goal.metrics if goal.has_front else [goal.objectives[0].metric]
    tried = sum(1 for t in history.trials.values() if isinstance(t.outcome, Observation) and t.attempts)
    wanted = [goal.wanted(metric) for metric in any_of]
    heard = any(
        each.found_in(report.metrics) is not None
        for of_trial in history.reports.values()
        for report in of_trial
        for each in wanted
    )
    return 0 if heard or tried < _ENOUGH_TO_WONDER else tried
