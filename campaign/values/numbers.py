"""Numbers and true or false as a person writes them: none is taken for another, and no text is a number."""

from fractions import Fraction
from typing import Annotated, Any, TypeGuard

from pydantic import BeforeValidator, Strict
from pydantic_core import PydanticKnownError

# Two calculated numbers are equal within this, as a share of the larger one, or of 1 if both are smaller.
EQUAL_WITHIN = 1e-9


def is_number(value: Any) -> TypeGuard[int | float]:
    """Return whether a value is a number; true and false are none, although Python counts with them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: Any) -> TypeGuard[int]:
    """Return whether a value is an int; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same: 1 and 1.0 are, 1 and true are not."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def plain(value: Any) -> Any:
    """Return a scalar of NumPy as the Python value that it equals, and anything else unchanged."""
    return value.item() if hasattr(value, "dtype") and getattr(value, "shape", None) == () else value


def exact(number: float) -> Fraction:
    """Return the exact number that a person would write for a number, rather than the binary fraction of a float."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def are_equal(one: float, other: float) -> bool:
    """Return whether two calculated numbers are equal but for rounding."""
    return abs(one - other) <= EQUAL_WITHIN * max(1.0, abs(one), abs(other))


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
