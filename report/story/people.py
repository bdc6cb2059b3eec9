"""The part of people in a campaign: their requests, the decisions that they owe, and their revisions."""

from datetime import datetime
from typing import Literal

from overnight.campaign import History, Point, Trial
from overnight.campaign.history.events import CampaignAskedToStop, CampaignPaused
from overnight.report.story.section import Section

_ASKED = {"pause": "paused", "drain": "asked to drain", "stop": "asked to stop at once"}


class Request(Section):
    """A person's request that still holds."""

    asks: Literal["pause", "drain", "stop"]
    by: str
    at: datetime
    why: str

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"{_ASKED[self.asks]} by {self.by} at {self.at:%Y-%m-%d %H:%M} UTC{why}"


class Question(Section):
    """A trial that waits for a person's decision, and the reason if it is recorded."""

    trial: int
    point: Point
    why: str | None


class Revision(Section):
    """A change of the campaign's definition, counted from 1."""

    number: int
    by: str
    at: datetime
    why: str | None


class People(Section):
    """Requests that hold, trials that `await_approval`, and trials whose attempt has an `unknown_end`.

    `approved` and `rejected` count the decisions that people have made.
    """

    requests: tuple[Request, ...]
    await_approval: tuple[Question, ...]
    unknown_end: tuple[Question, ...]
    approved: int
    rejected: int
    revision: Revision | None


def people_of(history: History) -> People:
    """Return the part of people in a campaign."""
    trials, revised = history.trials.values(), history.revised
    attempts = ((t, t.open_attempt) for t in history.trials.open)
    return People(
        requests=requests_of(history),
        await_approval=tuple(_question(t, t.parked_because) for t in history.trials.open if t.parked),
        unknown_end=tuple(_question(t, a.unknown) for t, a in attempts if a is not None and a.unknown is not None),
        approved=sum(trial.approved for trial in trials),
        rejected=sum(trial.status == "rejected" for trial in trials),
        revision=None
        if revised is None
        else Revision(number=revised.revision, by=revised.actor, at=revised.time, why=revised.why),
    )


def requests_of(history: History) -> tuple[Request, ...]:
    """Return the requests that still hold."""
    asked = history.asked_to_stop if history.closed_by is None else None
    paused = history.paused if history.finished is None else None
    return tuple(request_of(found) for found in (paused, asked) if found is not None)


def request_of(event: CampaignPaused | CampaignAskedToStop) -> Request:
    """Return the request that an event holds."""
    asks = "pause" if isinstance(event, CampaignPaused) else "stop" if event.at_once else "drain"
    return Request(asks=asks, by=event.actor, at=event.time, why=event.why)


def _question(trial: Trial, why: str | None) -> Question:
    return Question(trial=trial.id, point=trial.point, why=why)
