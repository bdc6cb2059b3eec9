"""Evaluations that continue after their controller has ended."""

from datetime import datetime

from overnight.campaign import History
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.standing.ends import Drained
from overnight.campaign.window import Window
from overnight.flows.session.lease import CONTROLLER

_MOST_NAMED = 5


def going_on(history: History) -> int:
    """Return how many evaluations continue by themselves, so that the next controller finds them by their handles.

    The arms of a batch share one evaluation, and its handle.
    """
    attempts = (trial.open_attempt for trial in history.trials.open)
    found = {each.handle for each in attempts if each is not None and each.actor == CONTROLLER}
    return len(found - {None})


def refuse_unpolled(history: History) -> None:
    """Raise InvalidDefinition if evaluations continue by themselves, and the campaign's file no longer polls them."""
    attempts = (trial.open_attempt or trial.forsaken_attempt for trial in history.trials.values())
    left = [*dict.fromkeys(each.handle for each in attempts if each is not None and each.handle is not None)]
    if left:
        handles = ", ".join(left[:_MOST_NAMED]) + (f" and {len(left) - _MOST_NAMED} more" if left[_MOST_NAMED:] else "")
        raise InvalidDefinition(
            [
                "`evaluator.polled`: expected to be set, because evaluations of this campaign go on by themselves "
                f"({handles}), found it unset. Nothing was started. Set it again until they have ended."
            ]
        )


def and_left(history: History | None) -> str:
    """Return the end of a sentence about a request to stop: which evaluations continue; empty without any."""
    count = 0 if history is None else going_on(history)
    what = "1 evaluation that goes on elsewhere is" if count == 1 else f"{count} evaluations that go on elsewhere are"
    return f"; {what} left to the next controller" if count else ""


def with_going_on(drained: Drained, history: History, window: Window | None, now: datetime) -> Drained:
    """Return the reason why a controller ended, with the evaluations that continue and when they are looked at next."""
    count = going_on(history)
    if not count:
        return drained
    what = "1 evaluation goes on elsewhere and is" if count == 1 else f"{count} evaluations go on elsewhere and are"
    when = "" if window is None or window.is_open(now) else window.local_text(window.next_opening(now))
    again = f"looked at again when the campaign runs next{f', at the earliest {when}' if when else ''}"
    return Drained(drained.because, f"{drained.reason}; {what} {again}")
