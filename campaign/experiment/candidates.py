"""The candidates of an A/B test: points that went, one after the other, through the stages of the ramp-up."""

from dataclasses import dataclass

from overnight.campaign.experiment.effects import measured_by, steps_of
from overnight.campaign.experiment.settings import RampUp
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Failure, Observation, Stopped, Trial, Withdrawal
from overnight.campaign.space import Point

RAMP_UP = "ramp_up"


@dataclass(frozen=True)
class Candidate:
    """A point in the ramp-up with one trial for each stage that has begun; `number` counts candidates from 1."""

    number: int
    trials: tuple[Trial, ...]

    @property
    def point(self) -> Point:
        """Return the point that is tried."""
        return self.trials[0].point

    @property
    def rolled_back(self) -> str | None:
        """Return why the ramp-up of this candidate was broken off; None if it was not."""
        return _broken_off(self.trials[-1])


def candidates(history: History) -> list[Candidate]:
    """Return the candidates in order; a point that is tried again after it was rolled back is a new one."""
    found: list[list[Trial]] = []
    stages = len(stages_of(history))
    for trials in history.batches().values():
        trial = next((each for each in trials if each.proposal.generator == RAMP_UP), None)
        if trial is None:
            continue
        last = found[-1] if found else []
        goes_on = last and last[-1].point == trial.point and len(last) < stages and _broken_off(last[-1]) is None
        if goes_on:
            last.append(trial)
        else:
            found.append([trial])
    return [Candidate(number, tuple(trials)) for number, trials in enumerate(found, 1)]


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


def _broken_off(trial: Trial) -> str | None:
    match trial.outcome:
        case Stopped(why=why) | Failure(message=why) | Withdrawal(why=why):
            return why
        case _:
            return None
