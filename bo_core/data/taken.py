"""The points that may not be proposed: those of all trials, and those chosen since.

A campaign asks for points again and again, each time after a few more trials. The keys of earlier trials and the place
in the Sobol sequence up to which they have taken every point are therefore kept for later requests.
"""

from collections.abc import Collection, Iterator
from itertools import islice
from threading import Lock
from weakref import WeakKeyDictionary

from overnight.bo_core.data.encoding import PointKey, key_of
from overnight.campaign.history.trials import Line, Trials
from overnight.campaign.space import SpaceText

SequenceKey = tuple[SpaceText, int]
Place = tuple[int, int]


class _Tried:
    """The points of a line of trials: which trial was the first at each, and how many there are up to each trial.

    Trials are only added, so that shorter and longer histories can read it at the same time. `free` is the first place
    of each sequence whose point was not taken by so many trials.
    """

    def __init__(self) -> None:
        self.first: dict[PointKey, int] = {}
        self.points = [0]
        self.free: dict[SequenceKey, tuple[int, Place]] = {}
        self._one_at_a_time = Lock()

    def read(self, trials: Trials) -> None:
        """Add the trials that are new."""
        with self._one_at_a_time:
            known = len(self.points) - 1
            new = [*islice(trials.newest_first(), max(len(trials) - known, 0))]
            for number, trial in enumerate(reversed(new), start=known):
                self.first.setdefault(key_of(trial.point), number)
                self.points.append(len(self.first))


_tried: WeakKeyDictionary[Line, _Tried] = WeakKeyDictionary()


class Taken(Collection[PointKey]):
    """The keys of the points of some trials, and of `chosen` ones."""

    def __init__(self, trials: Trials, chosen: Collection[PointKey] = ()) -> None:
        tried = _tried.get(trials.line)
        if tried is None:
            tried = _tried.setdefault(trials.line, _Tried())
        tried.read(trials)
        self._trials, self._tried = trials, tried
        self._first, self._count = tried.first, len(trials)
        self._chosen = frozenset(key for key in chosen if not self.by_trial(key))

    @classmethod
    def without_trials(cls, keys: Collection[PointKey]) -> "Taken":
        """Return these keys only."""
        return cls(Trials(), keys)

    def and_chosen(self, keys: Collection[PointKey]) -> "Taken":
        """Return these and more keys."""
        return Taken(self._trials, {*self._chosen, *keys})

    def by_trial(self, key: PointKey) -> bool:
        """Return whether a trial has the point."""
        return self._first.get(key, self._count) < self._count

    def first_free(self, sequence: SequenceKey) -> Place:
        """Return a place in a sequence before which trials have taken every point."""
        count, place = self._tried.free.get(sequence, (0, (0, 0)))
        return place if count <= self._count else (0, 0)

    def remember_free(self, sequence: SequenceKey, place: Place) -> None:
        """Keep the place of the first point of a sequence that no trial has taken."""
        if self._tried.free.get(sequence, (0, place))[0] <= self._count:
            self._tried.free[sequence] = (self._count, place)

    def __contains__(self, key: object) -> bool:
        return key in self._chosen or self._first.get(key, self._count) < self._count  # pyright: ignore

    def __iter__(self) -> Iterator[PointKey]:
        yield from (key for key, number in [*self._first.items()] if number < self._count)
        yield from self._chosen

    def __len__(self) -> int:
        return self._tried.points[self._count] + len(self._chosen)
