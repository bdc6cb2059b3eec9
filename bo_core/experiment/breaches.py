"""Find the arms of an A/B test that break a guardrail or do harm, at a look or by their results."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

from overnight.bo_core.experiment.repeated import lower_bound
from overnight.campaign import History, Point, Trial
from overnight.campaign.experiment.contrast import Contrast, Question, guardrails, worse
from overnight.campaign.experiment.effects import at_step, measured_by, shared_steps
from overnight.campaign.experiment.status_quo import is_status_quo
from overnight.campaign.history.trial import Observation

_NORMAL = NormalDist()


@dataclass(frozen=True)
class Breach:
    """Why an arm must not continue: the `value` of a metric is beyond the `threshold`; by a result, there is no `step`.

    For harm, the value is the difference to the status quo, and the threshold its bound.
    """

    rule: Literal["guardrail", "harm"]
    metric: str
    step: int | None
    value: float
    threshold: float
    why: str


def breach_at(history: History, trial: Trial, step: int | None) -> Breach | None:
    """Return why an arm must not continue after a look, or by its result without a `step`; None if it may.

    It exceeds a bound of a constraint, or is worse than its status quo, by bounds that hold at all looks and at the
    result at once: an arm that does neither breaches with a probability of at most 2 (1 − `decide.at_least`), half for
    each reason. The looks of failed attempts have spent of this error, and the result spends all that is left.
    """
    if is_status_quo(trial):
        return None
    return _broken(history, trial, step) or _harm(history, trial, step)


def breach_of(history: History, trial: Trial) -> str | None:
    """Return why an arm that has a result must not be tried again, in words; None if it may or has no result.

    No rule can stop an arm that has ended, so its result is judged here, and so are looks that came with it.
    """
    if not isinstance(trial.outcome, Observation):
        return None
    found = (breach_at(history, trial, step) for step in [*shared_steps(history, trial), None])
    return next((each.why for each in found if each is not None), None)


def breached_points(history: History) -> list[Point]:
    """Return the points of the arms whose results show that they break a guardrail or do harm."""
    return [trial.point for trial in history.trials.values() if breach_of(history, trial) is not None]


def _broken(history: History, trial: Trial, step: int | None) -> Breach | None:
    questions = list(guardrails(history.definition.goal))
    for constraint, question in questions:
        *lost, contrasts = _until(history, trial, question, step)
        bound = _bound(contrasts, _error(history) / len(questions), lost)
        if not bound > 0:
            continue
        measured = measured_by(history.definition.goal, question.metric, at_step(history, trial, step))
        assert measured is not None
        excess = contrasts[-1].value
        limit = measured.mean - question.side * excess
        side = "above" if question.side > 0 else "below"
        said = f"{_when(step)} {question.metric} was {measured.mean:g}, {side} the limit {limit:g} of `{constraint}`"
        why = f"{said}: the excess was {excess:.3g}" + _at_least(excess, bound, "and at least")
        return Breach("guardrail", question.metric, step, measured.mean, limit, why)
    return None


def _harm(history: History, trial: Trial, step: int | None) -> Breach | None:
    question = worse(history.definition.goal)
    *lost, contrasts = _until(history, trial, question, step)
    bound = _bound(contrasts, _error(history), lost)
    if not bound > 0:
        return None
    effect, limit = question.side * contrasts[-1].value, question.side * bound
    value = contrasts[-1].value
    said = f"{_when(step)} {question.metric} was worse than that of the status quo by {value:.3g}"
    return Breach("harm", question.metric, step, effect, limit, said + _at_least(value, bound, "and by at least"))


def _until(history: History, trial: Trial, question: Question, step: int | None) -> list[list[Contrast]]:
    """Return for each attempt the answers at its looks, in the last one up to this look; none if it has no answer."""
    *earlier, answers = question.attempts(history, trial)
    lost = [[each for at, each in attempt.items() if at is not None] for attempt in earlier]
    if step not in answers:
        return [*lost, []]
    looks = [each for at, each in answers.items() if at is not None and (step is None or at <= step)]
    if step is not None:
        return [*lost, looks]
    # Nothing follows a result, so it completes the information, also if it is less than planned.
    return [*lost, [*looks, replace(answers[None], final=True)]]


def _bound(contrasts: Sequence[Contrast], alpha: float, lost: Sequence[Sequence[Contrast]]) -> float:
    """Return the lower bound of an excess; −∞ if there is no breach even by the bound for a single look.

    No bound for several looks is above that one, which takes no time: most arms are far from any breach.
    """
    if not contrasts or contrasts[-1].value <= _NORMAL.inv_cdf(1 - alpha) * math.sqrt(contrasts[-1].variance):
        return -math.inf
    return lower_bound(contrasts, alpha, lost)


def _error(history: History) -> float:
    return 1 - history.definition.deciding.at_least


def _when(step: int | None) -> str:
    return "in its result" if step is None else f"at look {step}"


def _at_least(value: float, bound: float, words: str) -> str:
    """Return the bound of a value in words; a value without error needs none."""
    return "" if math.isclose(value, bound) else f", {words} {bound:.3g} by the bound for all looks"
