"""Numbers and true or false as a person writes them: none is taken for another, and no text is a number."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Strict
from pydantic_core import PydanticKnownError


def _refuse_other_kinds(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise PydanticKnownError("int_type")
    return value


# The mark of an `int`, which may be written as `1e3`. It stands behind the limits: the JSON Schema would lose them.
WHOLE = BeforeValidator(_refuse_other_kinds)
Real = Annotated[float, Strict()]
Truth = Annotated[bool, Strict()]
