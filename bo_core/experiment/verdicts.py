"""Judge the candidates of an A/B test from the fresh traffic of their stages."""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

from overnight.bo_core.experiment.breaches import breach_of
from overnight.bo_core.experiment.looks import CandidateLook, looks_at, weighted
from overnight.bo_core.experiment.repeated import informations
from overnight.bo_core.experiment.spending import Look, boundaries, repeated_p
from overnight.campaign import History, Trial
from overnight.campaign.experiment.candidates import Candidate, candidates, units_of_batches, units_used
from overnight.campaign.experiment.contrast import Contrast, Question, guardrails
from overnight.campaign.experiment.effects import at_step, measured_by, shared_steps
from overnight.campaign.experiment.status_quo import compared_with
from overnight.campaign.experiment.verdict import CandidateVerdict, Guarded, Interval, Judged, State, Verdict, state_of
from overnight.campaign.goal.constraint import Constraint

# The share of the remaining error probability that the next candidate gets.
NEXT_SHARE = 0.8
_NORMAL = NormalDist()


def verdict(history: History) -> Verdict:
    """Return how an A/B test stands; the same history gives the same verdict.

    Only the ramp-up counts: its traffic was not used to find the candidate, so a candidate is one hypothesis. Each is
    judged at every look by the differences of its stages so far, each to the status quo of its own batch, weighted by
    their information. The error probability of a candidate is spent over the looks of all its stages, including those
    of attempts that failed. Candidate j gets four fifths of the error that the earlier ones left. All that it got
    counts as spent, because the reason for its end may depend on its results.
    """
    at_least = history.definition.deciding.at_least
    judged, traffic = list[CandidateVerdict](), history.definition.traffic
    left = 1 - at_least
    for candidate in candidates(history, breach_of):
        judged.append(_judged(history, candidate, left * NEXT_SHARE))
        left *= 1 - NEXT_SHARE
    return Verdict(
        state=state_of(judged, history.finished is not None),
        metric=history.definition.goal.objectives[0].metric,
        at_least=at_least,
        candidates=tuple(judged),
        units_exploring=units_used(history, fresh=False),
        units_fresh=units_used(history, fresh=True),
        unit="units" if traffic is None else traffic.unit,
    )


def _judged(history: History, candidate: Candidate, error: float) -> CandidateVerdict:
    ats = looks_at(history, candidate)
    looks = [Look(at.information, at.fraction, at.after) for at in ats]
    bounds = boundaries(looks, error)
    judged = tuple(_shown(at, bound) for at, bound in zip(ats, bounds, strict=True))
    better_at = next((each for each in judged if each.better), None)
    guarded = tuple(_guarded(history, candidate, constraint) for constraint in history.definition.constraints)
    state, why = _state(history, candidate, _why_small(ats, bounds), better_at, guarded)
    counted = [(at, bound) for at, bound in zip(ats, bounds, strict=True) if bound < math.inf]
    effect, relative = _effects(history, counted or [(at, math.inf) for at in ats[-1:]], error)
    return CandidateVerdict(
        number=candidate.number,
        trials=tuple(trial.id for trial in candidate.trials),
        point=candidate.run.candidate,
        state=state,
        stage=candidate.stages[-1],
        stages=len(history.definition.stages),
        error=error,
        looks=judged,
        better_at=better_at,
        effect=effect,
        relative=relative,
        p_value=repeated_p(looks, [at.difference / math.sqrt(at.variance) for at in ats]) if ats else None,
        guardrails=guarded,
        why=why,
        units=units_of_batches(history, candidate.run.batches),
    )


def _steps(history: History, trial: Trial) -> list[int | None]:
    status_quo = compared_with(history.trials, trial)
    ended = bool(trial.measured) and status_quo is not None and bool(status_quo.measured)
    return [*shared_steps(history, trial), *([None] if ended else [])]


def _shown(at: CandidateLook, bound: float) -> Judged:
    newest = at.effects[-1]
    return Judged(at.stage, newest.trial, newest.step, at.difference, math.sqrt(at.variance), at.fraction, bound)


def _state(
    history: History,
    candidate: Candidate,
    small: str,
    better_at: Judged | None,
    guarded: Sequence[Guarded],
) -> tuple[State, str | None]:
    stages, stage = len(history.definition.stages), candidate.stages[-1]
    if candidate.run.rolled_back is not None:
        return "rolled back", candidate.run.rolled_back
    doubt = _doubt(guarded, history.definition.feasible_at_least)
    if better_at is not None and doubt is None:
        return "confirmed", None
    if better_at is not None and (candidate.run.is_through or history.finished is not None):
        return "better, not shown feasible", doubt
    if candidate.run.is_through:
        return "not confirmed", small
    if history.finished is not None:
        return "not confirmed", f"the campaign ended in stage {stage} of {stages}"
    return "ramping", None


