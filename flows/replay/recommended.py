"""Compute recorded recommendations again from the events that they were made from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from overnight.bo_core.recommend import computed
from overnight.campaign import History
from overnight.campaign.errors import OvernightError
from overnight.campaign.history.events import Event, RecommendationMade
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import Recommendation, Solution
from overnight.flows.replay.again import asked_of
from overnight.flows.replay.verdict import Found
from overnight.report.phrases.general import trials_text

# How far apart two means may be, in standard deviations, if another stack computed them.
_APART = 0.01


@dataclass(frozen=True)
class ReplayedRecommendation:
    """How a recommendation made after `events_seen` events compares with the one computed again."""

    events_seen: int
    found: Found


def replay_recommendations(events: Sequence[Event], folder: Path) -> Iterator[ReplayedRecommendation]:
    """Return a verdict on each recorded recommendation.

    On another stack, `other stack` means that it names the same trials and agrees about the values there to a
    hundredth of their standard deviations. Its hyperparameters are not recorded, so a larger difference is `undecided`.
    """
    history, folded = History(), 0
    recorded: dict[int, RecommendationMade] = {}
    for event in events:
        if isinstance(event, RecommendationMade):
            # Two with the same number are one event, and the first one counts.
            recorded.setdefault(event.events_seen, event)
    for made in recorded.values():
        if made.events_seen < folded:
            history, folded = History(), 0
        history, folded = history.extended(events[folded : made.events_seen]), made.events_seen
        try:
            found = _compared(made, history, folder)
        except (OvernightError, ValidationError) as problem:
            found = Found("different", f"it cannot be computed again: {problem}")
        yield ReplayedRecommendation(made.events_seen, found)


def _compared(made: RecommendationMade, history: History, folder: Path) -> Found:
    campaign, proposer = asked_of(history, folder)
    now = computed(campaign, history, proposer)
    if now is None:
        return Found("different", "nothing had been observed")
    if missing := _unmeasured(made.recommendation, history):
        return Found("different", f"{trials_text(missing)} had no result")
    stack = made.stack.changes(now.stack)
    differ = _differences(made.recommendation, now.recommendation)
    if not differ:
        return Found("same", f"on another stack ({', '.join(stack)})" if stack else "")
    why = f"{', '.join(differ)} differ"
    if not stack:
        return Found("different", why)
    why = f"{why}; so do {', '.join(stack)}"
    if _agree(made.recommendation, now.recommendation):
        return Found("other stack", why)
    return Found("undecided", f"{why}, and its hyperparameters are not recorded")


def _unmeasured(recorded: Recommendation, history: History) -> list[int]:
    """Return the named trials that had no result."""
    trials = history.trials
    return [number for number in _named(recorded) if number not in trials or not trials[number].measured]


def _named(recommendation: Recommendation) -> list[int]:
    """Return the trials that a recommendation names, each once."""
    best, of_front = recommendation.best_measured, (each.trial for each in recommendation.front)
    solutions = (each.trial for each in _solutions(recommendation) if each.trial is not None)
    contexts = (trial for each in recommendation.contexts for trial in _named(each.recommendation))
    return [*dict.fromkeys((recommendation.trial or best, best, *of_front, *solutions, *contexts))]


def _solutions(recommendation: Recommendation) -> tuple[Solution, ...]:
    return () if recommendation.solutions is None else recommendation.solutions.found


def _differences(recorded: Recommendation, now: Recommendation) -> list[str]:
    names = type(recorded).model_fields
    return [name for name in names if repr(getattr(recorded, name)) != repr(getattr(now, name))]


def _agree(recorded: Recommendation, now: Recommendation) -> bool:
    """Return whether two recommendations name the same trials and agree about the values there."""
    if recorded.trial != now.trial or _named(recorded) != _named(now):
        return False
    if [each.given for each in recorded.contexts] != [each.given for each in now.contexts]:
        return False
    contexts = zip(recorded.contexts, now.contexts, strict=True)
    if not all(_agree(a.recommendation, b.recommendation) for a, b in contexts):
        return False
    solutions = _solutions(recorded), _solutions(now)
    if [each.trial for each in solutions[0]] != [each.trial for each in solutions[1]]:
        return False
    beliefs = [(recorded.predicted, now.predicted)]
    beliefs += [(a.predicted, b.predicted) for a, b in zip(recorded.front, now.front, strict=True)]
    beliefs += [(a.predicted, b.predicted) for a, b in zip(*solutions, strict=True)]
    metrics = recorded.worst or (recorded.objective,)
    return all(_close(a[metric], b[metric]) for a, b in beliefs for metric in metrics)


def _close(a: Prediction, b: Prediction) -> bool:
    return abs(a.mean - b.mean) <= _APART * max(a.sd or 0.0, b.sd or 0.0)
