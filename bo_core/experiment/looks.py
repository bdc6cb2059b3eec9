"""List the looks at a candidate of an A/B test, with its difference to the status quo at each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from overnight.bo_core.experiment.repeated import informations
from overnight.campaign import History
from overnight.campaign.experiment.candidates import Candidate
from overnight.campaign.experiment.contrast import Contrast, better
from overnight.campaign.experiment.effects import Effect, effect_at


@dataclass(frozen=True)
class CandidateLook:
    """A look at a candidate: the effect in each stage so far, and the difference over all of them.

    `after` is how many of the first looks have data that are part of it, if data were lost since; None otherwise.
    """

    stage: int
    effects: Sequence[Effect]
    contrasts: Sequence[Contrast]
    weights: Sequence[float]
    difference: float
    variance: float
    fraction: float
    after: int | None

    @property
    def information(self) -> float:
        """Return the information of all differences so far."""
        return sum(self.weights)


def looks_at(history: History, candidate: Candidate) -> list[CandidateLook]:
    """Return the looks of all stages in order; a stage without any difference is left out.

    The looks of an attempt that failed are listed, but the data of the next attempt take the place of its data, because
    both may be about the same units.
    """
    question = better(history.definition.goal)
    looks, contrasts, effects = list[CandidateLook](), list[Contrast](), list[Effect]()
    # So many of the looks have data that still count.
    kept = 0
    for stage, trial in zip(candidate.stages, candidate.trials, strict=True):
        share, last, begun = trial.proposal.weight, None, kept
        for attempt, answers in enumerate(question.attempts(history, trial)):
            last, kept = None, begun
            for step, found in answers.items():
                # Differences without any error are no differences between means of units.
                if found.exact or math.isinf(found.variance):
                    continue
                last = step, found, effect_at(history, trial, question.metric, step, attempt)
                fraction = _fraction(history, stage, share, step, [*contrasts, found])
                if fraction is not None:
                    after = None if kept == len(looks) else kept
                    looks.append(_look(stage, [*effects, last[2]], [*contrasts, found], fraction, after))
                    kept = len(looks)
        if last is not None:
            step, found, effect = last
            effects.append(effect)
            # A batch without results gives no more than it has given, and its stage is run again.
            contrasts.append(found if step is None else replace(found, planned=found.information))
    return looks


def weighted(parts: Sequence[tuple[float, float]], weights: Sequence[float]) -> tuple[float, float]:
    """Return the mean of numbers, given each with its variance, with these weights, and the variance of the mean."""
    shares = [each / sum(weights) for each in weights]
    value = sum(share * each for share, (each, _) in zip(shares, parts, strict=True))
    return value, sum(share * share * variance for share, (_, variance) in zip(shares, parts, strict=True))


def _look(
    stage: int, effects: Sequence[Effect], contrasts: Sequence[Contrast], fraction: float, after: int | None
) -> CandidateLook:
    weights = informations(contrasts)
    value, variance = weighted([(each.value, each.variance) for each in contrasts], weights)
    return CandidateLook(stage, effects, contrasts, weights, value, variance, fraction, after)


def _fraction(
    history: History, stage: int, share: float | None, step: int | None, contrasts: Sequence[Contrast]
) -> float | None:
    """Return the share of the planned information of all stages; None if the plan is unknown.

    The information that later stages will give follows from that of this one: it is proportional to w (1 − w), with
    the `share` w of the candidate. The results of the last stage complete the information, also if it is less than
    planned.
    """
    shares = history.definition.stages
    if step is None and stage >= len(shares):
        return 1.0
    gained = [each.information for each in contrasts if each.information is not None]
    planned = [each.planned for each in contrasts if each.planned is not None]
    if min(len(gained), len(planned)) < len(contrasts) or share is None or not 0 < share < 1:
        return None
    later = sum(each * (1 - each) for each in shares[stage:]) / (share * (1 - share))
    return min(1.0, sum(gained) / (sum(planned) + later * planned[-1]))