def _why_small(looks: Sequence[CandidateLook], bounds: Sequence[float]) -> str:
    """Return why a candidate was not called better after all stages."""
    if not looks:
        return "its results have no standard errors by which a difference could be judged"
    begun = max((number for number, look in enumerate(looks) if look.after is not None), default=None)
    if begun is not None and min(bounds[begun:]) == math.inf:
        return "looks at an attempt that failed have spent all of its error probability, so no later look could decide"
    return "the difference is too small for its errors after all stages"


def _doubt(guarded: Sequence[Guarded], demanded: float) -> str | None:
    """Return which guardrails are not known to hold with the demanded probability; None if all are."""
    doubtful = [each for each in guarded if each.probability is None or each.probability < demanded]
    if not doubtful:
        return None
    unknown = [f"`{each.constraint}`" for each in doubtful if each.probability is None]
    nothing = f"; nothing is known of {' and '.join(unknown)}" if unknown else ""
    named = " and ".join(f"`{each.constraint}`" for each in doubtful)
    return f"not shown to meet {named} with a probability of at least {demanded:g}{nothing}"


def _effects(
    history: History, counted: Sequence[tuple[CandidateLook, float]], error: float
) -> tuple[Interval | None, Interval | None]:
    """Return the effect and the relative effect, by looks with their boundaries; None for one that is unknown.

    The status quo of a relative effect is positive, so both effects have the same sign. A sign that the interval of the
    effect shows is therefore known of the relative effect, too.
    """
    effects = [_effect(history, at, bound, error) for at, bound in counted]
    relatives = [_relative(at, bound, error) for at, bound in counted]
    known = [each for each in relatives if each is not None]
    if not effects:
        return None, None
    effect = _shared(effects)
    if len(known) < len(relatives):
        return effect, None
    relative = _shared(known)
    low = max(relative.low, 0.0) if effect.low >= 0 else relative.low
    high = min(relative.high, 0.0) if effect.high <= 0 else relative.high
    return effect, replace(relative, low=low, high=high)


def _shared(intervals: Sequence[Interval]) -> Interval:
    """Return the newest estimate with the part that all intervals share, which all hold the truth at once."""
    low, high = max(each.low for each in intervals), min(each.high for each in intervals)
    return replace(intervals[-1], low=low, high=high)


def _effect(history: History, at: CandidateLook, bound: float, error: float) -> Interval:
    value = history.definition.goal.objectives[0].turned(at.difference)
    return _interval(value, math.sqrt(at.variance), bound, error)


def _relative(at: CandidateLook, bound: float, error: float) -> Interval | None:
    parts = list[tuple[float, float]]()
    for each, known in zip(at.effects, at.contrasts, strict=True):
        if each.relative is not None and each.relative_sem and each.sem:
            # Its own error may be too small, as that of the difference may.
            square = each.relative_sem * each.relative_sem * max(known.variance / (each.sem * each.sem), 1.0)
            parts += [(each.relative, square)] if 0 < square < math.inf else []
    if len(parts) < len(at.effects):
        return None
    value, variance = weighted(parts, at.weights)
    return _interval(value, math.sqrt(variance), bound, error)


def _interval(value: float, sem: float, bound: float, error: float) -> Interval:
    """Return an interval of which each end is wrong with a probability of at most `error`."""
    return Interval(value, sem, value - bound * sem, value + bound * sem, 1 - 2 * error)


def _guarded(history: History, candidate: Candidate, constraint: Constraint) -> Guarded:
    """Return the probability that a constraint holds: 1 minus that of exceeding each of its bounds."""
    questions = [question for each, question in guardrails(history.definition.goal) if each == constraint]
    excesses = [_excess(history, candidate, question) for question in questions]
    known = [each for each in excesses if each is not None]
    newest = next(((trial, step) for trial in reversed(candidate.trials) for step in _newest(history, trial)), None)
    value = limits = None
    if newest is not None:
        trial, step = newest
        goal, status_quo = history.definition.goal, compared_with(history.trials, trial)
        arm = measured_by(goal, constraint.metric, at_step(history, trial, step))
        other = None if status_quo is None else measured_by(goal, constraint.metric, at_step(history, status_quo, step))
        value = None if arm is None else arm.mean
        limits = constraint.limits(None if other is None else other.mean)
    probability = max(0.0, 1 - sum(known)) if known and len(known) == len(questions) else None
    return Guarded(str(constraint), value, limits, probability)


def _excess(history: History, candidate: Candidate, question: Question) -> float | None:
    """Return the probability that a bound is exceeded, by all stages and a flat prior; None without evidence."""
    found = list[Contrast]()
    for trial in candidate.trials:
        answers = question.answers(history, trial)
        newest = [answers[step] for step in _newest(history, trial) if step in answers]
        found += [each for each in newest if math.isfinite(each.variance)]
    if not found:
        return None
    if exact := [each for each in found if each.exact]:
        return float(exact[-1].value > 0)
    value, variance = weighted([(each.value, each.variance) for each in found], informations(found))
    return _NORMAL.cdf(value / math.sqrt(variance))


def _newest(history: History, trial: Trial) -> list[int | None]:
    return _steps(history, trial)[-1:]
