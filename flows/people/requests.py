"""Requests about a whole campaign: pause, resume, drain, stop."""

from collections.abc import Sequence
from datetime import datetime

from overnight.campaign import History
from overnight.campaign.errors import Refused
from overnight.campaign.history.events import CampaignAskedToStop, CampaignPaused, CampaignResumed
from overnight.flows.session.lease import CONTROLLER
from overnight.report.story.people import request_of


def pause(history: History, who: str, why: str, now: datetime) -> list[CampaignPaused]:
    """Return the event that keeps new trials from starting; raises Refused where they are kept from it already."""
    _refuse_if_over(history)
    # A person's pause outlasts the one of a controller whose machine is in trouble.
    if history.paused is not None and history.paused.actor != CONTROLLER:
        raise Refused(
            f"Campaign `{history.definition.name}`: expected one that is not paused, found it "
            f"{request_of(history.paused)}. Nothing was written; `overnight resume` lets it go on."
        )
    return [CampaignPaused(time=now, actor=who, request=history.requests + 1, why=why)]


def resume(history: History, who: str, why: str, now: datetime) -> list[CampaignResumed]:
    """Return the event that lets a paused campaign start trials again; raises Refused where it is not paused."""
    if history.paused is None:
        raise Refused(
            f"Campaign `{history.definition.name}`: expected one that is paused, found that it is not. Nothing was "
            "written. If no controller runs, `overnight run` is what makes it go on."
        )
    return [CampaignResumed(time=now, actor=who, request=history.requests + 1, why=why)]


def ask_to_stop(history: History, who: str, why: str, now: datetime, *, at_once: bool) -> Sequence[CampaignAskedToStop]:
    """Return the event that ends the present controller; raises Refused where there is none or it knows already."""
    name, lease = history.definition.name, history.lease
    if lease is None or history.closed_by is not None:
        closed = history.closed_by
        found = "that none has begun" if closed is None else f"that the last one has ended ({closed.reason})"
        raise Refused(
            f"Campaign `{name}`: expected a controller that runs, found {found}. Nothing was written: such a request "
            "is meant for the controller of the moment. `overnight pause` also holds for the next one."
        )
    asked = history.asked_to_stop
    if asked is not None and asked.at_once >= at_once:
        raise Refused(
            f"Campaign `{name}`: expected a controller that was not asked yet, found it {request_of(asked)}."
            " Nothing was written."
        )
    return [CampaignAskedToStop(time=now, actor=who, epoch=lease.epoch, at_once=at_once, why=why)]


def _refuse_if_over(history: History) -> None:
    if history.finished is not None:
        reason = history.finished.reason
        raise Refused(
            f"Campaign `{history.definition.name}`: expected one that goes on, found it finished: {reason}. "
            "Nothing was written. Raise its budget and run it to make it go on."
        )
