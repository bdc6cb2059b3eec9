"""The key `context` of a campaign: its variables, and the combinations of their values."""

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Annotated

from pydantic import ConfigDict, Field, RootModel, model_validator

from overnight.campaign.contexts.variables import Variable, count_of, problems_of, values_of
from overnight.campaign.parameters import Value
from overnight.campaign.problems import Contradictory, Problem
from overnight.campaign.space.parameters import Parameters
from overnight.campaign.values.read_only import ReadOnly
from overnight.campaign.values.spelling import yaml_text

Given = ReadOnly[dict[str, Value]]
"""The values of one context by variable, such as `{"workload": "oltp"}`; empty in a campaign without contexts."""

# Each context has a recommendation, and needs trials of its own.
MOST_CONTEXTS = 100


class Context(RootModel[ReadOnly[dict[Annotated[str, Field(min_length=1)], Variable]]]):
    """The variables that describe a trial's context, in the order of the user's file.

    Each combination of their values is a context, and the campaign is tuned for all of them.
    """

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _fits_together(self) -> "Context":
        if found := [*self._problems()]:
            raise Contradictory(found)
        return self

    def _problems(self) -> Iterator[Problem]:
        if not self.root:
            yield Problem((), "expected at least one variable, such as `workload: [oltp, olap]`, got nothing")
        for name, variable in self.root.items():
            if variable.when is not None:
                text = f"expected no condition, because every trial has a context, got `{variable.when}`"
                yield Problem((name, "when"), text)
            yield from (problem.below(name) for problem in problems_of(variable))
        count = math.prod(count_of(variable) for variable in self.root.values())
        if count > MOST_CONTEXTS:
            yield Problem((), f"expected at most {MOST_CONTEXTS} combinations of values, got {count}")

    def every(self) -> tuple[Given, ...]:
        """Return all combinations, those with the first value of the first variable first."""
        names, values = [*self.root], [values_of(variable) for variable in self.root.values()]
        return tuple(dict(zip(names, each, strict=True)) for each in product(*values))


def given_text(given: Mapping[str, Value]) -> str:
    """Return the values of a context in words, such as `workload = oltp, rows = 1000`."""
    return ", ".join(f"{name} = {yaml_text(value)}" for name, value in given.items())


def in_it(point: Mapping[str, Value], given: Mapping[str, Value]) -> bool:
    """Return whether a point is for this context."""
    return all(name in point and point[name] == value for name, value in given.items())


def agrees(point: Mapping[str, Value], given: Mapping[str, Value]) -> bool:
    """Return whether a point has these values of a context, as far as it names them."""
    return all(point.get(name, value) == value for name, value in given.items())


def written_for(point: Mapping[str, Value], given: Mapping[str, Value], parameters: Parameters) -> dict[str, Value]:
    """Return a point that is written for several contexts as it is in one of them.

    It lacks the values of parameters that this context makes inactive, directly or by a parameter on which they depend.
    """
    inactive = set[str]()
    for name in parameters.in_order:
        when = parameters.root[name].when
        if when is not None and not (inactive.isdisjoint(when.names) and when.can_hold(given)):
            inactive.add(name)
    return {name: value for name, value in point.items() if name not in inactive}
