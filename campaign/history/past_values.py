"""The values that a revision gives to earlier trials: those of added parameters, and of calculations limited since."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from overnight.campaign.definition import Campaign
from overnight.campaign.evaluation import Measurement
from overnight.campaign.goal import Measured
from overnight.campaign.goal.calculated import calculated_from
from overnight.campaign.space import Point, Space, with_past_values
from overnight.campaign.values.expression import Expression


@dataclass(frozen=True)
class PastValues:
    """The present space, those of its parameters that were `added` since the campaign began, and `calculations`.

    These are the calculations of metrics that some definitions limit and others do not. A result has them from the
    first of these definitions on, and keeps them.
    """

    space: Space | None = None
    added: frozenset[str] = frozenset()
    calculations: tuple[Expression, ...] = ()

    @classmethod
    def of(cls, latest: Campaign | None, superseded: Sequence[Campaign]) -> "PastValues":
        """Return the parameters and the limited calculations that an earlier definition did not have."""
        if latest is None or not superseded:
            return cls()
        names = latest.parameters.root.keys()
        added = frozenset(name for name in names if any(name not in each.parameters.root for each in superseded))
        return cls(latest.space if added else None, added, _not_always_limited((*superseded, latest)))

    def point_now(self, point: Point) -> Point | None:
        """Return a proposed point as a point of the present parameters; None if that is the same."""
        return None if self.space is None else with_past_values(self.space, point, self.added)

    def measured_now(self, measured: Measured) -> dict[str, Measurement] | None:
        """Return the metrics of a result with the calculations that it lacks; None if it lacks none."""
        added = dict[str, Measurement]()
        for calculation in self.calculations:
            if calculation.text not in measured:
                with suppress(ValueError):
                    added[calculation.text] = calculated_from(calculation, measured)
        return {**measured, **added} if added else None


def _not_always_limited(definitions: Sequence[Campaign]) -> tuple[Expression, ...]:
    limited = [_calculated_for_constraints(definition) for definition in definitions]
    every = {text: expression for each in limited for text, expression in each.items()}
    return tuple(expression for text, expression in every.items() if not all(text in each for each in limited))


def _calculated_for_constraints(campaign: Campaign) -> dict[str, Expression]:
    """Return the calculations that constraints limit, by their texts; those of objectives never change."""
    objectives = {objective.metric for objective in campaign.goal.objectives}
    return {
        each.metric: each.expression
        for each in campaign.goal.calculations
        if each.expression is not None and each.metric not in objectives
    }
