"""The effect of each arm: its difference to the status quo that ran at the same time, at the same look."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from overnight.campaign.evaluation import Measurement
from overnight.campaign.experiment.difference import difference
from overnight.campaign.experiment.status_quo import compared_with
from overnight.campaign.goal import Goal, Measured
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Observation, Trial


@dataclass(frozen=True)
class Effect:
    """How one metric of an arm differs from that of the status quo of its batch.

    `step` is the look at which both were measured; None means that both are results. `value` is the arm's mean minus
    the status quo's, in the metric's unit, and `relative` is it as a share of the status quo's mean, which must be
    positive: a share of a negative mean would have the wrong sign. A number that cannot be stated is None, and
    `unknown` has the reason.
    """

    trial: int
    batch: int
    metric: str
    step: int | None = None
    arm: Measurement | None = None
    status_quo: Measurement | None = None
    value: float | None = None
    sem: float | None = None
    relative: float | None = None
    relative_sem: float | None = None
    unknown: str | None = None


def newest_effect(history: History, trial: Trial, metric: str) -> Effect:
    """Return an arm's effect by its result, or else at the last look that it shares with its status quo."""
    status_quo = compared_with(history.trials, trial)
    if status_quo is None or (_has_result(trial) and _has_result(status_quo)):
        return effect_at(history, trial, metric, None)
    shared = shared_steps(history, trial)
    return effect_at(history, trial, metric, shared[-1] if shared else None)


def effect_at(history: History, trial: Trial, metric: str, step: int | None, attempt: int | None = None) -> Effect:
    """Return an arm's effect at a look of an attempt, the latest by default; without a `step`, by its result."""
    goal, batch = history.definition.goal, trial.id if trial.batch is None else trial.batch
    found = Effect(trial.id, batch, metric, step)
    status_quo = compared_with(history.trials, trial)
    if status_quo is None:
        return replace(found, unknown="its batch has no status quo")
    arm = measured_by(goal, metric, at_step(history, trial, step, attempt))
    theirs = measured_by(goal, metric, at_step(history, status_quo, step, attempt))
    when = "no result" if step is None else f"no report at look {step}"
    if arm is None or theirs is None:
        lacking = "the arm" if arm is None else "the status quo"
        unknown = f"{lacking} has {when} of `{metric}`"
        return replace(found, arm=arm, status_quo=theirs, unknown=unknown)
    return _compared(found, arm, theirs)


def shared_steps(history: History, trial: Trial) -> list[int]:
    """Return the looks at which an arm and its status quo have both reported, in order."""
    status_quo = compared_with(history.trials, trial)
    return [] if status_quo is None else sorted(steps_of(history, trial).keys() & steps_of(history, status_quo).keys())


def steps_of(history: History, trial: Trial, attempt: int | None = None) -> Mapping[int, Measured]:
    """Return the reports of an attempt, the latest by default, by step; a retried trial starts over.

    Attempts count from 0. A trial that has fewer, because only others of its batch were retried, has its latest.
    """
    upto = trial.attempts if attempt is None else trial.attempts[: attempt + 1]
    number = upto[-1].number if upto else None
    return {report.step: report.metrics for report in history.reports.get(trial.id, ()) if report.attempt == number}


def at_step(history: History, trial: Trial, step: int | None, attempt: int | None = None) -> Measured:
    """Return the report of a trial at a look, or its result without a `step`; empty if it does not exist."""
    return trial.measured if step is None else steps_of(history, trial, attempt).get(step, {})


def measured_by(goal: Goal, metric: str, measured: Measured) -> Measurement | None:
    """Return a metric of an arm; one that the goal calculates has the units of its parts, if they agree."""
    wanted = goal.wanted(metric)
    if wanted.expression is None:
        return measured.get(metric)
    found, units = wanted.found_in(measured), {measured[name].n for name in wanted.asked if name in measured}
    return found if found is None or len(units) != 1 else found.model_copy(update={"n": units.pop()})


def _has_result(trial: Trial) -> bool:
    return isinstance(trial.outcome, Observation)


def _compared(found: Effect, arm: Measurement, status_quo: Measurement) -> Effect:
    """Return an effect with the absolute and the relative difference, the error of the latter by the delta method."""
    absolute = difference(arm, status_quo)
    found = replace(found, arm=arm, status_quo=status_quo, value=absolute.value, sem=absolute.sem)
    ratio = arm.mean / status_quo.mean if status_quo.mean > 0 else math.inf
    if math.isfinite(ratio):
        found = replace(found, relative=ratio - 1)
    if arm.sem is None or status_quo.sem is None:
        return replace(found, unknown="a standard error is missing")
    if found.relative is None:
        return replace(found, unknown=f"the status quo is {status_quo.mean:g}, so there is no relative difference")
    return replace(found, relative_sem=math.hypot(arm.sem, ratio * status_quo.sem) / status_quo.mean)
