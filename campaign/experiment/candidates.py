"""The candidates of an A/B test: points that went, one after the other, through the stages of the ramp-up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from overnight.campaign.experiment.effects import measured_by, steps_of
from overnight.campaign.experiment.settings import RampUp
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Failure, Observation, Stopped, Trial, Withdrawal
from overnight.campaign.space import Point

RAMP_UP = "ramp_up"
# An arm that one of these rules stopped must not continue.
_AGAINST_AN_ARM = ("guardrail", "harm")
_NOT_ITS_FAULT = ("infrastructure", "cancelled")


@dataclass(frozen=True)
class Candidate:
    """A point in the ramp-up; `number` counts candidates from 1.

    Its `trials` are those of its batches so far, and `stages` the number of the stage of each, from 1: a stage that
    failed through no fault of the candidate is run again. `passed` is how many stages have results. `rolled_back` is
    the reason if the ramp-up was broken off.
    """

    number: int
    trials: tuple[Trial, ...] = ()
    stages: tuple[int, ...] = ()
    passed: int = 0
    rolled_back: str | None = None

    @property
    def point(self) -> Point:
        """Return the point that is tried."""
        return self.trials[0].point

    def after(self, trial: Trial, batch: Sequence[Trial]) -> "Candidate":
        """Return the candidate with one more batch, in which this is its trial."""
        others = [each for each in batch if each.id != trial.id]
        passed = bool(others) and all(_has_result(each) for each in batch)
        return replace(
            self,
            trials=(*self.trials, trial),
            stages=(*self.stages, self.passed + 1),
            passed=self.passed + passed,
            rolled_back=_broken_off(trial, batch),
        )


def candidates(history: History) -> list[Candidate]:
    """Return the candidates in order; a point that is tried again after its ramp-up has ended is a new one."""
    found: list[Candidate] = []
    stages = len(stages_of(history))
    for batch in history.batches().values():
        trial = next((each for each in batch if each.proposal.generator == RAMP_UP), None)
        if trial is None:
            continue
        last = found[-1] if found else None
        if last is None or last.rolled_back is not None or last.passed >= stages or last.point != trial.point:
            found.append(Candidate(len(found) + 1))
        found[-1] = found[-1].after(trial, batch)
    return found


def stages_of(history: History) -> tuple[float, ...]:
    """Return the share of the traffic that a candidate has in each stage."""
    return (history.definition.ramp_up or RampUp()).stages


def units_used(history: History, fresh: bool) -> int:
    """Return how many units all arms have had in the ramp-up, if `fresh`, or before it; unknown numbers count as 0."""
    total = 0
    for trials in history.batches().values():
        if any(trial.proposal.generator == RAMP_UP for trial in trials) == fresh:
            total += sum(_units(history, trial) for trial in trials)
    return total


def _units(history: History, trial: Trial) -> int:
    goal, reports = history.definition.goal, steps_of(history, trial)
    every = [trial.measured] if isinstance(trial.outcome, Observation) else [reports[step] for step in sorted(reports)]
    if not every:
        return 0
    found = [measured_by(goal, metric, every[-1]) for metric in goal.metrics]
    return max((each.n or 0 for each in found if each is not None), default=0)


def _has_result(trial: Trial) -> bool:
    end = trial.outcome
    return isinstance(end, Observation) or (isinstance(end, Stopped) and end.rule not in _AGAINST_AN_ARM)


def _broken_off(trial: Trial, batch: Sequence[Trial]) -> str | None:
    """Return why a candidate is rolled back after a batch, or None: by a rule, its own fault or a person."""
    end = trial.outcome
    if isinstance(end, Stopped) and end.rule in _AGAINST_AN_ARM:
        return end.why
    if isinstance(end, Failure) and (end.quarantined or end.cause not in _NOT_ITS_FAULT):
        return f"it failed: {end.message}" if end.message else "it failed"
    ends = [each.outcome for each in batch if isinstance(each.outcome, Withdrawal)]
    return next((f"{each.kind} by {each.by}" + (f": {each.why}" if each.why else "") for each in ends), None)
