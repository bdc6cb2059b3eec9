"""A choice with an order."""

from typing import ClassVar, Literal

from overnight.campaign.parameters.kind import Geometry, Value
from overnight.campaign.parameters.listed import ChoiceKind


class OrdinalParameter(ChoiceKind):
    """One of several choices, listed in order."""

    geometry: ClassVar[Geometry | None] = "steps"

    kind: Literal["ordinal"]

    def distance(self, one: Value, other: Value) -> float:
        """Return the number of steps between two choices, as a fraction of all steps."""
        return abs(self.choices.index(other) - self.choices.index(one)) / (len(self.choices) - 1)
