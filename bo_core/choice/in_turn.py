"""Propose for several contexts: each in its turn, within the space of that context."""

from collections.abc import Mapping
from typing import Protocol

from overnight.bo_core.unmodelled import with_pending
from overnight.campaign import Campaign, History, Proposal
from overnight.campaign.contexts import given_text
from overnight.campaign.errors import SpaceExhausted
from overnight.campaign.parameters import Value
from overnight.campaign.standing.in_context import seen_from
from overnight.campaign.standing.turns import open_to, turns


class ProposesWithin(Protocol):
    """Returns the next q points within a context."""

    def __call__(self, campaign: Campaign, history: History, q: int) -> list[Proposal]:
        """Return them; raises SpaceExhausted if none is left."""
        ...


def propose_in_turn(
    campaign: Campaign,
    history: History,
    q: int,
    propose_within: ProposesWithin,
    asked: Mapping[str, Value] | None,
    *,
    confirms: bool,
) -> list[Proposal]:
    """Return the next q points, those of one context after the other; fewer if contexts have fewer left.

    A context without a new point is passed over. Raises SpaceExhausted if no context has one.
    """
    proposals, spent = list[Proposal](), dict[str, SpaceExhausted]()
    while True:
        left = [given for given in open_to(campaign, asked) if given_text(given) not in spent]
        for given, count in turns(history, left, q, confirms=confirms):
            waiting = seen_from(with_pending(history, proposals), given)
            try:
                proposals += propose_within(campaign.within(given), waiting, count)
            except SpaceExhausted as problem:
                spent[given_text(given)] = problem
        if proposals or not q:
            return proposals
        if not left:
            raise [*spent.values()][-1]
