"""Several different solutions: how many a campaign asks for, how different they are, and how good."""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from overnight.campaign.parameters.kind import ParameterKind
from overnight.campaign.problems import Problem
from overnight.campaign.space import Parameters, Point, Space
from overnight.campaign.values.numbers import WHOLE, Real

# A search of the whole space may precede each solution.
MOST_SOLUTIONS = 20
# Fractions of a range that differ by less are equal: 0.3 − 0.1 is less than 0.2 by rounding.
_ROUNDING = 1e-9


class Solutions(BaseModel):
    """How many different solutions are recommended: the recommended configuration, and others nearly as good.

    Two solutions differ by at least `apart` of the range of at least one parameter. The believed mean of each is worse
    than that of the recommended one by at most `within`, in the metric's own unit. Without `within`, it is a tenth of
    the distance from the recommended mean to the median of the means of all measured configurations
    (docs/how-to/solutions.md).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: Annotated[int, Field(ge=2, le=MOST_SOLUTIONS), WHOLE]
    apart: Annotated[Real, Field(gt=0, le=1)] = 0.2
    within: Annotated[Real, Field(gt=0, allow_inf_nan=False)] | None = None

    def differ(self, space: Space, one: Point, other: Point) -> bool:
        """Return whether two points are different enough."""
        return difference(space, one, other) >= self.apart - _ROUNDING


def difference(space: Space, one: Point, other: Point) -> float:
    """Return the largest difference of a tuned parameter between two points, as a fraction of its range.

    Two choices without an order differ by 1, and so does a parameter that only one of the points holds.
    """
    return max((_of_parameter(space, name, one, other) for name in space.tuned()), default=0.0)


def _of_parameter(space: Space, name: str, one: Point, other: Point) -> float:
    if name not in one or name not in other:
        return float(name in one or name in other)
    return space.root[name].distance(one[name], other[name])


def impossible_solutions(campaign: Mapping[str, Any], parameters: Parameters) -> Iterator[Problem]:
    """Yield the problem of a campaign that asks for more different solutions than its space can hold."""
    try:
        asked = Solutions.model_validate(campaign.get("solutions"))
    except ValidationError:
        return
    most = math.prod(_most_apart(parameter, asked.apart) for parameter in parameters.tuned().values())
    if asked.count > most:
        text = f"expected at most {most}, because no more configurations differ pairwise by `apart: {asked.apart:g}`"
        yield Problem(("solutions", "count"), f"{text}, got {asked.count}; lower `apart` or `count`")


def _most_apart(parameter: ParameterKind, apart: float) -> int:
    """Return an upper limit of how many values of a parameter differ pairwise by this fraction of its range.

    To be inactive counts as another value.
    """
    return _most_values_apart(parameter, apart) + (parameter.when is not None)


def _most_values_apart(parameter: ParameterKind, apart: float) -> int:
    if not parameter.has_distances:
        return len(parameter.listed)
    # More than a campaign can ask for are as many as it takes.
    in_range = 1 + int(min((1 + _ROUNDING) / apart, MOST_SOLUTIONS))
    if parameter.bounds is None:
        return min(in_range, len(parameter.listed))
    if parameter.grid is not None:
        return min(in_range, len(parameter.grid))
    low, high = parameter.bounds
    return min(in_range, 1 + int(high - low)) if parameter.geometry == "whole" else in_range
