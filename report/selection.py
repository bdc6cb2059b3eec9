"""Select the trials of a long campaign that a page can show."""

from collections.abc import Collection, Sequence
from typing import TypeVar

from overnight.campaign import History, Trial

MOST = 1000
_Item = TypeVar("_Item")


def worth_drawing(history: History, trials: Sequence[Trial], recommended: int | None) -> list[Trial]:
    """Return all trials if they are not too many; else the best of them, and the others at even distances."""
    if len(trials) <= MOST:
        return list(trials)
    best = _best(history, trials, MOST // 4)
    kept = best | {t.id for t in evenly(trials, MOST - len(best))} | {recommended}
    return [t for t in trials if t.id in kept or t.proposal.generator == "baseline"]


def worth_listing(history: History, recommended: Collection[int], most: int = MOST) -> list[Trial]:
    """Return all trials by their numbers if they are at most `most`; else the best and the newest of them."""
    trials = [trial for _, trial in sorted(history.trials.items())]
    if len(trials) <= most:
        return trials
    kept = _best(history, trials, most // 2) | {t.id for t in trials[-most // 2 :]} | {*recommended}
    return [t for t in trials if t.id in kept or t.proposal.generator == "baseline"]


def _best(history: History, trials: Sequence[Trial], count: int) -> set[int]:
    """Return the front, if there are several objectives, and the best in the first objective."""
    goals = history.goals
    front = evenly(goals.front(trials), count // 2) if goals.pooled.has_front else []
    return {trial.id for trial in [*front, *goals.best_first(trials)][:count]}


def evenly(items: Sequence[_Item], count: int) -> list[_Item]:
    """Return so many of them at even distances, the first and the last among them."""
    if len(items) <= count:
        return list(items)
    return [items[i * (len(items) - 1) // (count - 1)] for i in range(count)]
