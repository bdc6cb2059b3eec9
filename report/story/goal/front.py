"""The front of several objectives: its points, the hypervolume over time, the recommended point and the baseline."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from overnight.campaign import Goal, History, Measurement, Objective, Point, Trial
from overnight.campaign.goal.front import Turned, dominates
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import OfFront, Recommendation
from overnight.campaign.values.read_only import ReadOnly
from overnight.report.story.goal.best import holding
from overnight.report.story.goal.exactness import is_exact
from overnight.report.story.section import Known, Section

# Half of the interval that holds 90 %, in standard errors.
_INTERVAL = 1.645
# With more objectives, and more points on the front, hypervolumes take seconds.
_MANY_OBJECTIVES, _MOST_POINTS = 4, 100


class Value(Section):
    """An objective at a point: `mean` ± `sd`, and the interval from `low` to `high` that holds it with 90 %.

    It is the belief about the true value, or the measurement if there is no belief or measurements are exact.
    """

    metric: str
    mean: float
    sd: Known
    low: Known
    high: Known
    measurement: Measurement | None


class FrontPoint(Section):
    """A measured point on the front with the values of all objectives, and the probability that it belongs there."""

    trial: int
    point: Point
    values: tuple[Value, ...]
    probability: Known


class Volume(Section):
    """The hypervolume of the measured front after a trial that enlarged it."""

    trial: int
    hypervolume: Known


class RecommendedOfFront(Section):
    """The recommended point of the front.

    It is `preferred` if it meets all of `prefer` with the `demanded` probability, and else comes closest to that.
    `probabilities` are those of meeting each part of it. Without `prefer` the point is balanced: it alone dominates the
    largest hypervolume.
    """

    trial: int
    values: tuple[Value, ...]
    prefer: tuple[str, ...]
    probabilities: ReadOnly[dict[str, float]]
    demanded: float
    preferred: bool | None


class ComparedBaseline(Section):
    """The baseline, and the trials on the front that are better in one objective and worse in none.

    The recommended point is better than the baseline in the objectives `better`, and worse in those of `worse`.
    """

    values: tuple[Value, ...]
    dominated_by: tuple[int, ...]
    better: tuple[str, ...]
    worse: tuple[str, ...]


class Front(Section):
    """The points that no other measured one beats, better in the first objective first.

    They are `believed` to be on the front by a recommendation, or are the front as measured. `worst` is the reference
    of hypervolumes in each metric's own unit, in part `inferred` from the front; it is empty before any feasible
    result. `course` has the hypervolume of the results up to each trial that enlarged it, and `hypervolume` the latest;
    neither is known for a large front of more than four objectives.
    """

    objectives: tuple[Objective, ...]
    believed: bool
    points: tuple[FrontPoint, ...]
    worst: ReadOnly[dict[str, float]]
    inferred: tuple[str, ...]
    hypervolume: Known
    course: tuple[Volume, ...]
    recommended: RecommendedOfFront | None
    baseline: ComparedBaseline | None


def front_of(history: History, computed: Recommendation | None) -> Front | None:
    """Return the front; None if the campaign has one objective."""
    goal, found = history.goal, holding(history, computed)
    if not goal.has_front:
        return None
    maker, observed = _Values(history), history.goals.compared(history.model_view().observed)
    measured = goal.front(observed)
    points = map(maker.measured_point, measured)
    if found is not None and found.front:
        points = map(maker.point, found.front)
    ordered = tuple(sorted(points, key=lambda point: goal.objectives[0].turned(-point.values[0].mean)))
    worst = _worst(goal, measured, observed, found)
    short = len(goal.objectives) <= _MANY_OBJECTIVES or len(measured) <= _MOST_POINTS
    course = tuple(_course(observed, goal, worst)) if worst and short else ()
    recommended = None if found is None else _recommended(history, found, maker)
    return Front(
        objectives=goal.objectives,
        believed=found is not None and bool(found.front) and found.without_model is None,
        points=ordered,
        worst=worst,
        inferred=tuple(each.metric for each in goal.objectives if each.worst is None),
        hypervolume=course[-1].hypervolume if course else None,
        course=course,
        recommended=recommended,
        baseline=_baseline(history, found, maker, ordered, recommended),
    )


class _Values:
    """Makes the values of all objectives at points of one campaign."""

    def __init__(self, history: History) -> None:
        self._metrics = [objective.metric for objective in history.goal.objectives]
        self._trials = history.trials
        self._exact = {metric for metric in self._metrics if is_exact(history, metric)}

    def point(self, of: OfFront) -> FrontPoint:
        values = self.believed(of.predicted, self._trials[of.trial])
        return FrontPoint(trial=of.trial, point=of.point, values=values, probability=of.probability)

    def measured_point(self, trial: Trial) -> FrontPoint:
        return FrontPoint(trial=trial.id, point=trial.point, values=self.measured(trial), probability=None)

    def believed(self, predicted: Mapping[str, Prediction], trial: Trial | None) -> tuple[Value, ...]:
        found = {} if trial is None else trial.measured
        return tuple(
            _measured(metric, found[metric], exact=True)
            if metric in self._exact and metric in found
            else _believed(metric, predicted[metric], found.get(metric))
            for metric in self._metrics
        )

    def measured(self, trial: Trial) -> tuple[Value, ...]:
        return tuple(_measured(metric, trial.measured[metric], exact=metric in self._exact) for metric in self._metrics)


def _believed(metric: str, predicted: Prediction, measurement: Measurement | None) -> Value:
    return Value(metric=metric, measurement=measurement, **predicted.model_dump(include={"mean", "sd", "low", "high"}))


def _measured(metric: str, found: Measurement, *, exact: bool) -> Value:
    sem = None if exact or not found.sem else found.sem
    low, high = (None, None) if sem is None else (found.mean - _INTERVAL * sem, found.mean + _INTERVAL * sem)
    return Value(metric=metric, mean=found.mean, sd=sem, low=low, high=high, measurement=found)


def _worst(
    goal: Goal, measured: list[Trial], observed: Iterable[Trial], found: Recommendation | None
) -> dict[str, float]:
    """Return the reference of a recommendation, or that of the measured front; empty without a feasible result."""
    if found is not None and found.worst:
        return dict(found.worst)
    if not measured:
        return {}
    return goal.named(goal.worst(*([goal.turned(t.measured) for t in trials] for trials in (measured, observed))))


def _course(observed: Sequence[Trial], goal: Goal, worst: Mapping[str, float]) -> Iterator[Volume]:
    """Yield the first trial with its hypervolume, and each later one that enlarged it."""
    reference = tuple(each.turned(worst[each.metric]) for each in goal.objectives)
    latest = None
    for trial, volume in zip(observed, goal.hypervolume_so_far(observed, reference), strict=True):
        if latest is None or volume > latest:
            latest = volume
            yield Volume(trial=trial.id, hypervolume=volume)


def _recommended(history: History, found: Recommendation, maker: _Values) -> RecommendedOfFront:
    number = found.best_measured
    return RecommendedOfFront(
        trial=number,
        values=maker.believed(found.predicted, history.trials[number]),
        prefer=tuple(map(str, history.definition.prefer)),
        probabilities=dict(found.preferences),
        demanded=history.definition.feasible_at_least,
        preferred=found.preferred,
    )


def _baseline(
    history: History,
    found: Recommendation | None,
    maker: _Values,
    points: Iterable[FrontPoint],
    recommended: RecommendedOfFront | None,
) -> ComparedBaseline | None:
    """Return the baseline with the belief about it, or as measured; None if it has no result."""
    goal, tried = history.goal, next((t for t in history.trials.values() if t.proposal.generator == "baseline"), None)
    if found is not None and all(each.metric in found.baseline for each in goal.objectives):
        values = maker.believed(found.baseline, tried)
    elif found is None and tried is not None and tried.measured:
        values = maker.measured(tried)
    else:
        return None
    there = _turned(goal, values)
    here = there if recommended is None else _turned(goal, recommended.values)
    pairs = [(each.metric, x, y) for each, x, y in zip(goal.objectives, here, there, strict=True)]
    return ComparedBaseline(
        values=values,
        dominated_by=tuple(point.trial for point in points if dominates(_turned(goal, point.values), there)),
        better=tuple(metric for metric, x, y in pairs if x > y),
        worse=tuple(metric for metric, x, y in pairs if x < y),
    )


def _turned(goal: Goal, values: Iterable[Value]) -> Turned:
    return tuple(each.turned(value.mean) for each, value in zip(goal.objectives, values, strict=True))
