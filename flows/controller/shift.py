"""The window of a campaign for its controller: what still fits in, and when running trials stop."""

import asyncio
from datetime import datetime, timedelta

from overnight.campaign import Campaign, History
from overnight.campaign.standing.ends import Drained
from overnight.campaign.values.duration import format_duration
from overnight.campaign.window import Window
from overnight.flows.controller.job import Job
from overnight.flows.host.clock import Clock
from overnight.flows.rules.duration_forecast import predicted_duration
from overnight.flows.session.lease import CONTROLLER

# A machine may sleep and a clock may be set, so that the end of a long wait is looked for now and then.
_LOOK = timedelta(seconds=60)
# Whoever starts a campaign at its opening may be early by our clock: Prefect once was by 22 ms, on one machine.
_SOON = timedelta(seconds=60)


def why_not_yet(campaign: Campaign, history: History, now: datetime) -> str | None:
    """Return why nobody needs to begin now, and when the window opens; None where there is something to do.

    So is a window that is about to open, which is waited for, and what an earlier controller left running.
    """
    window = campaign.window
    if window is None or window.is_open(now) or _opens_soon(window, now) or _runs(history):
        return None
    return _outside(window, now)


class Shift:
    """The time from a window's opening to its end, over and over; without a window it never ends.

    The window is the history's: people may revise it meanwhile.
    """

    def __init__(self, job: Job, clock: Clock) -> None:
        self.ignored, self.time_limit, self.clock = job.ignore_window, job.evaluator.time_limit, clock
        self._worked = False

    def has_time(self, history: History) -> bool:
        """Tell whether an evaluation that starts now is expected to end before the window does."""
        window = self._window(history)
        if window is None:
            return True
        now = self.clock.now()
        closes = self._closes(window, now)
        return closes is not None and now + predicted_duration(history, self.time_limit) <= closes

    def is_over(self, history: History) -> bool:
        """Tell whether what runs is to be stopped, since the window has closed in which this controller was at work.

        One that begins outside of the window lets end what it finds running: nobody knows for how long it has been.
        """
        window = self._window(history)
        if window is None or window.running == "finish":
            return False
        return self._closes(window, self.clock.now()) is None and self._worked

    def seconds_to_opening(self, history: History) -> float | None:
        """Return for how long a window stays closed that is about to open; None where it is open, or opens later."""
        window, now = self._window(history), self.clock.now()
        if window is None or window.is_open(now) or not _opens_soon(window, now):
            return None
        return (window.next_opening(now) - now).total_seconds()

    async def wait(self, history: History) -> None:
        """Return when the window has opened or closed, or earlier; never, where there is none."""
        window = self._window(history)
        if window is None:
            await asyncio.Event().wait()
            return
        now = self.clock.now()
        turns = self._closes(window, now) or window.next_opening(now)
        await self.clock.sleep(min(turns - now, _LOOK).total_seconds())

    def why_it_ends(self, history: History) -> Drained | None:
        """Return what keeps the campaign from starting more now, and when its window opens next; None if nothing."""
        window = self._window(history)
        if window is None or self.has_time(history):
            return None
        now = self.clock.now()
        closes, opens = window.closes(now), window.said(window.next_opening(now))
        if closes is None and not self._worked:
            return Drained("outside_window", _outside(window, now))
        if closes is not None:
            expected = format_duration(predicted_duration(history, self.time_limit))
            ends = f"closes {window.said(closes)} and an evaluation is expected to take {expected}"
            return Drained("window_closed", f"the window {window} {ends}; it opens again {opens}")
        return Drained("window_closed", f"the window {window} has closed; it opens again {opens}")

    def _window(self, history: History) -> Window | None:
        return None if self.ignored else history.definition.window

    def _closes(self, window: Window, now: datetime) -> datetime | None:
        closes = window.closes(now)
        self._worked = self._worked or closes is not None
        return closes


def _opens_soon(window: Window, now: datetime) -> bool:
    return window.next_opening(now) - now <= _SOON


def _outside(window: Window, now: datetime) -> str:
    return f"outside of the window {window}; it opens {window.said(window.next_opening(now))}"


def _runs(history: History) -> bool:
    """Tell whether a controller began something whose end nobody has written down, also where its trial is over."""
    attempts = (trial.open_attempt or trial.forsaken_attempt for trial in history.trials.values())
    return any(attempt is not None and attempt.actor == CONTROLLER for attempt in attempts)
