"""The policy that decides which proposals a person must approve before they start."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from overnight.campaign.parameters import (
    Parameter,
    Value,
)
from overnight.campaign.problems import Problem, unknown_key
from overnight.campaign.space import Space
from overnight.campaign.values.numbers import WHOLE, Real
from overnight.campaign.values.read_only import ReadOnly


def _form_of(value: Any) -> str:
    """Return in which of its forms a part of the policy is written, so that errors speak of that form alone."""
    if isinstance(value, Mapping | BaseModel):
        return "mapping"
    if isinstance(value, list | tuple):
        return "list"
    if isinstance(value, str):
        return "word"
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else "other"


def _forms(expected: str) -> Discriminator:
    return Discriminator(_form_of, custom_error_type="form", custom_error_message=expected)


Fraction = Annotated[Real, Field(ge=0, lt=1)]
Limit = Annotated[
    Annotated[Fraction, Tag("number")]
    | Annotated[Literal["any"], Tag("word")]
    | Annotated[Annotated[tuple[Value, ...], Field(min_length=1)], Tag("list")],
    _forms("a fraction of the range, `any` or a list of choices"),
]
Change = Annotated[
    Annotated[Fraction, Tag("number")] | Annotated[ReadOnly[dict[str, Limit]], Tag("mapping")],
    _forms("a fraction of each range, or a mapping from parameters to their limits"),
]


class Predicted(BaseModel):
    """The objective is predicted worse than this, in the metric's own unit.

    The predicted mean is compared, with so many of its `standard_deviations` added on the bad side.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    worse_than: Annotated[Real, Field(allow_inf_nan=False)]
    standard_deviations: Annotated[Real, Field(ge=0, allow_inf_nan=False)] = 0.0


class ApproveWhen(BaseModel):
    """The reasons for a proposal to wait; one is enough.

    `change` limits the distance of a parameter from the baseline's value: a fraction of its range, on its own scale and
    for ordered choices in steps, `any` for no change at all, or a list of the choices that need approval. A single
    number is the limit of every parameter, and every change of a categorical one exceeds it. `cost` is in the
    evaluator's unit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    change: Change | None = None
    predicted: Predicted | None = None
    cost: Annotated[Real, Field(ge=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _something_is_asked(self) -> "ApproveWhen":
        if self.change is None and self.predicted is None and self.cost is None:
            raise ValueError("expected at least one of `change`, `predicted` and `cost`, found none of them")
        return self

    def limits(self, space: Space) -> dict[str, Limit]:
        """Return how far each parameter may change without approval; those that may change freely are not named."""
        if self.change is None or isinstance(self.change, dict):
            return dict(self.change or {})
        tuned = space.tuned().items()
        return {name: self.change if p.has_distances else "any" for name, p in tuned}

    def problems(self, space: Space, *, has_baseline: bool) -> Iterator[Problem]:
        """Yield what does not fit the rest of the campaign, with the path below `approve.when`."""
        if self.change is not None and not has_baseline:
            text = (
                "expected a `baseline` that changes are measured from, found a campaign without one: add `baseline`, "
                "or leave `change` out"
            )
            yield Problem(("change",), text)
        for name, limit in self.change.items() if isinstance(self.change, dict) else ():
            if misfit := _misfit(name, limit, space):
                yield Problem(("change", name), misfit)


class ApprovalPolicy(BaseModel):
    """`approve` as a mapping: the reasons to wait, and how many may wait before nothing more is proposed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: ApproveWhen
    most_waiting: Annotated[int, Field(ge=1, le=10_000), WHOLE] = 10


Approve = Annotated[
    Annotated[Literal["never", "always"], Tag("word")] | Annotated[ApprovalPolicy, Tag("mapping")],
    _forms("`never`, `always` or a mapping with `when`"),
]


def _misfit(name: str, limit: Limit, space: Space) -> str | None:
    """Return what is wrong with the limit of one parameter, None if nothing is."""
    parameter = space.root.get(name)
    if parameter is None:
        return unknown_key(name, space.tuned())
    if not parameter.is_tuned:
        return f"expected one of {', '.join(space.tuned())}, found a fixed one, which never changes"
    if isinstance(limit, int | float):
        expected = "`any` or a list of its choices, which have no distance"
        return None if parameter.has_distances else f"expected {expected}, got {limit:g}"
    return None if limit == "any" else _not_its_choices(limit, parameter)


def _not_its_choices(named: tuple[Value, ...], parameter: Parameter) -> str | None:
    if not parameter.listed:
        return f"expected a fraction of its range or `any`, got {list(named)!r}"
    for choice in named:
        try:
            parameter.canonical(choice)
        except ValueError as expected:
            return f"expected {expected}, got {choice!r}"
    return None
