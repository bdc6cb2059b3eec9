"""The deeds in a ledger: the requests of people, the processes that ran a campaign, and how it was closed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from overnight.campaign.history.events import (
    CampaignAskedToStop,
    CampaignDefined,
    CampaignDrained,
    CampaignFinished,
    CampaignPaused,
    CampaignResumed,
    CampaignRevised,
    Event,
    LeaseTaken,
    LossAccepted,
    TrialAbandoned,
    TrialApproved,
    TrialObserved,
    TrialProposed,
    TrialRejected,
)
from overnight.report.numbers import measured
from overnight.report.phrases.general import counted
from overnight.report.trial_facts import point_text


@dataclass(frozen=True)
class Deed:
    """What was done, by whom and why; `why` is empty if no reason is recorded."""

    at: datetime
    by: str
    what: str
    why: str
    trial: int | None = None


def is_deed(event: Event) -> bool:
    """Return whether an event is one of these; proposals, attempts and their outcomes are not."""
    match event:
        case TrialProposed():
            return event.generator == "manual" and event.why is not None
        case TrialObserved():
            return "reported_by" in event.metadata
    return isinstance(event, tuple(_WORDS))


def deeds(events: Iterable[Event]) -> list[Deed]:
    """Return the deeds among these events, the newest first."""
    return [_deed(event) for event in reversed([*events]) if is_deed(event)]


_WORDS: dict[type, str] = {
    CampaignDefined: "defined the campaign",
    CampaignDrained: "drained",
    CampaignFinished: "finished",
    CampaignPaused: "paused the campaign",
    CampaignResumed: "resumed the campaign",
    CampaignRevised: "revised the campaign",
    CampaignAskedToStop: "asked the controller to drain",
    LeaseTaken: "began to run the campaign",
    LossAccepted: "accepted the loss of segments",
    TrialAbandoned: "abandoned the trial",
    TrialApproved: "approved the trial",
    TrialRejected: "rejected the trial",
}


def _deed(event: Event) -> Deed:
    what, why = _WORDS.get(type(event), ""), str(getattr(event, "why", None) or "")
    match event:
        case TrialProposed():
            what = f"suggested {point_text(event, event.point)}"
        case TrialObserved():
            what = f"reported {', '.join(f'{name} {measured(found)}' for name, found in event.metrics.items())}"
            why = str(event.metadata.get("why") or "")
        case CampaignRevised():
            what = f"{what} (revision {event.revision})"
        case CampaignAskedToStop() if event.at_once:
            what = "asked the controller to stop at once"
        case CampaignDrained() | CampaignFinished():
            why = event.reason
        case LeaseTaken():
            what = f"{what}, as process {event.pid} on {event.host}"
        case LossAccepted():
            what = f"{what}: {counted(event.segment, 'segment')} had been there"
    return Deed(event.time, event.actor, what, why, getattr(event, "trial", None))
