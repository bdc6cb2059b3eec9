"""All trials of a campaign, with the counts that a controller needs, kept up to date."""

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from itertools import islice
from threading import Lock
from types import MappingProxyType

from overnight.campaign.history.trial import Observation, Trial


class Line:
    """Trials and their continuations: of two with the same line, the longer one begins with the shorter one's points.

    What was computed from the points of the shorter one can therefore be continued for the longer one.
    """

    __slots__ = ("__weakref__", "_length", "_one_at_a_time")

    def __init__(self, length: int) -> None:
        self._length = length
        self._one_at_a_time = Lock()

    def continued(self, length: int, more: int) -> "Line":
        """Return the line of trials with so many more points: this one, unless others have continued it there."""
        with self._one_at_a_time:
            if more and length < self._length:
                return Line(length + more)
            self._length += more
            return self


class Trials(Mapping[int, Trial]):
    """Immutable trials by id, with counts that take no time to read.

    `open` holds the trials that have not ended, in the order of their ids. `last` is the highest id, or 0 without
    trials. `started` counts the trials that count in the budget, `observed` those that ended with a result. `line` is
    shared with later trials that continue these.
    """

    __slots__ = ("_by_number", "last", "line", "observed", "open", "started")

    def __init__(self, trials: Mapping[int, Trial] = MappingProxyType({})) -> None:
        # Never handed out. A read-only view of it would take ten times as long to copy.
        self._by_number = {**trials}
        self.last = max(trials, default=0)
        self.open = tuple(trial for _, trial in sorted(trials.items()) if trial.outcome is None)
        self.started = sum(trial.counted for trial in trials.values())
        self.observed = sum(isinstance(trial.outcome, Observation) for trial in trials.values())
        self.line = Line(len(trials))

    def changed(self, news: Mapping[int, Trial]) -> "Trials":
        """Return a copy in which these trials replace those with the same ids, or are added."""
        if not news:
            return self
        before, after = Trials({number: self[number] for number in news if number in self}), Trials(news)
        result = Trials.__new__(Trials)
        result._by_number = {**self._by_number, **news}
        result.last = max(self.last, after.last)
        still = [trial for trial in self.open if trial.id not in news]
        result.open = tuple(sorted((*still, *after.open), key=lambda trial: trial.id))
        result.started = self.started - before.started + after.started
        result.observed = self.observed - before.observed + after.observed
        same_points = all(_is_at_the_same_point(trial, news[number]) for number, trial in before.items())
        more = len(news) - len(before)
        result.line = self.line.continued(len(self), more) if same_points else Line(len(result))
        return result

    def newest_first(self) -> Iterator[Trial]:
        """Iterate over the trials, the last proposed one first."""
        return (self._by_number[number] for number in reversed(self._by_number))

    def ended_since(self, before: "Trials") -> list[Trial]:
        """Return the trials that have ended since `before`; an outcome never changes."""
        new = islice(self.newest_first(), len(self) - len(before))
        changed = [*(self[trial.id] for trial in before.open), *reversed([*new])]
        return [trial for trial in changed if trial.outcome is not None]

    def __getitem__(self, number: int) -> Trial:
        return self._by_number[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._by_number)

    def __len__(self) -> int:
        return len(self._by_number)

    # The base class's versions look up one trial after the other, in Python.
    def __contains__(self, number: object) -> bool:
        return number in self._by_number

    def keys(self) -> KeysView[int]:
        """Return the numbers."""
        return self._by_number.keys()

    def values(self) -> ValuesView[Trial]:
        """Return the trials."""
        return self._by_number.values()

    def items(self) -> ItemsView[int, Trial]:
        """Return the pairs of number and trial."""
        return self._by_number.items()


def _is_at_the_same_point(one: Trial, other: Trial) -> bool:
    """Return whether a trial is still where it was; a revision that adds parameters moves all of them."""
    return one.proposal is other.proposal and one.point_now == other.point_now
