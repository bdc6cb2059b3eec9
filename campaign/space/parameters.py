"""The parameters of a campaign, as its file lists them."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, RootModel, model_validator

from overnight.campaign.parameters import Parameter
from overnight.campaign.problems import Problem
from overnight.campaign.space.dependencies import in_order, mistakes, with_canonical_conditions
from overnight.campaign.values.read_only import ReadOnly, ReadOnlyDict


class Parameters(
    RootModel[
        Annotated[
            ReadOnly[dict[Annotated[str, Field(min_length=1)], Parameter]], AfterValidator(with_canonical_conditions)
        ]
    ]
):
    """The named parameters of a campaign, in the order of the user's file."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _fit_together(self) -> "Parameters":
        if not self.tuned():
            raise ValueError("expected at least one parameter that is not fixed")
        return self

    def mistakes(self) -> list[Problem]:
        """Return the mistakes in conditions and calculations, each with its path below `parameters`."""
        return [*mistakes(self.root)]

    def with_variables(self, variables: Mapping[str, Parameter]) -> "Parameters":
        """Return all parameters of a point: the variables of its context, then these."""
        return Parameters.model_construct(ReadOnlyDict({**variables, **self.root})) if variables else self

    def items(self) -> Iterator[tuple[str, Parameter]]:
        """Iterate over (name, parameter)."""
        return iter(self.root.items())

    def tuned(self) -> dict[str, Parameter]:
        """Return the parameters that are searched, without fixed and derived ones."""
        return {name: p for name, p in self.root.items() if p.is_tuned}

    @cached_property
    def in_order(self) -> tuple[str, ...]:
        """Return the names such that each follows those on which it depends."""
        return in_order(self.root)
