"""The window of a campaign for its controller: whether another trial fits in, and when running trials stop."""

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

# A machine may sleep and a clock may be set, so a long wait looks at the clock now and then.
_LOOK = timedelta(seconds=60)
# A scheduler that starts a campaign at its opening may be early by our clock: Prefect once was, by 22 ms.
_SOON = timedelta(seconds=60)


def why_not_yet(campaign: Campaign, history: History, now: datetime) -> str | None:
    """Return why there is nothing to do now, and when the window opens; None if there is something to do.

    A window that is about to open is something to do, and so are evaluations that an earlier controller left running.
    Evaluations that continue by themselves can wait, unless they have to be ended.
    """
    window = campaign.window
    if window is None or window.is_open(now) or _opens_soon(window, now) or _left_running(history):
        return None
    return _outside(window, now)


class Shift:
    """The time from each opening of the window to its end; without a window it never ends.

    The window is read from the history, because people may revise it.
    """

    def __init__(self, job: Job, clock: Clock) -> None:
        self.ignored, self.time_limit, self.clock = job.ignore_window, job.evaluator.time_limit, clock
        self.goes_on = job.goes_on
        self._worked = False

    def has_time(self, history: History) -> bool:
        """Return whether an evaluation that starts now is expected to end before the window does."""
        window = self._window(history)
        if window is None:
            return True
        now = self.clock.now()
        closes = self._closes(window, now)
        return closes is not None and (self.goes_on or now + predicted_duration(history, self.time_limit) <= closes)

    def is_over(self, history: History) -> bool:
        """Return whether running evaluations must stop, because the window in which this controller worked has closed.

        A controller that begins outside the window does not stop the evaluations that it finds running, since it does
        not know how long they have run. Evaluations that continue by themselves are left once the window is closed.
        """
        window = self._window(history)
        if window is not None and self.goes_on:
            return self._closes(window, self.clock.now()) is None
        if window is None or window.running == "finish":
            return False
        return self._closes(window, self.clock.now()) is None and self._worked

    def seconds_to_opening(self, history: History) -> float | None:
        """Return the seconds until a window that is about to open does so; None if it is open, or opens later."""
        window, now = self._window(history), self.clock.now()
        if window is None or window.is_open(now) or not _opens_soon(window, now):
            return None
        return (window.next_opening(now) - now).total_seconds()

    async def wait(self, history: History) -> None:
        """Return when the window has opened or closed, or earlier; never return without a window."""
        window = self._window(history)
        if window is None:
            await asyncio.Event().wait()
            return
        now = self.clock.now()
        turns = self._closes(window, now) or window.next_opening(now)
        await self.clock.sleep(min(turns - now, _LOOK).total_seconds())

    def why_it_ends(self, history: History) -> Drained | None:
        """Return why the window prevents further starts now, and when it opens next; None if it does not."""
        window = self._window(history)
        if window is None or self.has_time(history):
            return None
        now = self.clock.now()
        closes, opens = window.closes(now), window.local_text(window.next_opening(now))
        if closes is None and not self._worked:
            return Drained("outside_window", _outside(window, now))
        if closes is not None:
            expected = format_duration(predicted_duration(history, self.time_limit))
            ends = f"closes {window.local_text(closes)} and an evaluation is expected to take {expected}"
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
    return f"outside the window {window}; it opens {window.local_text(window.next_opening(now))}"


def _left_running(history: History) -> bool:
    """Return whether an attempt begun by a controller has no recorded end, even if its trial is over.

    Attempts at trials that are not over do not count if they continue by themselves.
    """
    trials = history.trials.values()
    left = [open_ for trial in trials if (open_ := trial.open_attempt) is not None and open_.handle is None]
    left += [forsaken for trial in trials if (forsaken := trial.forsaken_attempt) is not None]
    return any(attempt.actor == CONTROLLER for attempt in left)
