"""The base of every kind of parameter."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, model_validator

from overnight.campaign.parameters.condition import When
from overnight.campaign.problems import Contradictory, Problem, shown
from overnight.campaign.values.grid import Grid
from overnight.campaign.values.may_be_revised import MayBeRevised

Value = bool | int | float | str
# The features of a kind on the unit cube: a continuum, whole numbers on a scale, numbers with a step on a scale, evenly
# spaced choices, or one corner for each value.
Geometry = Literal["real", "whole", "grid", "steps", "corners"]


class Listed(Protocol):
    """A parameter with a list of values."""

    @property
    def listed(self) -> tuple[Value, ...]:
        """Return the values in their order."""
        ...


class ParameterKind(BaseModel):
    """A kind of parameter: its values, their distances, their description and their spelling.

    A kind has a literal `kind`, and a `geometry` from which the model derives its features. It is not tuned if it has
    no geometry. A parameter with a condition is active, and has a value, only `when` the condition holds.
    A parameter that was added while the campaign ran had the value `was` in the trials before, in its range or outside.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str | None = None
    description: Annotated[str | None, MayBeRevised.ON_REQUEST] = None
    when: When | None = None
    was: Annotated[Value | None, MayBeRevised.ON_REQUEST] = None

    has_distances: ClassVar[bool] = True

    @model_validator(mode="after")
    def _was_of_this_kind(self) -> Self:
        if self.was is not None:
            try:
                self.elsewhere(self.was)
            except ValueError as expected:
                text = f"expected {expected}, got {shown(self.was)}"
                raise Contradictory([Problem(("was",), text)]) from None
        return self

    @property
    def geometry(self) -> Geometry | None:
        """Return the geometry of the features; None if the value is not tuned."""
        return None

    @property
    def is_tuned(self) -> bool:
        """Return whether a search chooses the value."""
        return self.geometry is not None

    @property
    def fixed_value(self) -> Value | None:
        """Return the value of every point that does not name the parameter; None if each point must name it."""
        return None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Return the lowest and the highest number; None if the values are listed."""
        return None

    @property
    def listed(self) -> tuple[Value, ...]:
        """Return the values in their order; empty if they are numbers between bounds."""
        return ()

    @property
    def is_logarithmic(self) -> bool:
        """Return whether distances are ratios."""
        return False

    @property
    def is_logit(self) -> bool:
        """Return whether distances are ratios of odds."""
        return False

    @property
    def grid(self) -> Grid | None:
        """Return the numbers that have a step between them; None if the values are listed or have no step."""
        return None

    @property
    def levels(self) -> Sequence[Value] | None:
        """Return every value in order; None if they are a continuum, or calculated."""
        return self.listed or self.grid

    @abstractmethod
    def canonical(self, value: Any) -> Value:
        """Return the value as this parameter's type; the text of a ValueError describes valid values."""

    def elsewhere(self, value: Any) -> Value:
        """Return a value of this parameter's type that may be out of range; a ValueError describes such values."""
        return self.canonical(value)

    @abstractmethod
    def distance(self, one: Value, other: Value) -> float:
        """Return the distance between two values as a fraction of the range."""

    @abstractmethod
    def spelled(self, text: str) -> Any:
        """Return the value that a text spells, or the text; raises ValueError if it spells several values."""

    @abstractmethod
    def described(self) -> str:
        """Return the values in words."""
