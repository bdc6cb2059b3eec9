"""A request as a person has entered it, and the point and the measurements in it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from overnight.campaign import Campaign
from overnight.campaign.errors import Refused
from overnight.campaign.values.spelling import number_of

Line = Annotated[str, Field(max_length=1000)]


class Asked(BaseModel):
    """A request as a person has entered it.

    It may hold the values of a point, measurements with their standard errors, a parameter's bounds, or changes of the
    definition in YAML.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    who: Annotated[str, Field(max_length=100)]
    why: Annotated[str, Field(max_length=2000)] = ""
    trial: Annotated[int, Field(ge=1)] | None = None
    # The revision that the form showed; a program may leave it out.
    revision: Annotated[int, Field(ge=0)] | None = None
    parameter: Line = ""
    bounds: dict[str, Line] = Field(default_factory=dict)
    point: dict[str, Line] = Field(default_factory=dict)
    measured: dict[str, Line] = Field(default_factory=dict)
    errors: dict[str, Line] = Field(default_factory=dict)
    # The first line keeps its indentation, like the others.
    changes: Annotated[str, StringConstraints(strip_whitespace=False, max_length=200_000)] = ""


def point_of(asked: Asked, definition: Campaign) -> dict[str, Any]:
    """Return the values of the point that were entered; raises Refused if a text fits several choices."""
    return {name: _read(definition, name, text) for name, text in asked.point.items() if text}


def measured_of(asked: Asked) -> dict[str, Any]:
    """Return the measurements that were entered, each with its standard error if that was entered, too.

    Raises Refused for a standard error without its value.
    """
    found: dict[str, Any] = {name: number_of(text) for name, text in asked.measured.items() if text}
    for name, text in asked.errors.items():
        if text and name not in found:
            raise Refused(f"{name}: expected a value with its standard error, found none. Nothing was written.")
        if text:
            found[name] = {"mean": found[name], "sem": number_of(text)}
    return found


def _read(definition: Campaign, name: str, text: str) -> Any:
    parameter = definition.parameters_of_point.root.get(name)
    if parameter is None:
        return text
    try:
        return parameter.spelled(text)
    except ValueError as expected:
        raise Refused(f"{name}: expected {expected}, got {text!r}. Nothing was written.") from None
