"""The events with which trials begin: the same for a controller and for a user's own loop."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from overnight.campaign import History, Proposal
from overnight.campaign.history.events import AttemptStarted, TrialProposed
from overnight.campaign.standing.parking import why_parked
from overnight.flows.host.attempt_key import new_attempt_key
from overnight.flows.host.commit import running_commit


def proposed_events(
    history: History, proposals: Sequence[Proposal], now: datetime, actor: str, made: Mapping[str, Any]
) -> list[TrialProposed]:
    """Return the events that make trials of proposals, each parked if a person has to approve it.

    `made` says how they were made, beside what the proposer itself says.
    """
    extra = {**made, "commit": running_commit()}
    parked = [why_parked(history.definition, history, proposal) for proposal in proposals]
    return [
        TrialProposed(
            time=now,
            actor=actor,
            trial=history.next_trial + i,
            point=proposal.point,
            generator=proposal.generator,
            parked=why is not None,
            parked_because=why,
            provenance=proposal.provenance and proposal.provenance.model_copy(update=extra),
        )
        for i, (proposal, why) in enumerate(zip(proposals, parked, strict=True))
    ]


def attempt_event(
    history: History, trial: int, number: int, now: datetime, actor: str, deadline: datetime | None = None
) -> AttemptStarted:
    """Return the event that begins an attempt at a trial; its key is the attempt's own among all campaigns."""
    defined = history.defined
    assert defined is not None
    key = new_attempt_key(history.definition.name, defined.uid, trial, number)
    return AttemptStarted(time=now, actor=actor, trial=trial, attempt=number, key=key, deadline=deadline)
