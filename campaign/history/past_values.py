"""The values that parameters had in trials from before a revision added them."""

from collections.abc import Sequence
from dataclasses import dataclass

from overnight.campaign.definition import Campaign
from overnight.campaign.space import Point, Space, with_past_values


@dataclass(frozen=True)
class PastValues:
    """The present space, and those of its parameters that were `added` since the campaign began."""

    space: Space | None = None
    added: frozenset[str] = frozenset()

    @classmethod
    def of(cls, latest: Campaign | None, superseded: Sequence[Campaign]) -> "PastValues":
        """Return the parameters that an earlier definition did not have."""
        if latest is None or not superseded:
            return cls()
        names = latest.parameters.root.keys()
        added = frozenset(name for name in names if any(name not in each.parameters.root for each in superseded))
        return cls(latest.space if added else None, added)

    def point_now(self, point: Point) -> Point | None:
        """Return a proposed point as a point of the present parameters; None if that is the same."""
        return None if self.space is None else with_past_values(self.space, point, self.added)
