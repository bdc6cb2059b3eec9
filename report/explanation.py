"""Explain a trial by the knowledge behind its proposal, the expectations, and its end."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from overnight.campaign import History, Measurement, Trial
from overnight.campaign.contexts.context import in_it
from overnight.campaign.definition import lies_in
from overnight.campaign.experiment.candidates import RAMP_UP
from overnight.campaign.experiment.effects import newest_effect
from overnight.campaign.experiment.status_quo import is_status_quo
from overnight.campaign.history.provenance import Prediction, Provenance
from overnight.campaign.history.trial import Observation
from overnight.campaign.standing.spending import has_reported_costs
from overnight.campaign.values.harmless import first_line
from overnight.report.numbers import duration, interval, measured, number, probability, with_uncertainty
from overnight.report.phrases.arms import purpose
from overnight.report.phrases.experiment import effect_text
from overnight.report.phrases.fidelities import lower_fidelities_text, resumed_sentence, why_this_fidelity
from overnight.report.phrases.front import counted_from
from overnight.report.phrases.general import changes_text, counted, sentence, suspect_text, trials_text
from overnight.report.story.goal.suspects import suspects_of
from overnight.report.story.versions import version_of, versions_of
from overnight.report.trial_facts import ending, notes_of, point_text, unmet_text
from overnight.report.what_mattered import what_mattered

# From here on a probability is 1 in the two digits that are shown.
_CERTAIN = 0.995
# Half of the interval that holds 90 %, in standard deviations.
_INTERVAL = 1.645
_GENERATORS = {
    "baseline": "It is the baseline, which is tried before anything else.",
    "manual": "A person gave it, by `start_with` or by hand; nothing was computed.",
    "import": "It was imported with past results; nothing was computed, and nothing was executed here.",
    "sobol": "It is a point of the Sobol sequence, spread evenly while the model knows too little.",
}


def explanation(
    then: History, trial: Trial, features: Mapping[str, slice], batch: Sequence[Trial] = ()
) -> Iterator[str]:
    """Yield the lines; `then` is the history that the proposal saw, `features` the columns of each parameter.

    In an A/B test, `batch` has all arms that run at the same time.
    """
    yield f"Trial {trial.id}: {point_text(trial, then.definition.shown_parameters, equals=' = ')}"
    provenance = trial.proposal.provenance
    if batch:
        yield from purpose(then, trial, batch)
    if batch and (is_status_quo(trial) or trial.proposal.generator == RAMP_UP):
        yield from () if provenance is None else _expected(then, provenance)
    elif trial.proposal.generator in _GENERATORS:
        yield _GENERATORS[trial.proposal.generator]
    elif provenance is not None:
        yield from _why(then, trial, provenance, features)
    if fidelity := why_this_fidelity(then, trial, provenance):
        yield fidelity
    if provenance is not None and provenance.asked.stand_in is not None:
        yield f"It replaces a point of the campaign's own proposer, which was unavailable: {provenance.asked.away}"
    yield from _became(then, trial)


def version_sentence(history: History, trial: Trial) -> str | None:
    """Return the version of the evaluator that measured a trial; None unless several versions have measured trials."""
    measured_by, versions = version_of(trial), versions_of(history)
    for version in versions if len(versions) > 1 else ():
        if version.digest == measured_by:
            return f"It was measured by version {version.digest} of the evaluator{changes_text(version)}."
    return None


def suspect_sentence(history: History, trial: Trial) -> str | None:
    """Return why the result of a trial does not count; None if it does."""
    metric = history.definition.objective.metric
    return next(
        (sentence(suspect_text(each, metric)) for each in suspects_of(history, None) if each.trial == trial.id), None
    )


def feasible_sentence(history: History, trial: Trial) -> str | None:
    """Return whether a result is feasible beside the present limits; None without constraints or a result."""
    goal = history.goals.of(trial)
    if not goal.constraints or not trial.measured:
        return None
    if unmet := unmet_text(goal, trial):
        return f"It is infeasible as measured: {unmet}."
    if goal.unjudged:
        return f"Whether it is feasible is unknown, because {_base(history)} has no {goal.unjudged[0].metric} yet."
    return "It is feasible as measured."


def _base(history: History) -> str:
    return "the status quo of its batch" if history.definition.is_ab_test else "the baseline"


def outside_sentence(history: History, trial: Trial) -> str | None:
    """Return that a trial lies outside of the present space, and since which revision; None if it lies inside."""
    definitions = (*history.superseded, history.definition)
    if lies_in(history.definition, trial.point):
        return None
    points = (trial.point, trial.proposal.point)
    inside = [i for i, each in enumerate(definitions) if any(lies_in(each, point) for point in points)]
    since = f" since revision {inside[-1] + 1}" if inside else ""
    return f"It lies outside of the space{since}: its point is neither recommended nor tried again."


def front_sentence(history: History, trial: Trial) -> str | None:
    """Return whether a result is on the front as measured, or which trials beat it; None without several objectives."""
    goal, goals = history.goal, history.goals
    if not goal.has_front or not goal.feasible(trial.measured) or not goals.inside([trial]):
        return None
    front = goals.front(history.trials.values())
    if any(other.id == trial.id for other in front):
        return f"It is on the front as measured, which holds {counted(len(front), 'configuration')}."
    better = [other.id for other in front if goal.better(other.measured, trial.measured)]
    return f"It is not on the front as measured: {trials_text(better)} {'is' if len(better) == 1 else 'are'} better."


def _why(then: History, trial: Trial, provenance: Provenance, features: Mapping[str, slice]) -> Iterator[str]:
    view, asked, knew = then.model_view(), provenance.asked, provenance.knew
    took = "" if asked.seconds is None else f" in {duration(asked.seconds)}"
    if trial.proposal.generator == "confirming":
        yield _what_it_confirms(then, trial)
    if trial.proposal.generator == "checking":
        yield _what_it_checks(then, trial)
    by = provenance.made_by.proposer or (provenance.chosen.acquisition or "the model").replace("_", " ")
    yield f"Proposed by {by}{took}, after {asked.events_seen or 0} events."
    if asked.unseen:
        yield f"It does not know {counted(asked.unseen, 'result')} that came in while it was made."
    model = provenance.models.metrics.get(then.definition.objective.metric)
    known = _known(then, provenance)
    elsewhere = len(known) - len(_here(then, known))
    results, failures = counted(len(known), "result"), counted(len(view.failed), "failure")
    stopped = f", {counted(len(view.stopped), 'trial')} stopped early" if view.stopped else ""
    others = f", {elsewhere} of them in other contexts" if elsewhere else ""
    yield f"It knew {results}{others}{_best_of(then, _here(then, known))}{stopped}, and {failures}."
    if model is not None and model.suspects:
        yield f"It did not believe {trials_text(model.suspects)}: results that look like glitches, given all others."
    trials = "trial" if len(knew.pending) == 1 else "trials"
    running = ", ".join(str(t) for t in knew.pending)
    yield f"It took into account {trials} {running}, still outstanding." if running else "Nothing else was outstanding."
    yield from _expected(then, provenance)
    if provenance.weights.predicted_cost is not None:
        yield _expected_cost(view.observed, provenance.weights.predicted_cost)
    if model is not None and model.code is not None:
        yield f"Its model is {model.code.model}, from the campaign's own function {model.code.function}."
    else:
        yield from what_mattered(then, known, trial, features)


def _what_it_confirms(then: History, trial: Trial) -> str:
    before = [t.id for t in then.model_view().observed if t.point == trial.proposal.point]
    lower = lower_fidelities_text(then, trial)
    known = f"had been measured by {trials_text(before)}" if before else lower or "had not been measured before"
    return (
        "It confirms: one of the last trials, each of which measures the point that is believed to be the best of the "
        f"whole space, so that the recommendation is a measured one. This point {known}."
    )


def _what_it_checks(then: History, trial: Trial) -> str:
    before = [t for t in then.model_view().observed if t.point == trial.proposal.point]
    values = ", ".join(measured(value) for value in then.definition.goal.values_of(before))
    return (
        f"It checks {trials_text(t.id for t in before)}, which looks too good to be true "
        f"({then.definition.objective.metric} {values}). If it agrees, both results count."
    )


def _expected(then: History, provenance: Provenance) -> Iterator[str]:
    """Yield the prediction of each metric, the probability of a result, and the expected gain."""
    for metric, predicted in provenance.predicted.items():
        yield f"It expected {metric} {with_uncertainty(predicted.mean, predicted.sd)}{_between(predicted)}."
    feasible, gain = provenance.weights.probability_feasible, provenance.chosen.expected_gain
    if feasible is not None and feasible < _CERTAIN:
        yield f"It gave the point a chance of {number(feasible, 2)} to give a result."
    yield from _expected_constraints(then.definition.objective.metric, provenance)
    if gain is not None and then.definition.goal.has_front:
        yield f"It expected a new point to enlarge the dominated hypervolume by {number(gain, 2)}, on average."
    elif gain is not None:
        yield f"It expected a new point to improve on the best by {number(gain, 2)}, on average."
    if provenance.chosen.worst:
        yield f"Hypervolumes were {counted_from(then.definition.goal, provenance.chosen.worst)}."
    yield from _why_there(then, provenance)


def _expected_constraints(metric: str, provenance: Provenance) -> Iterator[str]:
    """Yield the probability of meeting each constraint, and the value to beat if no known point meets them all."""
    for constraint, chance in provenance.weights.constraints.items():
        yield f"It gave the point a chance of {probability(chance)} to meet {constraint}."
    if (floor := provenance.chosen.floor) is not None:
        yield f"In draws of the model without a feasible point, it had to beat {metric} {number(floor)} instead."


def _between(predicted: Prediction) -> str:
    if predicted.low is None or predicted.high is None:
        return ""
    low, high = interval(predicted.low, predicted.high, predicted.mean)
    return f", with 90 % between {low} and {high}"


def _expected_at_best(then: History, provenance: Provenance) -> bool:
    """Return whether the target lies within the expected interval of its metric, so that the point does not explore.

    The distance is then expected to be above 0 merely because the metric is not known exactly.
    """
    target = then.definition.target
    metric = None if target is None else provenance.predicted.get(target.metric)
    if target is None or metric is None or metric.low is None or metric.high is None:
        return False
    return metric.low <= target.value <= metric.high


def _why_there(then: History, provenance: Provenance) -> Iterator[str]:
    """Explain the choice of a point that is expected to be worse than the best by more than the model's uncertainty."""
    objective, chosen = then.definition.objective, provenance.chosen
    best = _best_measured(then, _here(then, _known(then, provenance)))
    if then.definition.goal.has_front or then.definition.is_ab_test:
        return
    predicted = provenance.predicted.get(objective.metric)
    at_target = _expected_at_best(then, provenance)
    if chosen.expected_gain is None or predicted is None or best is None or chosen.instead_of is not None:
        return
    ends = [end for end in (predicted.low, predicted.high) if end is not None]
    better, mean = max(ends, key=objective.turned, default=None), predicted.mean
    if better is None or objective.turned(best[1].mean - mean) <= abs(better - mean) / _INTERVAL or at_target:
        return
    yield (
        "It explores: a result there is expected to be worse than the best so far, and would improve on it only with "
        "luck. So little is left to gain close to the best that this was worth more."
    )
    model = provenance.models.metrics.get(objective.metric)
    if model is not None and model.tail_width is not None:
        yield (
            "Results far worse than most were drawn together before the model saw them. It is therefore unsure about "
            "points far from the best."
        )


