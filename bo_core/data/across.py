"""Results of other contexts, on the scale of one context.

The same configuration may take 3 ms in one context and 300 ms in another, so a model that shares length scales between
contexts would see nothing but their levels. Results of another context are therefore raised and multiplied before a
model learns from them: as the results of configurations that were tried in both contexts demand, since all contexts
begin with the same ones. How similar the contexts are otherwise, the model learns.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pvariance
from typing import TypeVar

from overnight.bo_core.data.encoding import PointKey, key_of
from overnight.bo_core.numerics.safe_range import finite, unit_for
from overnight.campaign import Campaign, Measurement, ModelView, Trial
from overnight.campaign.contexts.context import in_it
from overnight.campaign.history.trial import Observation
from overnight.campaign.values.read_only import ReadOnlyDict

_Metrics = TypeVar("_Metrics", bound=Mapping[str, Measurement])
# The fewest configurations tried in both contexts that are compared; otherwise all results are.
_LEAST_PAIRS = 2
# Squares of numbers up to this power of two do not overflow, even if many are added.
_SAFE_TO_SQUARE = 450


@dataclass(frozen=True)
class Scale:
    """The change of a metric from another context to this one."""

    raised: float
    factor: float

    @classmethod
    def between(cls, here: Mapping[PointKey, float], there: Mapping[PointKey, float]) -> "Scale":
        """Return the scale that gives results `there` the mean and the spread of those `here`, by configuration.

        The mean is that of configurations tried in both. The spread is theirs and that of all results, which counts
        like one more pair: of two configurations that are alike in one context, the ratio says little.
        """
        both = [configuration for configuration in here if configuration in there]
        if len(both) >= _LEAST_PAIRS:
            ours, theirs = [here[each] for each in both], [there[each] for each in both]
        else:
            ours, theirs = [*here.values()], [*there.values()]
        units = [unit_for(every.values(), _SAFE_TO_SQUARE) for every in (here, there)]
        squares = [
            len(some) * pvariance([x / unit for x in some]) + pvariance([x / unit for x in every.values()])
            for some, every, unit in ((ours, here, units[0]), (theirs, there, units[1]))
        ]
        factor = math.sqrt(squares[0] / squares[1]) * (units[0] / units[1]) if min(squares) > 0.0 else 1.0
        if not math.isfinite(factor) or factor <= 0.0:
            factor = 1.0
        return cls(finite(_mean(ours) - finite(factor * _mean(theirs))), factor)

    def moved(self, measured: Measurement) -> Measurement:
        """Return a measurement as it would be here."""
        sem = None if measured.sem is None else finite(self.factor * measured.sem)
        return measured.model_copy(
            update={"mean": finite(self.raised + finite(self.factor * measured.mean)), "sem": sem}
        )


def on_scale(campaign: Campaign, view: ModelView) -> ModelView:
    """Return a view within a context, with the results of trials for other contexts on the scale of its own.

    Metrics of which there is no result here, or that only failed trials have, are left out there.
    """
    groups, moved = dict[tuple[object, ...], list[Trial]](), dict[int, Trial]()
    for trial in (*view.observed, *view.failed):
        # Trials for this context may lie outside since a revision; their results are on its scale.
        if trial.id in view.outside and not in_it(trial.point, campaign.given):
            groups.setdefault(tuple(trial.point.get(name) for name in campaign.given), []).append(trial)
    here = [trial for trial in view.observed if in_it(trial.point, campaign.given)]
    for trials in groups.values():
        scales = _scales(campaign, here, trials)
        moved |= {trial.id: _moved(trial, scales) for trial in trials}
    observed, failed = (tuple(moved.get(trial.id, trial) for trial in part) for part in (view.observed, view.failed))
    return replace(view, observed=observed, failed=failed)


def _scales(campaign: Campaign, own: Sequence[Trial], others: Sequence[Trial]) -> dict[str, Scale]:
    found = dict[str, Scale]()
    for metric in campaign.goal.metrics:
        here, there = (_by_configuration(campaign, metric, trials) for trials in (own, others))
        if here and there:
            found[metric] = Scale.between(here, there)
    return found


def _by_configuration(campaign: Campaign, metric: str, trials: Sequence[Trial]) -> dict[PointKey, float]:
    """Return the mean result of each configuration, whatever its context."""
    found = dict[PointKey, list[float]]()
    for trial in trials:
        if metric in trial.measured:
            configuration = {name: value for name, value in trial.point.items() if name not in campaign.given}
            found.setdefault(key_of(configuration), []).append(trial.measured[metric].mean)
    return {configuration: _mean(values) for configuration, values in found.items()}


def _mean(values: Iterable[float]) -> float:
    unit = unit_for(values := [*values])
    return fmean([value / unit for value in values]) * unit


def _moved(trial: Trial, scales: Mapping[str, Scale]) -> Trial:
    """Return a trial with its metrics on another scale; those of a failed trial are among its last attempt's."""
    if isinstance(trial.outcome, Observation):
        outcome = trial.outcome.model_copy(update={"metrics": _changed(trial.outcome.metrics, scales)})
        return trial.model_copy(update={"outcome": outcome})
    if not trial.attempts or (end := trial.attempts[-1].failed) is None or not end.metrics:
        return trial
    last = trial.attempts[-1].model_copy(
        update={"failed": end.model_copy(update={"metrics": _changed(end.metrics, scales)})}
    )
    return trial.model_copy(update={"attempts": (*trial.attempts[:-1], last)})


def _changed(metrics: Mapping[str, Measurement], scales: Mapping[str, Scale]) -> ReadOnlyDict:
    return ReadOnlyDict({name: scales[name].moved(value) for name, value in metrics.items() if name in scales})
