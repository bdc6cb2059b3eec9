"""Values from a list."""

import math
from contextlib import suppress
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from overnight.campaign.parameters.kind import ParameterKind, Value
from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.numbers import is_same, plain
from overnight.campaign.values.spelling import spells, yaml_text


class ListedKind(ParameterKind):
    """A value from a list, which each kind declares as `listed`."""

    def spelled(self, text: str) -> Any:
        """Return the value that a text spells, or the text; raises ValueError if it spells several values."""
        meant = [value for value in self.listed if spells(text, value)]
        if len(meant) > 1:
            raise ValueError(f"one of {', '.join(map(repr, self.listed))}, of which the text matches {len(meant)}")
        return meant[0] if meant else text

    def elsewhere(self, value: Any) -> Value:
        """Return a value that need not be in the list; a ValueError describes such values."""
        with suppress(ValueError):
            return self.canonical(value)
        if not isinstance(value, bool | int | float | str) or value in (math.inf, -math.inf) or value != value:
            raise ValueError("a text, a finite number, true or false")
        return value

    def described(self) -> str:
        """Return the values in words."""
        return ", ".join(map(yaml_text, self.listed))


class ChoiceKind(ListedKind):
    """One of several choices."""

    choices: Annotated[tuple[Value, ...], Field(min_length=2), MayBeRevised.ON_REQUEST]

    @field_validator("choices", mode="before")
    @classmethod
    def _plain_choices(cls, given: Any) -> Any:
        # Otherwise they are read as floats: NumPy's integers are no `int`, but convert to any number.
        return [plain(each) for each in given] if isinstance(given, list | tuple) else given

    @model_validator(mode="after")
    def _choices_differ(self) -> Self:
        for position, choice in enumerate(self.choices):
            if isinstance(choice, float) and not math.isfinite(choice):
                raise ValueError(f"expected finite choices, got {choice}")
            for equal in (each for each in self.choices[:position] if each == choice):
                found = (
                    f"{choice!r} twice" if repr(equal) == repr(choice) else f"{equal!r} and {choice!r}, which are equal"
                )
                raise ValueError(f"expected distinct choices, got {found}")
        return self

    @property
    def listed(self) -> tuple[Value, ...]:
        """Return the choices in their order."""
        return self.choices

    def canonical(self, value: Any) -> Value:
        """Return the choice that equals the value; the text of a ValueError describes valid values."""
        for choice in self.choices:
            if is_same(choice, value):
                return choice
        raise ValueError(f"one of {', '.join(map(repr, self.choices))}")
