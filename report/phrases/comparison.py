"""Phrases about several campaigns next to each other: a row for each fact, and for each parameter."""

from collections.abc import Callable, Sequence

from overnight.campaign import Campaign
from overnight.report.numbers import measured, number, probability
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
from overnight.report.trial_facts import cell_text


def rows_of(stories: Sequence[Story], campaigns: Sequence[Campaign]) -> list[list[str]]:
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
    rows = [[fact, *(text(story) for story in stories)] for fact, text in facts.items()]
    names = dict.fromkeys(name for campaign in campaigns for name in campaign.shown_parameters)
    rows += [[name, *(_value(story, name) for story in stories)] for name in names]
    return [row for row in rows if any(row[1:])]


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
