"""Decide what the next batch of an A/B test is for: to explore, or to ramp up the best arm on fresh traffic.

A pure function of the definition and the history. Budgets of time do not count, as nothing here has a clock.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from overnight.campaign.definition import Campaign, lies_in
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Failure, Observation, Stopped, Trial, Withdrawal
from overnight.campaign.space import Point
from overnight.campaign.standing.spending import likely_left

# A stage has two arms, the candidate and the status quo, and so has the smallest batch.
ARMS_OF_A_STAGE = 2
# The rules whose verdict is that an arm must not continue.
AGAINST_AN_ARM = ("guardrail", "harm")
_NOT_ITS_FAULT = ("infrastructure", "cancelled")
# The actors whose withdrawals follow from the end of another arm of the batch; those of all others are by people.
BY_RULE = ("controller", "own-loop")
# Returns why the result of an arm shows that it breaks a guardrail or does harm; None if it does not.
Judge = Callable[[History, Trial], str | None]


@dataclass(frozen=True)
class Run:
    """The ramp-up of one candidate: the ids of its `batches`, and how many stages it has `passed` of all `stages`.

    `rolled_back` is why it was, in words; None if it was not.
    """

    candidate: Point
    batches: tuple[int, ...]
    passed: int
    stages: int
    rolled_back: str | None = None

    @property
    def is_through(self) -> bool:
        """Return whether the candidate has passed every stage."""
        return self.passed == self.stages


@dataclass(frozen=True)
class Phase:
    """The purpose of the next batch, and how many `arms` it has; the status quo is one of them.

    While a trial of a batch is open, the phase `waits`, and no batch may be proposed. A ramp-up has the number of its
    `stage`, the `share` of the traffic that the candidate gets there, and the `candidate`. At the first stage the
    candidate is not known yet: the best arm is chosen, but none of those `rolled_back`.
    """

    kind: Literal["explore", "ramp up", "over"]
    arms: int = 0
    stage: int = 0
    share: float = 0.0
    candidate: Point | None = None
    rolled_back: tuple[Point, ...] = ()
    waits: bool = False

    @property
    def may_propose(self) -> int:
        """Return how many trials the next batch has; 0 if none may be proposed now."""
        return 0 if self.waits else self.arms


def phase_of(campaign: Campaign, history: History, judge: Judge) -> Phase:
    """Return what the next batch of an A/B test is for.

    The search explores as long as the budget pays for it in addition to all stages of a ramp-up. If a candidate is
    rolled back and the budget still pays for all stages, the next one begins at the first stage. It is over when the
    budget does not pay for the next batch, or when a candidate has just passed all stages and the budget does not pay
    for another batch to explore. A larger budget lets the search go on; then another arm may become the candidate.
    """
    found = _phase(campaign, history, judge)
    return replace(found, waits=any(trial.batch is not None for trial in history.trials.open))


def _phase(campaign: Campaign, history: History, judge: Judge) -> Phase:
    stages, runs = campaign.stages, runs_of(campaign, history, judge)
    left, reserve = likely_left(history, campaign.budget), ARMS_OF_A_STAGE * len(stages)
    rolled_back = tuple(run.candidate for run in runs if run.rolled_back is not None)
    last = runs[-1] if runs else None
    if last is not None and last.rolled_back is None and not last.is_through:
        return _stage(stages, last.passed, left, last.candidate, rolled_back)
    arms = min(campaign.at_once, left - reserve)
    if arms >= ARMS_OF_A_STAGE:
        return Phase("explore", arms, rolled_back=rolled_back)
    if left < reserve or (last is not None and last.is_through and last.batches[-1] == _last_batch(history)):
        return Phase("over", rolled_back=rolled_back)
    return _stage(stages, 0, left, None, rolled_back)


def _stage(
    stages: Sequence[float], number: int, left: int, candidate: Point | None, rolled_back: tuple[Point, ...]
) -> Phase:
    if left < ARMS_OF_A_STAGE:
        return Phase("over", rolled_back=rolled_back)
    return Phase("ramp up", ARMS_OF_A_STAGE, number, stages[number], candidate, rolled_back)


def runs_of(campaign: Campaign, history: History, judge: Judge) -> tuple[Run, ...]:
    """Return the ramp-ups of a history in their order; a batch that is still open has passed nothing yet.

    A stage is passed if the candidate and its status quo have a result. The candidate is rolled back if a guardrail or
    harm stopped it, if the `judge` finds one of these in its result, if it failed by its own fault, if a person ended
    the stage, or if new bounds exclude it. Otherwise, such as after a failure of the infrastructure or of the status
    quo for the same cause, the stage is run again.
    """
    runs: list[Run] = []
    for batch, trials in history.batches().items():
        candidate = next((trial for trial in trials if trial.proposal.generator == "ramp_up"), None)
        if candidate is None:
            continue
        last = runs[-1] if runs else None
        if last is None or last.rolled_back is not None or last.is_through or last.candidate != candidate.point:
            runs.append(Run(candidate.point, (), 0, len(campaign.stages)))
        run = runs[-1]
        why = judge(history, candidate) or _why_rolled_back(candidate, trials)
        passed = run.passed + (why is None and _is_passed(candidate, trials))
        runs[-1] = replace(run, batches=(*run.batches, batch), passed=passed, rolled_back=why)
    if runs and not runs[-1].is_through and not lies_in(campaign, runs[-1].candidate):
        runs[-1] = replace(runs[-1], rolled_back="it lies outside the new bounds")
    return tuple(runs)


def stopped_points(trials: Iterable[Trial]) -> list[Point]:
    """Return the points of the arms that a guardrail or harm stopped, which are not tried again."""
    ends = ((trial.point, trial.outcome) for trial in trials)
    return [point for point, end in ends if isinstance(end, Stopped) and end.rule in AGAINST_AN_ARM]


def _last_batch(history: History) -> int | None:
    return max(history.batches(), default=None)


def _is_passed(candidate: Trial, trials: Sequence[Trial]) -> bool:
    others = [trial for trial in trials if trial.id != candidate.id]
    return bool(others) and all(_has_result(trial) for trial in (candidate, *others))


def _has_result(trial: Trial) -> bool:
    end = trial.outcome
    return isinstance(end, Observation) or (isinstance(end, Stopped) and end.rule not in AGAINST_AN_ARM)


def _why_rolled_back(candidate: Trial, trials: Sequence[Trial]) -> str | None:
    end = candidate.outcome
    if isinstance(end, Stopped) and end.rule in AGAINST_AN_ARM:
        return end.why
    if isinstance(end, Failure) and _is_its_fault(end, [trial for trial in trials if trial.id != candidate.id]):
        return f"it failed: {end.message}" if end.message else "it failed"
    ends = [trial.outcome for trial in trials]
    ended = [each for each in ends if isinstance(each, Withdrawal) and each.by not in BY_RULE]
    return next((f"{each.kind} by {each.by}" + (f": {each.why}" if each.why else "") for each in ended), None)


def _is_its_fault(end: Failure, others: Iterable[Trial]) -> bool:
    """Return whether a candidate caused its failure; what ends the status quo, too, may be a failure of the batch."""
    ends = [trial.outcome for trial in others]
    shared = any(isinstance(each, Failure) and each.cause == end.cause for each in ends)
    return not shared and (end.quarantined or end.cause not in _NOT_ITS_FAULT)
