"""Several campaigns next to each other: a row for each fact, and whether one recommendation is better than another."""

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import Annotated

from pydantic import Field

from overnight.campaign import Campaign
from overnight.report.numbers import measured, number, probability, with_uncertainty
from overnight.report.phrases.front import size_text, volume_text
from overnight.report.phrases.general import (
    recommended_text,
    recommended_words,
    spent_text,
    target_text,
    trial_counts,
    where,
)
from overnight.report.story import Story
from overnight.report.story.goal.best import Recommended
from overnight.report.story.section import Section
from overnight.report.trial_facts import cell_text


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


def rows_of(comparison: Comparison, campaigns: Sequence[Campaign]) -> list[list[str]]:
    """Return a row for each fact that any campaign has, and for each parameter with its recommended values."""
    facts: dict[str, Callable[[Story], str]] = {
        "goal": _goal,
        "state": lambda story: story.standing.state,
        "trials": _trials,
        "spent": lambda story: spent_text(story.spent),
        "best measured": _best_measured,
        "recommended": _recommended,
        "better than the baseline": _against_baseline,
    }
    rows = [[fact, *(text(story) for story in comparison.stories)] for fact, text in facts.items()]
    names = dict.fromkeys(name for campaign in campaigns for name in campaign.shown_parameters)
    rows += [[name, *(_value(story, name) for story in comparison.stories)] for name in names]
    return [row for row in rows if any(row[1:])]


def _better(one: tuple[str, Story], other: tuple[str, Story]) -> Better | None:
    """Return which of two campaigns recommends the better value; None if they cannot be compared."""
    (called, story), (than, another) = one, other
    found, against = _comparable(story), _comparable(another)
    if found is None or against is None or str(story.objective) != str(another.objective):
        return None
    difference = story.objective.turned(found.mean) - story.objective.turned(against.mean)
    if difference < 0:
        return _better(other, one)
    sd = math.hypot(found.sd or 0.0, against.sd or 0.0)
    likely = NormalDist().cdf(difference / sd) if sd else 0.5 + 0.5 * (difference > 0)
    return Better(
        campaign=called, than=than, metric=story.objective.metric, difference=difference, sd=sd, probability=likely
    )


def _comparable(story: Story) -> Recommended | None:
    """Return the recommendation if it is feasible and has one value: no front, no arm, and not one of each context."""
    alone = story.front is None and story.experiment is None and not story.contexts
    judged = None if story.feasibility is None else story.feasibility.recommended
    return story.best.recommended if alone and (judged is None or judged.reached is not False) else None


def _why_apart(stories: Sequence[Story]) -> str:
    kinds = [
        (any(story.front is not None for story in stories), "several objectives have no single value to compare"),
        (any(story.contexts for story in stories), "each context has a recommendation of its own"),
        (any(story.experiment is not None for story in stories), "arms are compared with the status quo of their test"),
        (len({str(story.objective) for story in stories}) > 1, "the campaigns have different objectives"),
    ]
    return next((why for holds, why in kinds if holds), "fewer than two campaigns recommend a feasible configuration")


def _goal(story: Story) -> str:
    return ", ".join(map(str, (story.objective,) if story.front is None else story.front.objectives))


def _trials(story: Story) -> str:
    return ", ".join(f"{count} {words}" for count, words in trial_counts(story.spent))


def _best_measured(story: Story) -> str:
    best = story.best.measured
    if best is None:
        return ""
    return f"{measured(best.measurement)}{target_text(best.of_target)} (trial {best.trial})"


def _recommended(story: Story) -> str:
    if story.contexts:
        return "one for each context"
    if story.front is not None:
        return "; ".join(filter(None, [size_text(story.front), volume_text(story.front)]))
    found = story.best.recommended
    if found is None:
        return ""
    closest = recommended_words(story)
    note = where(found) if closest == "recommended" else f"{closest}; {where(found)}"
    return f"{recommended_text(found)} ({note})"


def _against_baseline(story: Story) -> str:
    found = story.best.recommended
    if found is None or found.probability_better_than_baseline is None:
        return ""
    change = "" if found.change_percent is None else f" ({number(found.change_percent, 2)} %)"
    return f"{probability(found.probability_better_than_baseline)}{change}"


def _value(story: Story, name: str) -> str:
    found = story.best.recommended
    return "" if found is None else cell_text(found, name)
