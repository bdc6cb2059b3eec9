"""A campaign's window as the controller at work sees it: what still fits into it, and when what runs is to stop."""

import asyncio
from datetime import datetime, timedelta

from campaign import History
from campaign.duration import format_duration
from campaign.window import Window
from flows.clock import Clock
from flows.job import Job
from flows.prediction import predicted_duration

# A machine may sleep and a clock may be set, so that the end of a long wait is looked for now and then.
_LOOK = timedelta(seconds=60)
# Whoever starts a campaign at its opening may be early by our clock: Prefect once was by 22 ms, on one machine.
_SOON = timedelta(seconds=60)


def opens_soon(window: Window, now: datetime) -> bool:
    """Tell whether whoever starts a campaign now may mean the next opening."""
    return window.next_opening(now) - now <= _SOON


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
        if window is None or window.is_open(now) or not opens_soon(window, now):
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

    def why_it_ends(self, history: History) -> str | None:
        """Return what keeps the campaign from starting more now, and when its window opens next; None if nothing."""
        window = self._window(history)
        if window is None or self.has_time(history):
            return None
        now = self.clock.now()
        closes, opens = window.closes(now), window.said(window.next_opening(now))
        if closes is not None:
            expected = format_duration(predicted_duration(history, self.time_limit))
            ends = f"closes {window.said(closes)} and an evaluation is expected to take {expected}"
            return f"the window {window} {ends}; it opens again {opens}"
        if self._worked:
            return f"the window {window} has closed; it opens again {opens}"
        return f"outside of the window {window}; it opens {opens}"

    def _window(self, history: History) -> Window | None:
        return None if self.ignored else history.definition.window

    def _closes(self, window: Window, now: datetime) -> datetime | None:
        closes = window.closes(now)
        self._worked = self._worked or closes is not None
        return closes
