"""The candidates of an A/B test: points that went, one after the other, through the stages of the ramp-up."""

from collections.abc import Iterable
from dataclasses import dataclass

from overnight.campaign.experiment.arms import units_of
from overnight.campaign.experiment.effects import measured_by, steps_of
from overnight.campaign.experiment.phase import Judge, Run, runs_of
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Observation, Trial

RAMP_UP = "ramp_up"


@dataclass(frozen=True)
class Candidate:
    """A point in the ramp-up; `number` counts candidates from 1.

    Its `trials` are those of the batches of its run so far, and `stages` the number of the stage of each, from 1: a
    stage that failed through no fault of the candidate is run again.
    """

    number: int
    run: Run
    trials: tuple[Trial, ...]
    stages: tuple[int, ...]


def candidates(history: History, judge: Judge) -> list[Candidate]:
    """Return the candidates in order; a point that is tried again after its ramp-up has ended is a new one.

    The `judge` decides whether a result rolls a candidate back.
    """
    batches, found = history.batches(), list[Candidate]()
    for number, run in enumerate(runs_of(history.definition, history, judge), 1):
        trials = [trial for batch in run.batches for trial in batches[batch] if trial.proposal.generator == RAMP_UP]
        stages = tuple(_stage(history, trial) for trial in trials)
        found.append(Candidate(number, run, tuple(trials), stages))
    return found


def units_used(history: History, fresh: bool) -> int:
    """Return how many units all arms have had in the ramp-up, if `fresh`, or before it.

    A result without a number of units has the planned ones, and a look without one has none.
    """
    batches = history.batches().items()
    return units_of_batches(
        history,
        (batch for batch, trials in batches if any(each.proposal.generator == RAMP_UP for each in trials) == fresh),
    )


def units_of_batches(history: History, batches: Iterable[int]) -> int:
    """Return how many units the arms of these batches have had, the status quo among them."""
    every = history.batches()
    return sum(_units(history, trial) for batch in batches for trial in every[batch])


def _stage(history: History, trial: Trial) -> int:
    """Return the number of the stage that has a trial's share of the traffic; the shares grow."""
    shares, share = history.definition.stages, trial.proposal.weight or 0.0
    return min(1 + sum(each < share * (1 - 1e-9) for each in shares), len(shares))


def _units(history: History, trial: Trial) -> int:
    goal, reports = history.definition.goal, steps_of(history, trial)
    every = [trial.measured] if isinstance(trial.outcome, Observation) else [reports[step] for step in sorted(reports)]
    if not every:
        return 0
    found = [measured_by(goal, metric, every[-1]) for metric in goal.metrics]
    known = [each.n for each in found if each is not None and each.n is not None]
    planned = units_of(history.definition, trial) if isinstance(trial.outcome, Observation) else 0
    return max(known, default=planned)
