"""Compare the arms of an A/B test with the status quo of their own batch, because batches drift."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from overnight.campaign.goal import Goal, Objective
from overnight.campaign.history.trial import Trial


def status_quos(trials: Iterable[Trial]) -> dict[int, Trial]:
    """Return the status quo of each batch that has a result, by the number of the batch."""
    found = (trial for trial in trials if trial.proposal.generator == "baseline" and trial.measured)
    return {trial.batch: trial for trial in found if trial.batch is not None}


def beside_own(goal: Goal, trial: Trial, beside: Mapping[int, Trial]) -> Goal:
    """Return the goal with the status quo of a trial's own batch, to which constraints may be relative.

    Without a status quo that has a result, nothing is known to meet such constraints.
    """
    status_quo = None if trial.batch is None else beside.get(trial.batch)
    return goal.beside({} if status_quo is None else status_quo.measured)


@dataclass(frozen=True)
class Goals:
    """The goal by which each trial is judged.

    That is `pooled`, whose limits are relative to all measurements of the baseline. In an A/B test, limits are relative
    to the status quo of the trial's own batch. `status_quos` are those with a result, by batch; None otherwise.
    """

    pooled: Goal
    status_quos: Mapping[int, Trial] | None = None

    def of(self, trial: Trial) -> Goal:
        """Return the goal by which a trial is judged."""
        return self.pooled if self.status_quos is None else beside_own(self.pooled, trial, self.status_quos)

    @property
    def common(self) -> Goal:
        """Return the goal with the limits that all trials share: in an A/B test, those relative to nothing."""
        return self.pooled if self.status_quos is None else self.pooled.beside({}).judged

    @property
    def newest(self) -> Goal:
        """Return the goal as it is now: in an A/B test, relative to the newest status quo that has a result."""
        if self.status_quos is None:
            return self.pooled
        batch = max(self.status_quos, default=None)
        return self.pooled.beside({} if batch is None else self.status_quos[batch].measured)

    def feasible(self, trial: Trial) -> bool:
        """Return whether a trial has every metric of the goal and meets every constraint."""
        return self.of(trial).feasible(trial.measured)

    def best(self, trials: Iterable[Trial]) -> Trial | None:
        """Return the best feasible trial, the first of `best_first`; None if there is none."""
        return self.pooled.best(trials) if self.status_quos is None else next(iter(self.best_first(trials)), None)

    def best_first(self, trials: Iterable[Trial]) -> list[Trial]:
        """Return the feasible trials, best first objective first; of equal trials the earlier one comes first.

        In an A/B test these are arms, and the best one has the best difference to its own status quo.
        """
        if self.status_quos is None:
            return self.pooled.best_first(trials)
        objective, found = self.pooled.objectives[0], list[tuple[float, Trial]]()
        for trial in trials:
            gap = None if trial.id == trial.batch else difference(objective, trial, self.status_quos)
            if gap is not None and self.feasible(trial):
                found.append((gap.value, trial))
        return [trial for _, trial in sorted(found, key=lambda one: -one[0])]


@dataclass(frozen=True)
class Difference:
    """By how much an arm is better than the status quo of its own batch, and the variance of that; None if unknown."""

    value: float
    variance: float | None


def difference(objective: Objective, trial: Trial, beside: Mapping[int, Trial]) -> Difference | None:
    """Return by how much a trial is better than its own status quo; None if one of the two has no result."""
    status_quo = None if trial.batch is None else beside.get(trial.batch)
    here = objective.found_in(trial.measured)
    there = None if status_quo is None else objective.found_in(status_quo.measured)
    if here is None or there is None:
        return None
    variance = None if here.sem is None or there.sem is None else here.sem * here.sem + there.sem * there.sem
    return Difference(objective.turned(here.mean) - objective.turned(there.mean), variance)


def pooled_difference(found: Iterable[Difference]) -> float | None:
    """Return the mean of differences, weighted by their inverse variances if all are known, finite and above 0."""
    each = [*found]
    if not each:
        return None
    known = [one.variance for one in each if one.variance and math.isfinite(one.variance)]
    weights = [1.0 / variance for variance in known] if len(known) == len(each) else [1.0] * len(each)
    return sum(weight * one.value for weight, one in zip(weights, each, strict=True)) / sum(weights)
