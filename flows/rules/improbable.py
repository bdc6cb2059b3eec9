"""The probability that a running trial will be feasible and among the best, predicted from its reports."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtr

from overnight.bo_core.data.stopped import predicted_end
from overnight.campaign import Goal, History, Trial
from overnight.campaign.goal.front import Turned, hypervolume
from overnight.campaign.standing.curves import curves_of


@dataclass(frozen=True)
class PredictedEnd:
    """The predicted end of a metric, turned so that more is better: Student's t with `freedom` degrees of freedom."""

    mean: float
    sd: float
    freedom: int

    def below(self, value: float, *, or_equal: bool = False) -> float:
        """Return the probability of less than a value, `or_equal` to it: that matters if the end is known for sure."""
        if math.isinf(value) or self.sd == 0.0:
            return float(self.mean <= value if or_equal else self.mean < value)
        return float(stdtr(self.freedom, (value - self.mean) / self.sd))


@dataclass(frozen=True)
class Prospect:
    """The expected end of a running trial: that of each metric, and how many results it was predicted from."""

    ends: dict[str, PredictedEnd]
    results: int

    def probability(self, goal: Goal, front: Sequence[Turned]) -> float:
        """Return the probability that all constraints will be met and no point of the front will dominate the result.

        Ends of metrics are independent. In units of the metrics' distributions, the probability of being dominated is
        then the hypervolume of the front, within the limits of the objectives.
        """
        of_metric = {metric: self._limits(goal, metric) for metric in goal.metrics}
        all_met = math.prod(max(high - low, 0.0) for low, high in of_metric.values())
        limits = [of_metric[each.metric] for each in goal.objectives]
        room = math.prod(max(high - low, 0.0) for low, high in limits)
        if room == 0.0:
            return 0.0
        shares = [self._shares(goal, point, limits) for point in front]
        return all_met / room * max(room - hypervolume(shares, (0.0,) * len(limits)), 0.0)

    def _shares(self, goal: Goal, point: Turned, limits: Sequence[tuple[float, float]]) -> Turned:
        """Return the probabilities of ending below a point, but above the lower limit, in each objective."""
        at = zip(goal.objectives, point, limits, strict=True)
        return tuple(min(self.ends[each.metric].below(value), high) - low for each, value, (low, high) in at)

    def _limits(self, goal: Goal, metric: str) -> tuple[float, float]:
        """Return the probabilities of ending below the lower limit of a metric and up to the upper one, turned."""
        wanted, ends = goal.wanted(metric), goal.limits(metric)
        low, high = sorted(map(wanted.turned, ends))
        return self.ends[metric].below(low), self.ends[metric].below(high, or_equal=True)


def believed(history: History) -> list[Trial]:
    """Return the trials with a result, except those that looked like glitches to the latest model."""
    made = (trial.proposal.provenance for trial in history.trials.newest_first())
    latest = next((each for each in made if each is not None and each.models.metrics), None)
    suspects = {} if latest is None else {i for model in latest.models.metrics.values() for i in model.suspects}
    return [trial for trial in history.model_view().observed if trial.id not in suspects]


def prospect(history: History, observed: Sequence[Trial], trial: Trial, step: int) -> Prospect | None:
    """Return what is expected of a running trial that has reported at a step, from trials that were observed.

    None if it has reported no metric of the goal, or if too few trials with a result have reported it. A metric that it
    does not report is expected to be like the results.
    """
    goal = history.goal
    reported = {metric: _reported(history, observed, trial, metric, step) for metric in goal.metrics}
    results = [len(found.pairs) for found in reported.values() if found.at is not None]
    ends = {metric: found.end() for metric, found in reported.items()}
    known = {metric: end for metric, end in ends.items() if end is not None}
    return Prospect(known, min(results)) if results and len(known) == len(ends) else None


@dataclass(frozen=True)
class _Reported:
    """One metric, turned: where the trial is `at`, the `pairs` (early, final) of others, and all their `finals`."""

    at: float | None
    pairs: list[tuple[float, float]]
    finals: list[float]

    def end(self) -> PredictedEnd | None:
        if self.at is None:
            return _like_results(self.finals)
        found = predicted_end(self.pairs, self.at)
        return None if found is None or found.sem is None else PredictedEnd(found.mean, found.sem, len(self.pairs) - 2)


def _reported(history: History, observed: Sequence[Trial], trial: Trial, metric: str, step: int) -> _Reported:
    wanted = history.goal.wanted(metric)
    curves = curves_of(wanted, (*observed, trial), history.reports)
    finals = {each.id: wanted.turned(each.measured[metric].mean) for each in observed if metric in each.measured}
    early = {number: curve.value_by(step) for number, curve in curves.items()}
    pairs = [(at, final) for number, final in finals.items() if (at := early.get(number)) is not None]
    return _Reported(early.get(trial.id), pairs, list(finals.values()))


def _like_results(finals: Sequence[float]) -> PredictedEnd | None:
    if len(finals) < 2:
        return None
    return PredictedEnd(fmean(finals), stdev(finals) * math.sqrt(1.0 + 1.0 / len(finals)), len(finals) - 1)
