"""The policy that decides which proposals a person must approve before they start."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from overnight.campaign.parameters import (
    Parameter,
    Value,
)
from overnight.campaign.problems import Problem, unknown_key
from overnight.campaign.space import Parameters
from overnight.campaign.values.numbers import WHOLE, Real, is_number
from overnight.campaign.values.read_only import ReadOnly


def _form_of(value: Any) -> str:
    """Return the form in which a part of the policy is written, so that an error mentions that form alone."""
    if isinstance(value, Mapping | BaseModel):
        return "mapping"
    if isinstance(value, list | tuple):
        return "list"
    if isinstance(value, str):
        return "word"
    return "number" if is_number(value) else "other"


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
    """The predicted objective that needs approval: worse than `worse_than`, in the metric's own unit.

    A campaign with several objectives cannot have this limit.

    The predicted mean is compared after moving it towards the bad side by `standard_deviations` standard deviations.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    worse_than: Annotated[Real, Field(allow_inf_nan=False)]
    standard_deviations: Annotated[Real, Field(ge=0, allow_inf_nan=False)] = 0.0


class ApproveWhen(BaseModel):
    """The reasons for a proposal to wait for approval; one is enough.

    `change` limits how far a parameter may move from its value in the baseline. The limit of a parameter is one of

    - a fraction of its range, measured on its own scale, or in steps if it has ordered choices;
    - `any`: every change needs approval;
    - a list of choices: a change to one of these needs approval.

    A single number is the limit of every parameter; any change of a categorical one then needs approval. `cost` is in
    the evaluator's unit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    change: Change | None = None
    predicted: Predicted | None = None
    cost: Annotated[Real, Field(ge=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _has_a_reason(self) -> "ApproveWhen":
        if self.change is None and self.predicted is None and self.cost is None:
            raise ValueError("expected at least one of `change`, `predicted` and `cost`, found none")
        return self

    def limits(self, space: Parameters) -> dict[str, Limit]:
        """Return how far each parameter may change without approval; parameters that may change freely are left out."""
        if self.change is None or isinstance(self.change, dict):
            return dict(self.change or {})
        tuned = space.tuned().items()
        return {name: self.change if p.has_distances else "any" for name, p in tuned}

    def problems(self, space: Parameters, *, has_baseline: bool) -> Iterator[Problem]:
        """Yield each contradiction with the rest of the campaign, with its path below `approve.when`."""
        if self.change is not None and not has_baseline:
            text = (
                "expected a `baseline` from which changes are measured, found a campaign without one: add `baseline`, "
                "or remove `change`"
            )
            yield Problem(("change",), text)
        for name, limit in self.change.items() if isinstance(self.change, dict) else ():
            if misfit := _misfit(name, limit, space):
                yield Problem(("change", name), misfit)


class ApprovalPolicy(BaseModel):
    """`approve` as a mapping: the reasons to wait, and how many trials may wait before no more points are proposed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: ApproveWhen
    most_waiting: Annotated[int, Field(ge=1, le=10_000), WHOLE] = 10


Approve = Annotated[
    Annotated[Literal["never", "always"], Tag("word")] | Annotated[ApprovalPolicy, Tag("mapping")],
    _forms("`never`, `always` or a mapping with `when`"),
]


def _misfit(name: str, limit: Limit, space: Parameters) -> str | None:
    """Return the mistake in the limit of one parameter, or None."""
    parameter = space.root.get(name)
    if parameter is None:
        return unknown_key(name, space.tuned())
    if not parameter.is_tuned:
        why = "derived parameter, which follows others"
        if parameter.fixed_value is not None:
            why = "fixed parameter, which never changes"
        return f"expected one of {', '.join(space.tuned())}, found a {why}"
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
