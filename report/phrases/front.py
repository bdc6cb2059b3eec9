"""Phrases about the front of several objectives: its points, the recommended one, and the baseline."""

from collections.abc import Iterable, Iterator, Mapping

from overnight.campaign import Goal
from overnight.report.numbers import interval, number, probability, with_uncertainty
from overnight.report.phrases.general import counted, recommended_text
from overnight.report.selection import evenly
from overnight.report.story import Story
from overnight.report.story.goal.best import Recommended
from overnight.report.story.goal.front import ComparedBaseline, Front, FrontPoint, RecommendedOfFront, Value

# As many points as a terminal shows among other lines.
_FEW = 7
_LONGEST_NAME = 28


def value_text(value: Value) -> str:
    """Return an objective's value at a point with its uncertainty."""
    return with_uncertainty(value.mean, value.sd)


def interval_text(value: Value) -> str:
    """Return the interval that holds the value with a probability of 90 %; empty if it is unknown."""
    return "" if value.low is None or value.high is None else " to ".join(interval(value.low, value.high, value.mean))


def values_text(values: Iterable[Value], between: str = ", ") -> str:
    """Return the values of all objectives at a point."""
    return between.join(f"{value.metric} {value_text(value)}" for value in values)


def recommended_values(story: Story, found: Recommended) -> str:
    """Return the values of all objectives at the recommended configuration."""
    if story.front is None or story.front.recommended is None:
        return f"{story.objective.metric} {recommended_text(found)}"
    return values_text(story.front.recommended.values)


def size_text(front: Front) -> str:
    """Return how many configurations are on the front."""
    if not front.points:
        return "the front is empty: no feasible result yet"
    how = "believed" if front.believed else "measured"
    return f"on the front as {how}: {counted(len(front.points), 'configuration')}"


def volume_text(front: Front) -> str:
    """Return the hypervolume that the results dominate, and the reference from which it counts; empty if unknown."""
    if front.hypervolume is None:
        return ""
    volume = (
        number(front.hypervolume) if front.hypervolume else "0, no result is better than `worst` in every objective"
    )
    return f"hypervolume dominated as measured: {volume}, {reference_text(front)}"


def reference_text(front: Front) -> str:
    """Return the values from which the hypervolume of a front counts."""
    return counted_from(Goal(front.objectives), front.worst)


def counted_from(goal: Goal, worst: Mapping[str, float]) -> str:
    """Return the worst useful values from which hypervolumes count, and which of them were not given."""
    ends = joined(f"{metric} {number(end)}" for metric, end in worst.items())
    inferred = [each.metric for each in goal.objectives if each.worst is None]
    some = "" if len(inferred) == len(goal.objectives) else f"{joined(inferred)} "
    return f"counted from {ends}" + (f" ({some}inferred from the front)" if inferred else "")


def table_lines(front: Front) -> Iterator[str]:
    """Yield a short table of the front, with points at even distances if there are many."""
    if not front.points:
        return
    chosen = None if front.recommended is None else front.recommended.trial
    few = evenly(front.points, _FEW if len(front.points) > _FEW + 1 else len(front.points))
    shown = [point for point in front.points if point in few or point.trial == chosen]
    known = any(point.probability is not None for point in shown)
    rows = [["trial", *(_cut(str(each)) for each in front.objectives), *(["on the front"] if known else [])]]
    rows += [_cells(point, known=known) for point in shown]
    marks = ["", *("recommended" if point.trial == chosen else "" for point in shown)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row, mark in zip(rows, marks, strict=True):
        first, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join([first.rstrip().rjust(widths[0]), *others, mark])}".rstrip()
    if more := len(front.points) - len(shown):
        yield f"  and {more} more: `overnight trials --pareto`"


def _cells(point: FrontPoint, *, known: bool) -> list[str]:
    cells = [str(point.trial), *map(value_text, point.values)]
    return [*cells, "" if point.probability is None else probability(point.probability)] if known else cells


def chosen_text(front: Front, found: RecommendedOfFront) -> str:
    """Return why this point of the front is the recommended one."""
    if found.preferred is None:
        return "it is balanced: of all on the front, it dominates the largest hypervolume by itself"
    surely = f" with a probability of at least {100 * found.demanded:g} %" if front.believed else " as measured"
    wanted = joined(found.prefer)
    if found.preferred:
        first = found.values[0].metric
        return f"it is preferred: the best in {first} of those on the front that meet {wanted}{surely}{_chances(found)}"
    return f"nothing on the front meets {wanted}{surely}: it comes closest{_chances(found)}"


def _chances(found: RecommendedOfFront) -> str:
    """Return the probability of meeting each preference, in brackets; empty if they are unknown."""
    chances = [f"{text}: {probability(chance)}" for text, chance in found.probabilities.items()]
    return f" ({', '.join(chances)})" if chances else ""


def against_baseline_text(front: Front, baseline: ComparedBaseline) -> str:
    """Return how many points of the front beat the baseline, and how the recommended one compares with it."""
    count, of = len(baseline.dominated_by), len(front.points)
    which = "nothing" if not count else "everything" if count == of else f"{count} of {of}"
    verb = "are" if 1 < count < of else "is"
    beaten = f"{which} on the front {verb} better than the baseline in an objective and worse in none"
    return f"{beaten}; the recommended one is {comparison_text(baseline)}"


def better_in_all(front: Front, found: Recommended) -> float | None:
    """Return the probability that the recommended point is better than the baseline in every objective.

    None if that is unknown, or if it is believed to be worse in some.
    """
    worse = front.baseline is not None and front.baseline.worse
    return None if worse else found.probability_better_than_baseline


def comparison_text(baseline: ComparedBaseline) -> str:
    """Return in which objectives the recommended point is better than the baseline, and in which it is worse."""
    sides = {"better": baseline.better, "worse": baseline.worse}
    parts = [f"{word} in {joined(metrics)}" for word, metrics in sides.items() if metrics]
    return " and ".join(parts) or "equal in every objective"


def joined(names: Iterable[str]) -> str:
    """Return names as a list in a sentence."""
    *first, last = [*names] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
