"""The judgement of a model by results that it has not seen: how well it predicts them, and its intervals."""

import math
from typing import Literal

from overnight.campaign.insight import LeftOut
from overnight.report.story.section import Section

# Fewer results cannot judge a model.
_FEWEST = 10
# From these shares of explained differences on, a metric is predictable in part and well.
_IN_PART, _WELL = 0.1, 0.5
# From this share of the variance on, noise explains the differences.
_MOSTLY_NOISE = 0.7
# The share of results that intervals promise to hold. A number of them that is less likely than this shows otherwise.
_PROMISED, _UNLIKELY = 0.9, 0.01

Verdict = Literal["too few", "well", "in part", "noise", "unpredictable", "equal"]


class Judgement(Section):
    """The predictions of results from all others, and how many of them lie `inside` of their intervals.

    The `verdict` is how well they are predicted; `noise` means that the results hardly differ otherwise, and `equal`
    that they do not differ at all.
    `too_certain` is whether fewer lie inside than intervals of 90 % promise.
    """

    left_out: LeftOut
    verdict: Verdict
    inside: int
    too_certain: bool


def judgement_of(found: LeftOut | None) -> Judgement | None:
    """Return the judgement; None without predictions."""
    if found is None:
        return None
    inside = sum(each.low <= each.measured <= each.high for each in found.results)
    return Judgement(
        left_out=found,
        verdict=_verdict(found),
        inside=inside,
        too_certain=_at_most(inside, len(found.results), _PROMISED) < _UNLIKELY,
    )


def _verdict(found: LeftOut) -> Verdict:
    if len(found.results) < _FEWEST:
        return "too few"
    if len({each.measured for each in found.results}) == 1:
        return "equal"
    if found.explained >= _IN_PART:
        return "well" if found.explained >= _WELL else "in part"
    return "noise" if found.noise >= _MOSTLY_NOISE else "unpredictable"


def _at_most(successes: int, trials: int, chance: float) -> float:
    """Return the probability of at most so many successes (binomial distribution)."""
    return math.fsum(math.comb(trials, k) * chance**k * (1.0 - chance) ** (trials - k) for k in range(successes + 1))
