"""The first events of a trial, the same for a controller and for a user's own loop."""

from collections.abc import Sequence
from datetime import datetime

from overnight.campaign import History, Point, Proposal
from overnight.campaign.history.events import AttemptStarted, TrialProposed
from overnight.campaign.history.provenance import Asked, Provenance
from overnight.campaign.standing.declared_costs import to_resume
from overnight.campaign.standing.parking import why_parked
from overnight.flows.host.attempt_key import new_attempt_key
from overnight.flows.host.commit import running_commit


def proposed_events(
    history: History, proposals: Sequence[Proposal], now: datetime, actor: str, asked: Asked
) -> list[TrialProposed]:
    """Return the events that make proposals the trials of one batch, each parked if a person has to approve it.

    `asked` holds the caller's additions to the provenance that the proposer recorded; the commit is added here.
    """
    known = asked.model_copy(update={"commit": running_commit()})
    parked = [why_parked(history.definition, history, proposal) for proposal in proposals]
    return [
        TrialProposed(
            time=now,
            actor=actor,
            trial=history.next_trial + i,
            point=proposal.point,
            generator=proposal.generator,
            batch=history.next_trial,
            weight=proposal.weight,
            parked=why is not None,
            parked_because=why,
            provenance=proposal.provenance and _asked_for(proposal.provenance, known),
        )
        for i, (proposal, why) in enumerate(zip(proposals, parked, strict=True))
    ]


def _asked_for(made: Provenance, asked: Asked) -> Provenance:
    """Return the provenance with the caller's additions; None keeps what the proposer recorded, such as a stand-in."""
    added = {name: value for name, value in asked if value is not None}
    return made.model_copy(update={"asked": made.asked.model_copy(update=added)})


def attempt_event(
    history: History,
    trial: int,
    point: Point,
    number: int,
    now: datetime,
    actor: str,
    deadline: datetime | None = None,
) -> AttemptStarted:
    """Return the event that begins an attempt at a trial; its key is unique among all campaigns.

    A repeated attempt continues from the same evaluation as the first one, although others may have ended since.
    """
    defined = history.defined
    assert defined is not None
    key = new_attempt_key(history.definition.name, defined.uid, trial, number)
    known = history.trials.get(trial)
    resumed = known.attempts[0].resumed if known is not None and known.attempts else to_resume(history, point)
    return AttemptStarted(
        time=now, actor=actor, trial=trial, attempt=number, key=key, deadline=deadline, resumed=resumed
    )
