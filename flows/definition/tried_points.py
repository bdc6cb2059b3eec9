"""Refuse points of a campaign's file that lie outside of its space, unless they were tried already."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from overnight.campaign import Campaign
from overnight.campaign.contradictions import contradictions
from overnight.campaign.definition import lies_in
from overnight.campaign.errors import LedgerError
from overnight.campaign.problems import Problem, Where
from overnight.campaign.space import Point, with_past_values
from overnight.flows.definition.addresses import place_of_ledger
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
    allowed = [where for where, points in _named(campaign) if all(p in tried or lies_in(campaign, p) for p in points)]
    return [each for each in problems if not any(each.where[: len(where)] == where for where in allowed)]


def in_a_begun_campaign(problems: Sequence[Problem], written: Mapping[Any, Any], folder: Path) -> list[Problem]:
    """Return the problems of a file as they are in a campaign that has trials.

    Points outside of the space are no problem then, if others keep the file from being compared with the ledger. A
    parameter that they lack may have been added.
    """
    place = place_of_ledger(written, folder)
    if place is None or not _rows(*place):
        return [*problems]
    outside = {*contradictions(written)} - {*contradictions(written, anywhere=True)}
    return [_with_advice(each) for each in problems if each not in outside]


def _with_advice(problem: Problem) -> Problem:
    of_point = problem.where[:1] in (("baseline",), ("start_with",))
    if not of_point or not problem.text.endswith("expected a value, got nothing"):
        return problem
    name = problem.where[-1]
    return Problem(
        problem.where,
        f"{problem.text}; if `{name}` is added to a campaign that has trials, write the value that it had in them as "
        f"`was` under `parameters.{name}`",
    )


def _named(campaign: Campaign) -> Iterator[tuple[Where, tuple[Point, ...]]]:
    """Yield the path of the baseline and of each point to start with, and the points that it is in all contexts."""
    nothing = campaign.model_copy(update={"baseline": None, "start_with": ()})
    if campaign.baseline is not None:
        yield ("baseline",), nothing.model_copy(update={"baseline": campaign.baseline}).first_points
    for i, point in enumerate(campaign.start_with):
        yield ("start_with", i), nothing.model_copy(update={"start_with": (point,)}).first_points


def _tried(campaign: Campaign, ledger: str) -> list[Point]:
    """Return the points of all trials in the campaign's ledger, as points of the present parameters."""
    points = [json.loads(body)["point"] for body in _rows(campaign.name, ledger)]
    space, names = campaign.space, frozenset(campaign.parameters.root)
    return [with_past_values(space, point, names) or point for point in points]


def _rows(name: str, ledger: str) -> list[str]:
    """Return the bodies of all proposals; empty if the ledger cannot be read."""
    try:
        rows = open_ledger(ledger, name, Path()).rows()
    except LedgerError:
        return []
    kinds, bodies = (rows.column(column).to_pylist() for column in ("kind", "body"))
    return [body for kind, body in zip(kinds, bodies, strict=True) if kind == "trial_proposed"]
