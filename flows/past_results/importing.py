"""Append past results to a new campaign's ledger, all or none."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from overnight.campaign import Campaign, History
from overnight.campaign.errors import CannotImport, LedgerMoved
from overnight.campaign.history.events import Event, TrialObserved, TrialProposed
from overnight.flows.host.clock import Clock
from overnight.flows.past_results.matching import PastObservation
from overnight.flows.session.journal import Journal
from overnight.flows.session.opening import open_campaign

_ACTOR = "import"
# Attempts count from 1; 0 means that nothing was executed here.
_NO_ATTEMPT = 0


def refuse_if_it_has_trials(campaign: Campaign, history: History) -> None:
    """Raise CannotImport if the campaign already has trials."""
    if history.trials:
        imported = sum(trial.imported for trial in history.trials.values())
        raise CannotImport(
            f"Campaign `{campaign.name}` already has {len(history.trials)} trials, {imported} of them imported, and "
            "past results can only be imported before the first trial. Nothing was written. Give the campaign another "
            "`name` and import them into that one."
        )


async def write_observations(
    journal: Journal, campaign: Campaign, settings: dict[str, Any], clock: Clock, found: Sequence[PastObservation]
) -> None:
    """Open the campaign and append the observations in one append, so that a kill leaves all of them or none.

    Raises CannotImport if the campaign already has trials.
    """
    await open_campaign(journal, campaign, settings, clock)
    while True:
        refuse_if_it_has_trials(campaign, journal.history)
        try:
            return await journal.append(import_events(found, journal.history.next_trial, clock.now()))
        except LedgerMoved:
            continue


def import_events(found: Sequence[PastObservation], first: int, now: datetime) -> list[Event]:
    """Return the events that make each observation a trial, numbered from `first`."""
    return [event for trial, each in enumerate(found, start=first) for event in _events(each, trial, now)]


def _events(found: PastObservation, trial: int, now: datetime) -> tuple[TrialProposed, TrialObserved]:
    proposed = TrialProposed(time=now, actor=_ACTOR, trial=trial, point=found.point, generator="import")
    observed = TrialObserved(
        time=now,
        actor=_ACTOR,
        trial=trial,
        attempt=_NO_ATTEMPT,
        metrics=dict(found.metrics),
        metadata=dict(found.origin),
        notes=found.notes,
    )
    return proposed, observed
