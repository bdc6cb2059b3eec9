"""The constraints: their limits, the results that meet them, and the belief about the recommended point."""

from overnight.campaign import Goal, History, Measurement, Trial
from overnight.campaign.experiment.own_batch import Goals
from overnight.campaign.goal import Measured
from overnight.campaign.goal.constraint import Constraint
from overnight.campaign.recommendation import Recommendation
from overnight.report.story.goal.best import holding
from overnight.report.story.section import Known, Section
from overnight.report.trial_facts import ending

# From this probability a constraint is believed to be met.
_LIKELY = 0.5


class Limit(Section):
    """A constraint as the campaign's file has it, its present limits, and the observed trials that meet it.

    `at_least` and `at_most` are absent if there is no such limit, and if it is relative to a metric that the baseline
    lacks. `baseline` is the mean of the metric at the baseline. `missing` counts the trials that did not measure it. In
    an A/B test, `baseline` is the newest status quo with a result, while `met` compares each arm with its own one.
    """

    constraint: str
    metric: str
    relative: bool
    at_least: Known
    at_most: Known
    baseline: Known
    baseline_meets: bool | None
    met: int
    missing: int


class Belief(Section):
    """The belief about the true value of a constraint's metric at the recommended point, and its measurement there.

    `low` and `high` hold the value with a probability of 90 %, and `probability` is that of meeting the constraint.
    """

    constraint: str
    metric: str
    probability: Known
    mean: Known
    sd: Known
    low: Known
    high: Known
    measurement: Measurement | None
    measured_meets: bool | None
    believed_meets: bool | None


class RecommendedFeasibility(Section):
    """The probability that the recommended point meets all constraints.

    If the `demanded` one is not `reached`, no point reaches it, and the recommended one comes closest. Without a model
    the probability is absent, and `reached` unless the point is infeasible as measured. The `tightest` constraint is
    the least likely to be met, and the `unmet` ones are not met as measured.
    """

    trial: int | None
    probability: Known
    demanded: float
    reached: bool | None
    unmet: tuple[str, ...]
    tightest: str | None
    beliefs: tuple[Belief, ...]


class Feasibility(Section):
    """The constraints, and how many of the `observed` trials are `feasible` as measured, at full fidelity if any.

    `unjudged` is the reason if nothing can be feasible yet, because a limit is relative to a baseline without a
    measurement. `least_met` is the constraint that the fewest trials meet.
    """

    limits: tuple[Limit, ...]
    observed: int
    feasible: int
    unjudged: str | None
    least_met: str | None
    recommended: RecommendedFeasibility | None


def feasibility_of(history: History, computed: Recommendation | None) -> Feasibility | None:
    """Return the constraints and how they are met; None if the campaign has none."""
    goals = history.goals
    results = [trial for trial in goals.compared(history.trials.values()) if trial.measured]
    goal = goals.newest
    if not goal.constraints:
        return None
    base = goal.baseline if history.definition.is_ab_test else history.at_baseline
    found = holding(history, computed)
    limits = [_limit(goals, constraint, results, base) for constraint in goal.constraints]
    judged = [limit for limit, each in zip(limits, goal.constraints, strict=True) if each not in goal.unjudged]
    return Feasibility(
        limits=tuple(limits),
        observed=len(results),
        feasible=sum(map(goals.feasible, results)),
        unjudged=_why_unjudged(history, goal),
        least_met=min(judged, key=lambda limit: limit.met).constraint if results and judged else None,
        recommended=None if found is None else _recommended(history, goals, found),
    )


def _limit(goals: Goals, constraint: Constraint, results: list[Trial], base: Measured) -> Limit:
    goal, metric = goals.newest, constraint.metric
    low, high = goal.limits_of(constraint)
    measured = [(trial, trial.measured[metric].mean) for trial in results if metric in trial.measured]
    unjudged = constraint in goal.unjudged
    return Limit(
        constraint=str(constraint),
        metric=metric,
        relative=constraint.relative,
        at_least=low,
        at_most=high,
        baseline=base[metric].mean if metric in base else None,
        baseline_meets=None if unjudged or metric not in base else _is_within((low, high), base[metric].mean),
        met=sum(_is_within(goals.of(trial).limits_of(constraint), value) for trial, value in measured),
        missing=len(results) - len(measured),
    )


def _why_unjudged(history: History, goal: Goal) -> str | None:
    """Return which limits are unknown, and what happened to the baseline; None if all are known."""
    if not goal.unjudged:
        return None
    point = history.definition.status_quo
    tried = next((trial for trial in history.trials.newest_first() if trial.point == point), None)
    named, metrics = (" and ".join(dict.fromkeys(texts)) for texts in _texts(goal.unjudged))
    verb = "is" if len(goal.unjudged) == 1 else "are"
    return f"{named} {verb} relative to the baseline, which {_state_of(tried, metrics)}"


def _texts(constraints: tuple[Constraint, ...]) -> tuple[list[str], list[str]]:
    return [str(constraint) for constraint in constraints], [constraint.metric for constraint in constraints]


def _state_of(tried: Trial | None, metrics: str) -> str:
    if tried is None:
        return "has not been proposed yet"
    if tried.outcome is None:
        return f"has no result yet (trial {tried.id}: {ending(tried)})"
    if tried.measured:
        return f"was measured without {metrics} (trial {tried.id})"
    return f"gave no result (trial {tried.id} {ending(tried)})"


def _recommended(history: History, goals: Goals, found: Recommendation) -> RecommendedFeasibility:
    trial = None if found.trial is None else history.trials[found.trial]
    goal, measured = (goals.pooled, {}) if trial is None else (goals.of(trial), trial.measured)
    demanded, unknown = found.feasible_at_least, found.probability_feasible is None
    return RecommendedFeasibility(
        trial=found.trial,
        probability=found.probability_feasible,
        demanded=history.definition.feasible_at_least if demanded is None else demanded,
        reached=goal.verdict(measured) if unknown and measured else found.feasible_enough,
        unmet=tuple(str(constraint) for constraint in goal.judged.unmet(measured)) if measured else (),
        tightest=found.tightest,
        beliefs=tuple(_belief(goals, goal, constraint, found, measured) for constraint in goal.constraints),
    )


def _belief(goals: Goals, goal: Goal, constraint: Constraint, found: Recommendation, measured: Measured) -> Belief:
    """Return the belief about a constraint at a point, and the measurement there, which `goal` judges."""
    limits, metric = goal.limits_of(constraint), constraint.metric
    predicted, measurement = found.predicted.get(metric), measured.get(metric)
    unjudged = constraint in goal.unjudged
    probability = found.constraints.get(str(constraint))
    if goals.status_quos is not None:
        # A believed value belongs to no batch, so only its probability takes a status quo into account.
        believed_meets = None if probability is None else probability >= _LIKELY
    else:
        believed_meets = None if predicted is None or unjudged else _is_within(limits, predicted.mean)
    return Belief(
        constraint=str(constraint),
        metric=metric,
        probability=probability,
        mean=predicted and predicted.mean,
        sd=predicted and predicted.sd,
        low=predicted and predicted.low,
        high=predicted and predicted.high,
        measurement=measurement,
        measured_meets=None if measurement is None or unjudged else _is_within(limits, measurement.mean),
        believed_meets=believed_meets,
    )


def _is_within(limits: tuple[float, float], value: float) -> bool:
    return limits[0] <= value <= limits[1]
