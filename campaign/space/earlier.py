"""Points of trials from before parameters were added, as points of the present space."""

from collections.abc import Set as AbstractSet

from overnight.campaign.space.space import Point, Space
from overnight.campaign.values.read_only import ReadOnlyDict


def with_past_values(space: Space, point: Point, added: AbstractSet[str]) -> Point | None:
    """Return a point with the values that the `added` parameters had when it was tried; None if nothing is added to it.

    Recorded values stay as they are. A parameter that is not active at the point gets no value, and neither does one
    whose value in the past is unknown.
    """
    lacking = added - point.keys()
    if not lacking:
        return None
    found, _ = space.placed(point)
    news = {name: found[name] for name in lacking if name in found and _had_a_known_value(space, name)}
    if not news:
        return None
    everything = {**point, **news}
    order = dict.fromkeys([*space.root, *point])
    return ReadOnlyDict({name: everything[name] for name in order if name in everything})


def unknown_values(space: Space, point: Point) -> list[str]:
    """Return the parameters that are active at the point, but of which it has no value, and none is known."""
    found, problems = space.placed(point)
    expected = {*found, *(problem.where[0] for problem in problems)} - point.keys()
    return [name for name in space.root if name in expected and not _had_a_known_value(space, name)]


def _had_a_known_value(space: Space, name: str) -> bool:
    """Return whether the past value of a parameter is given, or is calculated from others."""
    return space.root[name].was is not None or space.root[name].kind == "derived"
