"""The best result of a campaign: as measured, as recommended, and compared with the baseline."""

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from overnight.campaign import Campaign, History, Measurement, Point, Trial
from overnight.campaign.recommendation import Recommendation
from overnight.report.numbers import measured
from overnight.report.story.goal.exactness import is_exact, measured_at
from overnight.report.story.section import Known, Section
from overnight.report.trial_facts import ending

# A larger change in per cent means a baseline close to zero.
_LARGEST_CHANGE = 1000


class OfTarget(Section):
    """The metric that should be close to a target; `sd` is absent if it is a measurement without a standard error."""

    metric: str
    mean: float
    sd: Known


class BestMeasured(Section):
    """The trial with the best measured objective of the feasible ones, perhaps a lucky one.

    In an A/B test, it is the arm with the best difference to the status quo of its own batch.
    """

    trial: int
    point: Point
    measurement: Measurement
    of_target: Annotated[OfTarget | None, Field(exclude_if=lambda value: value is None)] = None


class Baseline(Section):
    """The baseline: the trial that tried it with its measurement, and the recommendation's belief about its true value.

    `sd` is absent if measurements are exact. `missing` is the reason if there is no value to compare with.
    """

    point: Point
    trial: int | None
    measurement: Measurement | None
    mean: Known
    sd: Known
    missing: str | None


class Recorded(Section):
    """When a recommendation was recorded in the ledger, and the number of events that it was made from."""

    time: datetime
    events_seen: int


class Recommended(Section):
    """The recommended point, and the belief about its true value.

    `trial` is absent if the point was not measured; `best_measured` is the trial that is believed to be the best of
    those that were. `sd` is absent if measurements are `exact`, and `change_percent` if there is no baseline or it is
    too close to zero. `without_model` is the reason if the figures are a measurement with its standard error, and not a
    model's belief. `recorded` is absent if the recommendation was computed for this story, and `of_target` without a
    target.
    """

    trial: int | None
    point: Point
    best_measured: int
    mean: float
    sd: Known
    exact: bool
    is_baseline: bool
    probability_best: Known
    probability_better_than_baseline: Known
    change_percent: Known
    without_model: str | None
    recorded: Recorded | None
    of_target: Annotated[OfTarget | None, Field(exclude_if=lambda value: value is None)] = None


class Best(Section):
    """The best result of a campaign; `provisional` while trials are outstanding that may change it.

    With several objectives, no single trial was measured best, and `recommended` has the values of the first one. Of
    the `observed` trials, those `inside` lie in the present space, and of these the `compared` ones are at full
    fidelity, if there are fidelities.
    """

    measured: BestMeasured | None
    recommended: Recommended | None
    baseline: Baseline | None
    observed: int
    inside: int
    compared: int
    provisional: bool


def best_of(history: History, computed: Recommendation | None, doubted: Collection[int] = ()) -> Best:
    """Return the best result; nothing is recommended if no recommendation is recorded that holds, and none computed.

    The results of `doubted` trials look like glitches and do not count as the best measured ones.
    """
    found = holding(history, computed)
    exact = found is not None and is_exact(history, history.definition.objective.metric)
    baseline = _baseline(history, found, exact=exact)
    goals, observed = history.goals, [trial for trial in history.trials.values() if trial.measured]
    return Best(
        measured=best_measured(history, (t for t in history.trials.values() if t.id not in doubted)),
        recommended=None if found is None else _recommended(history, found, baseline, exact=exact),
        baseline=baseline,
        observed=len(observed),
        inside=len(goals.inside(observed)),
        compared=len(goals.compared(observed)),
        provisional=any(trial.pending for trial in history.trials.open),
    )


def holding(history: History, computed: Recommendation | None) -> Recommendation | None:
    """Return the recorded recommendation if it still holds, else the computed one."""
    recorded = history.recommendation
    return computed if recorded is None else recorded.recommendation


def best_measured(history: History, trials: Iterable[Trial]) -> BestMeasured | None:
    """Return the best measurement of these trials, the earliest of equals; None if none is feasible, or for a front."""
    goals = history.goals
    goal = goals.pooled
    best = None if goal.has_front else goals.best(trials)
    if best is None:
        return None
    measurement = goal.values_of([best])[0]
    of_target = measured_towards(history.definition, best)
    return BestMeasured(trial=best.id, point=best.point, measurement=measurement, of_target=of_target)


