"""Several campaigns next to each other, and whether the recommendation of one is better than that of another."""

import math
import sys
from collections.abc import Sequence
from itertools import combinations
from statistics import NormalDist
from typing import Annotated

from pydantic import Field

from overnight.report.numbers import probability, with_uncertainty
from overnight.report.story.goal.best import Recommended
from overnight.report.story.section import Section
from overnight.report.story.story import Story


class Better(Section):
    """How the recommended value of one campaign compares with that of another.

    `difference` is how much better the former is, in the metric's own unit, and `probability` that it is better at all.
    The beliefs are independent: the campaigns share no results.
    """

    campaign: str
    than: str
    metric: str
    difference: float
    sd: float
    probability: float

    def __str__(self) -> str:
        values = f"by {with_uncertainty(self.difference, self.sd)} in {self.metric}"
        return f"{self.campaign} is better than {self.than} {values}, with probability {probability(self.probability)}"


class Comparison(Section):
    """The stories of several campaigns, each called by a name of its own, and the pairs that can be compared.

    `apart` is the reason if none can be.
    """

    called: tuple[str, ...]
    stories: tuple[Story, ...]
    pairs: tuple[Better, ...]
    apart: Annotated[str | None, Field(exclude_if=lambda value: value is None)] = None


def compared(called: Sequence[str], stories: Sequence[Story]) -> Comparison:
    """Return campaigns with the comparison of each pair whose recommendations are of the same metric."""
    pairs = [_better(one, other) for one, other in combinations(zip(called, stories, strict=True), 2)]
    found = tuple(pair for pair in pairs if pair is not None)
    return Comparison(
        called=tuple(called), stories=tuple(stories), pairs=found, apart=None if found else _why_apart(stories)
    )


def _better(one: tuple[str, Story], other: tuple[str, Story]) -> Better | None:
    """Return which of two campaigns recommends the better value; None if they cannot be compared, or are the same."""
    (called, story), (than, another) = one, other
    found, against = _comparable(story), _comparable(another)
    if found is None or against is None or str(story.objective) != str(another.objective):
        return None
    if _is_same(story, another):
        return None
    difference = story.objective.turned(found.mean) - story.objective.turned(against.mean)
    if difference < 0:
        return _better(other, one)
    # The difference of the largest floats is not a float.
    difference, sd = min(difference, sys.float_info.max), math.hypot(found.sd or 0.0, against.sd or 0.0)
    likely = NormalDist().cdf(difference / sd) if sd else 0.5 + 0.5 * (difference > 0)
    return Better(
        campaign=called, than=than, metric=story.objective.metric, difference=difference, sd=sd, probability=likely
    )


def _is_same(story: Story, another: Story) -> bool:
    """Return whether two stories are of one campaign, whose beliefs are not independent of each other."""
    return story.uid is not None and story.uid == another.uid


def _comparable(story: Story) -> Recommended | None:
    """Return the recommendation if it is feasible and has one value: no front, no arm, and not one of each context."""
    alone = story.front is None and story.experiment is None and not story.contexts
    judged = None if story.feasibility is None else story.feasibility.recommended
    feasible = judged is None or judged.reached is not False
    return story.best.recommended if alone and feasible and not _of_unknown_error(story) else None


def _of_unknown_error(story: Story) -> bool:
    """Return whether the recommended value is a measurement with an unknown error, so that it may be luck."""
    found = story.best.recommended
    return found is not None and found.sd is None and not found.exact


def _why_apart(stories: Sequence[Story]) -> str:
    kinds = [
        (any(story.front is not None for story in stories), "several objectives have no single value to compare"),
        (any(story.contexts for story in stories), "each context has a recommendation of its own"),
        (any(story.experiment is not None for story in stories), "arms are compared with the status quo of their test"),
        (len({str(story.objective) for story in stories}) > 1, "the campaigns have different objectives"),
        (all(_is_same(stories[0], story) for story in stories), "this is one campaign, named several times"),
        (
            any(_of_unknown_error(story) for story in stories),
            "a recommendation is a measurement whose standard error is unknown, because there was no model",
        ),
    ]
    return next((why for holds, why in kinds if holds), "fewer than two campaigns recommend a feasible configuration")
