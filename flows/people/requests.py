"""Requests about a whole campaign: pause, resume, drain, stop."""

from collections.abc import Sequence
from datetime import datetime

from overnight.campaign import History
from overnight.campaign.errors import Refused
from overnight.campaign.history.events import CampaignAskedToStop, CampaignPaused, CampaignResumed
from overnight.flows.session.lease import CONTROLLER, controller_lives
from overnight.report.story.people import request_of


def pause(history: History, who: str, why: str, now: datetime) -> list[CampaignPaused]:
    """Return the event that keeps new trials from starting.

    Raises Refused if the campaign is over, or if a person has already paused it.
    """
    _refuse_if_over(history)
    # A controller's own pause ends when its machine recovers; a person's pause has to outlast it.
    if history.paused is not None and history.paused.actor != CONTROLLER:
        raise Refused(
            f"Campaign `{history.definition.name}` was already {request_of(history.paused)}. Nothing was written; "
            "`overnight resume` lets it continue."
        )
    return [CampaignPaused(time=now, actor=who, request=history.requests + 1, why=why)]


def resume(history: History, who: str, why: str, now: datetime) -> list[CampaignResumed]:
    """Return the event that lets a paused campaign start trials again; raises Refused if it is not paused."""
    if history.paused is None:
        raise Refused(
            f"Campaign `{history.definition.name}` is not paused, so there is nothing to resume. Nothing was written. "
            "If no controller is running, start one with `overnight run`."
        )
    return [CampaignResumed(time=now, actor=who, request=history.requests + 1, why=why)]


def ask_to_stop(history: History, who: str, why: str, now: datetime, *, at_once: bool) -> Sequence[CampaignAskedToStop]:
    """Return the event that ends the current controller; raises Refused if none is running or it was already asked."""
    name, lease = history.definition.name, history.lease
    if lease is None or history.closed_by is not None:
        closed = history.closed_by
        found = "none has started yet" if closed is None else f"the last one has ended ({closed.reason})"
        raise Refused(
            f"Campaign `{name}` has no running controller: {found}. Nothing was written, because this request is only "
            "for the current controller. `overnight pause` also holds for the next one."
        )
    asked = history.asked_to_stop
    if asked is not None and asked.at_once >= at_once:
        raise Refused(f"Campaign `{name}`: its controller was already {request_of(asked)}. Nothing was written.")
    return [CampaignAskedToStop(time=now, actor=who, epoch=lease.epoch, at_once=at_once, why=why)]


def ask_living_to_stop(
    history: History, who: str, why: str, now: datetime, *, at_once: bool
) -> Sequence[CampaignAskedToStop]:
    """Return the event of `ask_to_stop`; raises Refused as well if the controller can be seen to be gone."""
    events = ask_to_stop(history, who, why, now, at_once=at_once)
    if not controller_lives(history):
        raise Refused(
            f"Campaign `{history.definition.name}` has no running controller: the last one, a process on this "
            "machine, is gone. Nothing was written. `overnight run` continues the campaign."
        )
    return events


def _refuse_if_over(history: History) -> None:
    if history.finished is not None:
        reason = history.finished.reason
        raise Refused(
            f"Campaign `{history.definition.name}` has finished: {reason}. Nothing was written. To continue it, raise "
            "its budget and run it."
        )