def _expected_cost(observed: Iterable[Trial], cost: float) -> str:
    if has_reported_costs(observed):
        return f"It expected the point to cost {number(cost, 3)}, which counts against what it may gain."
    return f"It expected the point to take {duration(cost)}, which counts against what it may gain."


def _known(then: History, provenance: Provenance) -> list[Trial]:
    """Return the trials whose results a proposal knew: all observed ones but those that looked like glitches to it."""
    suspects = {trial for model in provenance.models.metrics.values() for trial in model.suspects}
    return [trial for trial in then.model_view().observed if trial.id not in suspects]


def _here(then: History, trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials in the context in which a proposal was made; all without contexts."""
    return [trial for trial in trials if in_it(trial.point, then.definition.given)]


def _best_of(then: History, known: Sequence[Trial]) -> str:
    best, goal = _best_measured(then, known), then.goal
    if best is not None and goal.has_front:
        return f", {len(then.goals.front(known))} of them on the front as measured"
    if best is None:
        if known and not then.goals.inside(known):
            return ", none of them in the space"
        return ", none of them feasible" if goal.constraints and then.trials.observed else ""
    if then.definition.is_ab_test:
        gap = effect_text(newest_effect(then, then.trials[best[0]], goal.objectives[0].metric))
        return f", the best {'feasible ' if goal.constraints else ''}arm of them {gap} in trial {best[0]}"
    found = f"{goal.objectives[0].metric} {measured(best[1])} in trial {best[0]}"
    return f", the best {'feasible one ' if goal.constraints else ''}of them {found}"


def _best_measured(then: History, known: Sequence[Trial]) -> tuple[int, Measurement] | None:
    """Return the one of these trials with the best measurement, and the measurement."""
    goals = then.goals
    best = goals.best(known)
    return None if best is None else (best.id, goals.pooled.values_of([best])[0])


def _became(then: History, trial: Trial) -> Iterator[str]:
    goal, attempts, seconds = then.definition.goal, len(trial.attempts), trial.seconds
    after = "" if seconds is None else f" after {duration(seconds)}"
    after += f" and {attempts} attempts" if attempts > 1 else ""
    if trial.parked_because is not None:
        yield f"It had to be approved: {trial.parked_because}."
    if trial.outcome is None:
        yield "It awaits approval." if trial.parked else "It has not ended yet."
    elif goal.value_of(trial) is not None:
        if (resumed := resumed_sentence(then, trial)) is not None:
            yield resumed
        metrics = [objective.metric for objective in goal.objectives if objective.metric in trial.measured]
        for metric, took in zip(metrics, [after, *("" for _ in metrics[1:])], strict=True):
            # In an A/B test, the shift of a batch is no surprise.
            expected = None if then.definition.is_ab_test else trial.proposal.prediction(metric)
            surprise = _surprise(expected, trial.measured[metric])
            yield f"It turned out to be {metric} {measured(trial.measured[metric])}{took}{surprise}."
    elif not isinstance(trial.outcome, Observation):
        end = ending(trial)
        yield f"It {end.verb}{after}{end.by}: {first_line(end.why)}"
    yield from (f"Note: {note}." for note in notes_of(trial))


def _surprise(predicted: Prediction | None, value: Measurement) -> str:
    """Return the distance from the expectation in standard deviations of both; empty if these are unknown."""
    if predicted is None or not predicted.sd:
        return ""
    # The distance between results at both ends of the floats is no float.
    expected, sd = Decimal(predicted.mean), Decimal(predicted.sd)
    if predicted.low is not None and predicted.high is not None:
        # The two sides differ if bad results are drawn together.
        end = predicted.high if value.mean > predicted.mean else predicted.low
        sd = abs(Decimal(end) - expected) / Decimal(_INTERVAL) or sd
    off = (Decimal(value.mean) - expected) / (sd**2 + Decimal(value.sem or 0.0) ** 2).sqrt()
    distance = number(abs(off), 2)
    unit = "standard deviation" if distance == "1" else "standard deviations"
    return f", {distance} {unit} {'above' if off > 0 else 'below'} what was expected"