def measured_towards(campaign: Campaign, trial: Trial) -> OfTarget | None:
    """Return the metric of the campaign's target as a trial measured it; None if there is no target or no value."""
    found = None if campaign.target is None else campaign.target.found_in(trial.measured)
    if campaign.target is None or found is None:
        return None
    return OfTarget(metric=campaign.target.metric, mean=found.mean, sd=found.sem or None)


def _towards(history: History, found: Recommendation, *, exact: bool) -> OfTarget | None:
    """Return the metric of the campaign's target at the recommended point: as measured if that is exact."""
    campaign = history.definition
    if exact and found.trial is not None and found.trial in history.trials:
        return measured_towards(campaign, history.trials[found.trial])
    predicted = None if campaign.target is None else found.predicted.get(campaign.target.metric)
    if campaign.target is None or predicted is None:
        return None
    return OfTarget(metric=campaign.target.metric, mean=predicted.mean, sd=predicted.sd)


def _recommended(history: History, found: Recommendation, baseline: Baseline | None, *, exact: bool) -> Recommended:
    mean, sd = believed_at(history, found.point, found.mean, found.sd, exact=exact)
    is_baseline = baseline is not None and found.point == baseline.point
    return Recommended(
        trial=found.trial,
        point=found.point,
        best_measured=found.best_measured,
        mean=mean,
        sd=sd,
        exact=exact and found.trial is not None,
        is_baseline=is_baseline,
        probability_best=found.probability_best,
        probability_better_than_baseline=None if is_baseline else found.probability_better_than_baseline,
        change_percent=None if baseline is None else _change_percent(baseline.mean, mean),
        without_model=found.without_model,
        recorded=_recorded(history),
        of_target=_towards(history, found, exact=exact),
    )


def _recorded(history: History) -> Recorded | None:
    made = history.recommendation
    return None if made is None else Recorded(time=made.time, events_seen=made.events_seen)


def _baseline(history: History, found: Recommendation | None, *, exact: bool) -> Baseline | None:
    campaign = history.definition
    point = campaign.status_quo
    if point is None:
        return None
    trials = [*history.trials.values()]
    asked = [trial for trial in trials if trial.proposal.generator == "baseline"]
    if any(each.baseline != campaign.baseline for each in history.superseded):
        # A revised baseline may have been tried for another reason.
        there = [trial for trial in trials if trial.point == point]
        asked = [trial for trial in asked if trial.point == point] or there
    tried = asked[0] if asked else None
    mean, sd = None, None
    if found is not None and found.baseline_mean is not None:
        mean, sd = believed_at(history, point, found.baseline_mean, found.baseline_sd, exact=exact)
    measurement = None if tried is None else campaign.goal.value_of(tried)
    compared = mean is not None or (found is None and measurement is not None)
    return Baseline(
        point=point,
        trial=tried and tried.id,
        measurement=measurement,
        mean=mean,
        sd=sd,
        missing=None if compared else _missing(tried, measurement),
    )


def believed_at(
    history: History, point: Point, mean: float, sd: float | None, *, exact: bool
) -> tuple[float, float | None]:
    """Return the model's mean and sd of a point; if measurements are exact, its measurement and None."""
    measured = measured_at(history, point, history.definition.objective.metric) if exact else None
    return (mean, sd) if measured is None else (measured, None)


def _missing(tried: Trial | None, measurement: Measurement | None) -> str:
    """Return why the baseline has no value: how its trial ended, or that it was not measured, or is not comparable."""
    if measurement is not None:
        return f"was measured ({measured(measurement)}), but the model of the present space does not know it"
    ended_badly = tried is not None and tried.outcome is not None and not tried.measured
    return str(ending(tried)) if tried is not None and ended_badly else "has not been measured"


def _change_percent(before: float | None, after: float) -> float | None:
    if not before:
        return None
    percent = 100 * (Decimal(after) - Decimal(before)) / abs(Decimal(before))
    return None if abs(percent) >= _LARGEST_CHANGE else float(percent)
