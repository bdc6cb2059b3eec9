"""The space that parameters and the constraints between them span, and the points in it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from overnight.campaign.errors import InvalidPoint
from overnight.campaign.parameters import DerivedParameter, Parameter, Value
from overnight.campaign.problems import Contradictory, Problem, shown, unknown_key
from overnight.campaign.space.equalities import Sum, solved
from overnight.campaign.space.parameters import Parameters
from overnight.campaign.values.comparison import Comparison, read_comparison
from overnight.campaign.values.read_only import ReadOnly

Point = ReadOnly[dict[str, Value]]
"""The values of the active parameters by name, fixed and derived ones among them.

Only `Space` decides which parameters are active. All other code reads the parameters that a point holds: a point
without a parameter is another point than one with it, whatever the other values are.
"""

# A parameter that an equality determines may be this far outside its bounds by rounding.
_SLACK = 1e-12
# The parameters as JSON, the constraints, and the fixed values as JSON.
SpaceText = tuple[str, tuple[str, ...], str]


@dataclass(frozen=True)
class Space:
    """The parameters of a campaign, and the `constraints` between them that every point meets.

    A constraint counts at points that have all of its parameters. New points have the values of parameters that are
    `fixed` at present; others are points of the space as well. The points of a space in one context have its `given`
    values, which are among the fixed ones, and need not name them.
    """

    parameters: Parameters
    constraints: tuple[Comparison, ...] = ()
    fixed: Mapping[str, Value] = field(default_factory=dict[str, Value])
    given: Mapping[str, Value] = field(default_factory=dict[str, Value])

    @classmethod
    def of(cls, parameters: Mapping[str, Any], constraints: Sequence[str] = ()) -> "Space":
        """Return the space of parameters and constraints as a campaign file has them."""
        read = Parameters.model_validate(parameters)
        if found := read.mistakes():
            raise Contradictory(found)
        return cls(read, tuple(map(read_comparison, constraints)))

    @classmethod
    def from_text(cls, text: SpaceText) -> "Space":
        """Return the space that `as_text` describes."""
        parameters, constraints, fixed = text
        read = tuple(map(read_comparison, constraints))
        return cls(Parameters.model_validate_json(parameters), read, json.loads(fixed))

    def as_text(self) -> SpaceText:
        """Return the space as text, by which results can be cached."""
        return self.parameters.model_dump_json(), tuple(map(str, self.constraints)), json.dumps({**self.fixed})

    @property
    def root(self) -> Mapping[str, Parameter]:
        """Return the parameters by name."""
        return self.parameters.root

    def items(self) -> Iterator[tuple[str, Parameter]]:
        """Iterate over (name, parameter)."""
        return self.parameters.items()

    def tuned(self) -> dict[str, Parameter]:
        """Return the parameters that are searched, without fixed and derived ones."""
        return self.parameters.tuned()

    @cached_property
    def solved(self) -> Mapping[str, Sum]:
        """Return the tuned parameters that equalities determine, as sums of others."""
        return solved(self.constraints, self.root, self.fixed)

    @cached_property
    def _calculated(self) -> frozenset[str]:
        """Return the parameters whose values follow from others."""
        return frozenset(n for n, p in self.items() if isinstance(p, DerivedParameter) or n in self.solved)

    @cached_property
    def limits(self) -> tuple[Comparison, ...]:
        """Return the constraints that are not equalities."""
        return tuple(constraint for constraint in self.constraints if not constraint.is_equality)

    @cached_property
    def is_plain(self) -> bool:
        """Return whether every combination of values is allowed: none is conditional, derived, constrained or fixed."""
        plain = all(p.when is None and not isinstance(p, DerivedParameter) for p in self.root.values())
        return plain and not self.constraints and not self.fixed

    def point(self, values: Mapping[str, Any]) -> Point:
        """Return the point with these values in canonical types, and with fixed and derived parameters added.

        Raises InvalidPoint, which names each parameter that is unknown, missing, not active or out of its range, and
        each constraint that is not met.
        """
        point, problems = self._read(values)
        if problems:
            raise InvalidPoint("; ".join(_named(problem) for problem in problems))
        return point

    def problems(self, values: Mapping[str, Any]) -> list[Problem]:
        """Return a problem for each parameter that is wrong, with its name as the path, and each unmet constraint."""
        return self._read(values)[1]

    def placed(self, values: Mapping[str, Any]) -> tuple[Point, list[Problem]]:
        """Return a point that may lie outside of the space, and a problem for each parameter that is wrong even there.

        Values may be out of range and need not meet constraints. Parameters without a value that were added while the
        campaign ran have the value that they had before.
        """
        return self._read(values, anywhere=True)

    def agrees(self, point: Point) -> bool:
        """Return whether a point has the values of all fixed parameters that are active in it."""
        return all(point.get(name, value) == value for name, value in self.fixed.items())

    def completed(self, values: Mapping[str, Any]) -> Point | None:
        """Return the point with these values of parameters that may be inactive; None if it is not allowed.

        Values of inactive parameters are dropped. Derived ones and those that equalities determine are calculated, and
        fixed ones have their values.
        """
        known = {name: value for name, value in values.items() if name not in self._calculated} | {**self.fixed}
        for name, value in self.solved.items():
            found = value.value(known)
            known[name] = self._rounded(name, found)
        point, problems = self._read(known, drop_inactive=True)
        return None if problems else point

    def _rounded(self, name: str, value: float) -> Any:
        """Return a value that an equality determined, without the rounding that puts it outside its range."""
        parameter = self.root[name]
        if parameter.geometry == "whole":
            return round(value)
        bounds = parameter.bounds or (value, value)
        low, high = with_slack(*bounds)
        return min(max(value, bounds[0]), bounds[1]) if low <= value <= high else value

    def _read(
        self, values: Mapping[str, Any], *, drop_inactive: bool = False, anywhere: bool = False
    ) -> tuple[Point, list[Problem]]:
        reading = _Reading({**self.given, **values}, drop_inactive, anywhere)
        problems = [Problem((name,), unknown_key(name, self.root)) for name in values if name not in self.root]
        for name in self.parameters.in_order:
            reading.take(name, self.root[name])
        for name, value in self.given.items():
            if name in reading.found and reading.found[name] != value:
                reading.wrong[name] = f"expected {shown(value)}, the value of this context, got {shown(values[name])}"
        point: Point = {name: reading.found[name] for name in self.root if name in reading.found}
        problems += [Problem((name,), reading.wrong[name]) for name in self.root if name in reading.wrong]
        if anywhere:
            return point, problems
        active = (each for each in self.constraints if all(name in reading.found for name in each.names))
        return point, problems + [_unmet(each, point) for each in active if not each.holds(reading.found)]


class _Reading:
    """The values of parameters as they are read, each after those on which it depends; they may be out of range."""

    def __init__(self, values: Mapping[str, Any], drop_inactive: bool, anywhere: bool) -> None:
        self.values, self.drop_inactive, self.anywhere = values, drop_inactive, anywhere
        self.found: dict[str, Value] = {}
        self.wrong: dict[str, str] = {}
        # Parameters of which nothing can be stated, because one on which they depend is wrong.
        self._open = set[str]()

    def take(self, name: str, parameter: Parameter) -> None:
        """Read the value of one parameter, or find it inactive or wrong."""
        if parameter.when is not None and not parameter.when.holds(self.found):
            if self._depends_on_wrong(parameter.when.names):
                self._open.add(name)
            elif self.values.get(name) is not None and not self.drop_inactive:
                self.wrong[name] = (
                    f"expected no value, because it is active only if {parameter.when}, got {shown(self.values[name])}"
                )
            return
        if isinstance(parameter, DerivedParameter):
            self._derive(name, parameter)
        elif name in self.values:
            try:
                read = parameter.elsewhere if self.anywhere else parameter.canonical
                self.found[name] = read(self.values[name])
            except ValueError as expected:
                self.wrong[name] = f"expected {expected}, got {shown(self.values[name])}"
        elif self.anywhere and parameter.was is not None:
            self.found[name] = parameter.elsewhere(parameter.was)
        elif parameter.fixed_value is not None:
            self.found[name] = parameter.fixed_value
        else:
            self.wrong[name] = "expected a value, got nothing"

    def _depends_on_wrong(self, names: Sequence[str]) -> bool:
        return any(name in self.wrong or name in self._open for name in names)

    def _derive(self, name: str, parameter: DerivedParameter) -> None:
        """Calculate a derived value; it is inactive if one of its parameters is."""
        if any(need not in self.found for need in parameter.value.names):
            if self._depends_on_wrong(parameter.value.names):
                self._open.add(name)
            return
        try:
            value = parameter.value.value({need: float(self.found[need]) for need in parameter.value.names})
        except ValueError as problem:
            self.wrong[name] = str(problem)
            return
        self.found[name] = value
        if not self.anywhere and (problem := parameter.problem_of(value)) is not None:
            self.wrong[name] = problem
        elif self.values.get(name) is not None and not parameter.is_same(self.values[name], value):
            self.wrong[name] = f"expected {value!r} (`{parameter.value.text}`), got {shown(self.values[name])}"


def with_slack(low: float, high: float) -> tuple[float, float]:
    """Return the bounds between which a number is that an equality determines, but for rounding."""
    return low - _SLACK * max(1.0, abs(low)), high + _SLACK * max(1.0, abs(high))


def _named(problem: Problem) -> str:
    return f"`{problem.where[0]}`: {problem.text}" if problem.where else problem.text


def _unmet(constraint: Comparison, point: Mapping[str, Value]) -> Problem:
    given = " and ".join(f"{name} = {point[name]!r}" for name in constraint.names)
    return Problem((), f"expected `{constraint}`, got {given}")
