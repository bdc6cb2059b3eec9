"""Parameters, the space that they span, and the points in it."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, RootModel, model_validator

from overnight.campaign.errors import InvalidPoint
from overnight.campaign.parameters import FixedParameter, Parameter, Value
from overnight.campaign.problems import Problem, shown, unknown_key
from overnight.campaign.values.read_only import ReadOnly

Point = ReadOnly[dict[str, Value]]
"""The values of the active parameters by name; a fixed parameter is always active.

Today every parameter is active, and only `Space` says so. All other code reads the parameters that a point holds: a
point without a parameter is another point than one with it, whatever the other values are.
"""


class Space(RootModel[ReadOnly[dict[Annotated[str, Field(min_length=1)], Parameter]]]):
    """The named parameters of a campaign, in the order of the user's file."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _something_is_tuned(self) -> "Space":
        if not self.tuned():
            raise ValueError("expected at least one parameter that is not fixed")
        return self

    def items(self) -> Iterator[tuple[str, Parameter]]:
        """Iterate over (name, parameter)."""
        return iter(self.root.items())

    def tuned(self) -> dict[str, Parameter]:
        """Return the parameters that are searched, without the fixed ones."""
        return {name: p for name, p in self.root.items() if p.is_tuned}

    def point(self, values: Mapping[str, Any]) -> Point:
        """Return the point with these values in canonical types, and with the fixed parameters added.

        Raises InvalidPoint, which names each parameter that is unknown, missing or out of its range.
        """
        point, problems = self._read(values)
        if problems:
            raise InvalidPoint("; ".join(f"`{problem.where[0]}`: {problem.text}" for problem in problems))
        return point

    def problems(self, values: Mapping[str, Any]) -> list[Problem]:
        """Return a problem for each parameter that is unknown, missing or out of its range."""
        return self._read(values)[1]

    def _read(self, values: Mapping[str, Any]) -> tuple[Point, list[Problem]]:
        problems = [Problem((name,), unknown_key(name, self.root)) for name in values if name not in self.root]
        point: Point = {}
        for name, parameter in self.items():
            if isinstance(parameter, FixedParameter) and name not in values:
                point[name] = parameter.value
            elif name not in values:
                problems.append(Problem((name,), "expected a value, got nothing"))
            else:
                try:
                    point[name] = parameter.canonical(values[name])
                except ValueError as expected:
                    problems.append(Problem((name,), f"expected {expected}, got {shown(values[name])}"))
        return point, problems
