"""Numbers and true or false as a person writes them: none is taken for another, and no text is a number."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Strict
from pydantic_core import PydanticKnownError


def _refuse_fractions_and_text(value: Any) -> Any:
    if isinstance(value, bool | str | float):
        raise PydanticKnownError("int_type")
    return value


def _refuse_numbers_and_text(value: Any) -> Any:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        raise PydanticKnownError("bool_type")
    return value


# The mark of an `int`; 2.0 is none. It stands behind the limits: the JSON Schema would lose them.
WHOLE = BeforeValidator(_refuse_fractions_and_text)
Real = Annotated[float, Strict()]
Truth = Annotated[bool, BeforeValidator(_refuse_numbers_and_text)]
