"""The promises that the ledger of every campaign with a window has to keep: its windows, and what is left pending."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from overnight.campaign import History
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    CampaignDrained,
    CampaignFinished,
    Event,
    LeaseTaken,
    TrialObserved,
    TrialProposed,
)
from overnight.campaign.window import Window

# How early Prefect may be, and how late a decision may be recorded.
MOMENT = timedelta(seconds=1)
_ENOUGH = 5


@dataclass(frozen=True)
class Night:
    """The events of one controller, from its lease to its last event, and the history before it began."""

    before: History
    events: Sequence[Event]

    @property
    def started(self) -> list[AttemptStarted]:
        """Return the attempts that the controller started."""
        return [event for event in self.events if isinstance(event, AttemptStarted)]

    @property
    def observed(self) -> list[TrialObserved]:
        """Return the results recorded by the controller."""
        return [event for event in self.events if isinstance(event, TrialObserved)]

    @property
    def stopped(self) -> list[AttemptFailed]:
        """Return the attempts that the controller stopped before they were finished."""
        return [event for event in self.events if isinstance(event, AttemptFailed) and event.cause == "cancelled"]

    @property
    def reason(self) -> str:
        """Return the reason that the controller recorded for its end."""
        last = self.events[-1]
        return last.reason if isinstance(last, CampaignDrained | CampaignFinished) else "it did not say"


def nights_of(events: Sequence[Event]) -> list[Night]:
    """Return the events of each controller, in order."""
    begins = [i for i, event in enumerate(events) if isinstance(event, LeaseTaken)]
    return [Night(History.from_events(events[:i]), events[i:j]) for i, j in pairwise([*begins, len(events)])]


def outside_of_window(events: Sequence[Event], window: Window, time_limit: timedelta) -> Iterator[str]:
    """Name each attempt that was started outside of the window, or that was not expected to end in it."""
    known: list[float] = []
    for event in events:
        if isinstance(event, TrialObserved):
            known.append(event.seconds)
        elif isinstance(event, AttemptStarted):
            closes, expected = window.closes(event.time), _expected(known, time_limit)
            if closes is None:
                yield f"`{event.key}` was started outside of the window, {event.time}"
            elif event.time + expected > closes + MOMENT:
                yield f"`{event.key}` was started {event.time}, was expected to take {expected}, and would not fit"


def _expected(known: Sequence[float], time_limit: timedelta) -> timedelta:
    """Return the shortest duration that at least nine in ten did not exceed, computed from its definition."""
    if len(known) < _ENOUGH:
        return time_limit
    least = min(one for one in known if 10 * sum(other <= one for other in known) >= 9 * len(known))
    return min(timedelta(seconds=least), time_limit)


def forgotten(events: Sequence[Event]) -> Iterator[str]:
    """Name the model's proposals that did not know what earlier controllers left, or what was pending.

    The first points of a campaign depend on no results, so they record no pending trials.
    """
    for night in nights_of(events)[1:]:
        for event in night.events:
            if not isinstance(event, TrialProposed) or event.provenance is None or event.generator != "model":
                continue
            seen = History.from_events(events[: event.provenance.asked.events_seen or 0])
            if not set(night.before.trials) <= set(seen.trials):
                yield f"trial {event.trial} was proposed without all trials of the night before"
            pending = {trial.id for trial in seen.model_view().pending}
            known = event.provenance.knew.pending
            if set(known) != pending:
                yield f"trial {event.trial} was proposed with {known} pending, not {pending}"


def overtaken(events: Sequence[Event]) -> Iterator[str]:
    """Name the trials that earlier controllers left to be tried again, and that were not started before all others."""
    for night in nights_of(events)[1:]:
        waiting = {trial.id for trial in night.before.model_view().pending}
        first = {event.trial for event in night.started[: len(waiting)]}
        if waiting != first:
            yield f"{sorted(waiting)} were left to be tried again, and {sorted(first)} were started first"
