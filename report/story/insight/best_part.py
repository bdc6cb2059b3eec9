"""The best part of the results, and the parameter whose values they share most."""

from collections.abc import Collection, Sequence

from overnight.campaign import History, Trial
from overnight.campaign.parameters import Parameter, Value
from overnight.report.story.section import Section

# So many results have a best part: a tenth of them, and so many at least.
_FEWEST, _SHARE, _LEAST = 20, 10, 5
# Values that span less than this fraction of the range have something in common.
_NARROW = 0.5


class BestPart(Section):
    """The `trials` with the best of the `results` as measured, the best first; only feasible results count.

    All of them have a `parameter` between `low` and `high`, the narrowest range of all parameters; they are None if
    every range is wide.
    """

    trials: tuple[int, ...]
    results: int
    parameter: str | None
    low: Value | None
    high: Value | None


def best_part_of(history: History, doubted: Collection[int] = ()) -> BestPart | None:
    """Return the best part of the results of one objective; None for few results, and for several objectives.

    The results of `doubted` trials look like glitches and do not count, nor do those below full fidelity.
    """
    goals = history.goals
    observed = [trial for trial in goals.compared(history.model_view().observed) if trial.id not in doubted]
    if goals.pooled.has_front or len(observed) < _FEWEST:
        return None
    ranked = list(goals.best_first(observed))
    best = ranked[: max(len(observed) // _SHARE, _LEAST)]
    if len(best) < _LEAST:
        return None
    tuned = history.definition.parameters.tuned()
    ranges = [(name, *found) for name, each in tuned.items() if (found := _range_of(each, name, best)) is not None]
    ids = tuple(trial.id for trial in best)
    narrow = min(ranges, key=lambda each: each[3], default=None)
    if narrow is None or narrow[3] > _NARROW:
        return BestPart(trials=ids, results=len(ranked), parameter=None, low=None, high=None)
    name, low, high, _ = narrow
    return BestPart(trials=ids, results=len(ranked), parameter=name, low=low, high=high)


def _range_of(parameter: Parameter, name: str, best: Sequence[Trial]) -> tuple[Value, Value, float] | None:
    """Return the ends of a number's values, and their distance as a fraction of its range; None if some lack it."""
    values = [trial.point.get(name) for trial in best]
    numbers = [value for value in values if isinstance(value, int | float)]
    if parameter.bounds is None or len(numbers) < len(best):
        return None
    low, high = min(numbers), max(numbers)
    return low, high, parameter.distance(low, high)
