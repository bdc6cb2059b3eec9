"""A choice with an order."""

from typing import Literal

from overnight.campaign.parameters.kind import Geometry, Value
from overnight.campaign.parameters.listed import ChoiceKind


class OrdinalParameter(ChoiceKind):
    """One of several choices, listed in order."""

    kind: Literal["ordinal"]

    @property
    def geometry(self) -> Geometry:
        """Return evenly spaced steps."""
        return "steps"

    def distance(self, one: Value, other: Value) -> float:
        """Return the number of steps between two choices, as a fraction of all steps."""
        return abs(self.choices.index(other) - self.choices.index(one)) / (len(self.choices) - 1)
