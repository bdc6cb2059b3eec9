"""Refuse points of a campaign's file that lie outside of its space, unless they were tried already."""

import json
from collections.abc import Iterator
from pathlib import Path

from overnight.campaign import Campaign
from overnight.campaign.contradictions import contradictions
from overnight.campaign.errors import LedgerError
from overnight.campaign.problems import Problem, Where
from overnight.campaign.space import Point, with_past_values
from overnight.storage import open_ledger


def untried_outside(campaign: Campaign, ledger: str) -> list[Problem]:
    """Return what is wrong with the baseline and the points to start with that lie outside and were never tried.

    After a revision the status quo may lie outside of the space. A point that was not tried would be tried there, which
    bounds must prevent.
    """
    problems = [*contradictions(dict(campaign))]
    if not problems:
        return []
    tried = _tried(campaign, ledger)
    allowed = [where for where, point in _named(campaign) if point in tried]
    return [each for each in problems if not any(each.where[: len(where)] == where for where in allowed)]


def _named(campaign: Campaign) -> Iterator[tuple[Where, Point]]:
    """Yield the path and the point of the baseline and of each point to start with."""
    wheres: list[Where] = [] if campaign.baseline is None else [("baseline",)]
    wheres += [("start_with", i) for i in range(len(campaign.start_with))]
    yield from zip(wheres, campaign.first_points, strict=True)


def _tried(campaign: Campaign, ledger: str) -> list[Point]:
    """Return the points of all trials in the campaign's ledger, as points of the present parameters."""
    try:
        rows = open_ledger(ledger, campaign.name, Path()).rows()
    except LedgerError:
        return []
    kinds, bodies = (rows.column(name).to_pylist() for name in ("kind", "body"))
    points = [json.loads(body)["point"] for kind, body in zip(kinds, bodies, strict=True) if kind == "trial_proposed"]
    space, names = campaign.space, frozenset(campaign.parameters.root)
    return [with_past_values(space, point, names) or point for point in points]
