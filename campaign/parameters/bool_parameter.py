"""False or true."""

from typing import Any, ClassVar, Literal

from overnight.campaign.parameters.kind import Geometry, Value
from overnight.campaign.parameters.listed import ListedKind


class BoolParameter(ListedKind):
    """A switch: false or true, as in YAML and JSON."""

    has_distances: ClassVar[bool] = False

    kind: Literal["bool"]

    @property
    def geometry(self) -> Geometry:
        """Return one corner for each of the two, as for a categorical parameter."""
        return "corners"

    @property
    def listed(self) -> tuple[Value, ...]:
        """Return false and true."""
        return (False, True)

    def canonical(self, value: Any) -> bool:
        """Return the value; the text of a ValueError describes valid values."""
        if not isinstance(value, bool):
            raise ValueError("true or false")
        return value

    def elsewhere(self, value: Any) -> bool:
        """Return the value: there is no other one out of range."""
        return self.canonical(value)

    def distance(self, one: Value, other: Value) -> float:
        """Return 1, the whole range, if the two differ, else 0."""
        return float(one != other)
