"""Decide whether a scheduled run has any work; most only check that a controller is alive."""

from datetime import datetime

from overnight.campaign import History
from overnight.campaign.history.events import CampaignDrained
from overnight.flows.controller.finished import is_over
from overnight.flows.controller.shift import why_not_yet
from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.session.opening import effective_definition


def why_finished(history: History, file: CampaignFile) -> str | None:
    """Return how the campaign ended, if running it would change nothing; otherwise None."""
    if not is_over(history, file.campaign, file.settings()) or history.closed_by is None:
        return None
    return f"The campaign has finished: {history.closed_by.reason}. Its schedule is paused until it is deployed again."


def why_not_now(history: History, file: CampaignFile, now: datetime, *, by_schedule: bool) -> str | None:
    """Return why there is nothing to do now; None if there may be something.

    After a controller was ended on purpose, the schedule starts no other before the next opening; people may.
    """
    campaign, closed = effective_definition(history, file.campaign), history.closed_by
    if (not_yet := why_not_yet(campaign, history, now)) is not None:
        return f"{not_yet[0].upper()}{not_yet[1:]}."
    window = campaign.window
    opened = None if window is None else window.opened(now)
    since_opening = window is None or (opened is not None and closed is not None and closed.time >= opened)
    if by_schedule and isinstance(closed, CampaignDrained) and since_opening:
        until = "" if window is None else f" before {window.local_text(window.next_opening(now))}"
        return (
            f"The last controller ended at {closed.time:%Y-%m-%d %H:%M:%S} UTC, deliberately: {closed.reason}. The "
            f"schedule starts no other{until}; start a run by hand to continue sooner."
        )
    return None
