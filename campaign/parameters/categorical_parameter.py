"""A choice without an order."""

from typing import ClassVar, Literal

from overnight.campaign.parameters.kind import Geometry, Value
from overnight.campaign.parameters.listed import ChoiceKind


class CategoricalParameter(ChoiceKind):
    """One of several choices without an order."""

    has_distances: ClassVar[bool] = False

    kind: Literal["categorical"]

    @property
    def geometry(self) -> Geometry:
        """Return one corner for each choice."""
        return "corners"

    def distance(self, one: Value, other: Value) -> float:
        """Return 1, the whole range, if the two differ, else 0."""
        return float(one != other)
