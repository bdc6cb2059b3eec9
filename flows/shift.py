"""A campaign's window as the controller at work sees it: what still fits into it, and when what runs is to stop."""

import asyncio
from datetime import datetime, timedelta

from campaign import History
from campaign.duration import format_duration
from flows.clock import Clock
from flows.job import Job
from flows.prediction import predicted_duration

# A machine may sleep and a clock may be set, so that the end of a long wait is looked for now and then.
_LOOK = timedelta(seconds=60)


class Shift:
    """The time from a window's opening to its end, over and over; without a window it never ends."""

    def __init__(self, job: Job, clock: Clock) -> None:
        self.window = None if job.ignore_window else job.campaign.window
        self.time_limit, self.clock = job.evaluator.time_limit, clock
        self._until: datetime | None = None

    def has_time(self, history: History) -> bool:
        """Tell whether an evaluation that starts now is expected to end before the window does."""
        if self.window is None:
            return True
        now = self.clock.now()
        closes = self._closes(now)
        return closes is not None and now + predicted_duration(history, self.time_limit) <= closes

    def is_over(self) -> bool:
        """Tell whether what runs is to be stopped, since the window has closed in which this controller was at work.

        One that begins outside of the window lets end what it finds running: nobody knows for how long it has been.
        """
        if self.window is None or self.window.running == "finish":
            return False
        return self._closes(self.clock.now()) is None and self._until is not None

    async def wait(self) -> None:
        """Return when the window has opened or closed, or earlier; never, where there is none."""
        if self.window is None:
            await asyncio.Event().wait()
            return
        now = self.clock.now()
        turns = self._closes(now) or self.window.next_opening(now)
        await self.clock.sleep(min(turns - now, _LOOK).total_seconds())

    def why_it_ends(self, history: History) -> str | None:
        """Return what keeps the campaign from starting more now, and when its window opens next; None if nothing."""
        if self.window is None or self.has_time(history):
            return None
        now = self.clock.now()
        closes, opens = self.window.closes(now), self.window.said(self.window.next_opening(now))
        if closes is not None:
            expected = format_duration(predicted_duration(history, self.time_limit))
            ends = f"closes {self.window.said(closes)} and an evaluation is expected to take {expected}"
            return f"the window {self.window} {ends}; it opens again {opens}"
        if self._until is not None:
            return f"the window {self.window} has closed; it opens again {opens}"
        return f"outside of the window {self.window}; it opens {opens}"

    def _closes(self, now: datetime) -> datetime | None:
        closes = None if self.window is None else self.window.closes(now)
        self._until = closes or self._until
        return closes
