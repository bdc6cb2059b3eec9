"""Read the history of a campaign for the commands that append nothing."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from overnight.campaign import History
from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import Event
from overnight.flows.commands.read.kept import Kept, kept_at
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.terminal import terminal
from overnight.flows.session.lease import controller_lives


def read_past(path: Path, as_of: str | None = None) -> tuple[Kept, History]:
    """Return a campaign and its history, complete or as of a moment.

    `as_of` is a number of events or a time. Raises LedgerError if nothing had been written by then.
    """
    kept = kept_at(path)
    events = kept.events()
    history = History.from_events(events if as_of is None else known(events, as_of))
    if history.defined is None:
        raise LedgerError(f"--as-of {as_of}: expected a time since the campaign began; it began later.")
    return kept, history


def was_alive(history: History, as_of: str | None) -> bool:
    """Return whether the campaign's controller is alive; as of a moment, it was, since nothing shows the contrary."""
    return as_of is not None or controller_lives(history)


def seen_at(history: History, as_of: str | None) -> datetime:
    """Return the moment to which a history is told: now, the time `as_of`, or the time of the last of so many events.

    A time that has not come yet is now.
    """
    now = SystemClock().now()
    if as_of is None:
        return now
    return (history.last_time or now) if as_of.isdecimal() else min(_time(as_of), now)


def known(events: Sequence[Event], as_of: str) -> Sequence[Event]:
    """Return the first `as_of` events, or those before the first event that is later than the time `as_of`.

    If a clock was set back, events after that later one may have earlier times. They are left out, since they were
    never known without it, and a warning counts them. Raises LedgerError if `as_of` is neither a number nor a time.
    """
    if as_of.isdecimal():
        if not 0 < int(as_of) <= len(events):
            raise LedgerError(f"--as-of {as_of}: expected a number from 1 to {len(events)}, the number of events.")
        return events[: int(as_of)]
    moment = _time(as_of)
    before = list(takewhile(lambda event: event.time <= moment, events))
    left_out = sum(event.time <= moment for event in events[len(before) :])
    if left_out:
        terminal(stderr=True).print(
            f"--as-of {as_of}: a clock was set back: {left_out} events with an earlier time come after one with a "
            f"later time in the ledger, and are not shown. The ledger's order decides; --as-of N shows the first N of "
            f"its {len(events)} events.",
            style="yellow",
            soft_wrap=True,
        )
    return before


def _time(as_of: str) -> datetime:
    """Return the time that is meant; raises LedgerError if it is none."""
    try:
        return datetime.fromisoformat(as_of).astimezone()
    except ValueError:
        raise LedgerError(
            f"--as-of {as_of}: expected the number of an event, such as 120, or a time, such as 2026-03-01T23:00 "
            "(here) or 2026-03-01T22:00Z."
        ) from None
