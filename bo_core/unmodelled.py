"""Proposals that no model makes: those that the campaign file asks for, and the provenance that any proposal has."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from overnight.bo_core.data.encoding import PointKey, key_of
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.numerics.stack import stack
from overnight.campaign import Campaign, History, Proposal, Trial
from overnight.campaign.history.provenance import Asked, MadeBy, Provenance, Stack

# The time of trials that have not been proposed yet.
_NO_TIME = datetime.fromtimestamp(0, UTC)


def asked_for(campaign: Campaign, taken: Collection[PointKey]) -> list[Proposal]:
    """Return the baseline and the `start_with` points that have not been proposed yet, in their order."""
    new: dict[PointKey, Proposal] = {}
    for i, point in enumerate(campaign.first_points):
        is_baseline = i == 0 and campaign.baseline is not None
        if (key := key_of(point)) not in taken:
            new.setdefault(key, Proposal(point=point, generator="baseline" if is_baseline else "manual"))
    return [*new.values()]


def with_pending(history: History, proposals: Sequence[Proposal]) -> History:
    """Return the history as if these proposals were pending trials already."""
    time, numbered = history.last_time or _NO_TIME, enumerate(proposals, start=history.next_trial)
    news = {i: Trial(id=i, proposal=proposal, proposed=time) for i, proposal in numbered}
    return replace(history, trials=history.trials.changed(news))


def seeded(campaign: Campaign, trial: int, threads: int | None = None, away: str | None = None) -> Provenance:
    """Return the provenance of any proposal: the seed, the stack, and why a Sobol point stands in, if it does.

    A Sobol point needs no threads.
    """
    return Provenance(
        made_by=MadeBy(seed=seed_of(campaign, trial)),
        stack=Stack(threads=threads, libraries=stack()),
        asked=Asked(stand_in=None if away is None else "sobol", away=away),
    )
