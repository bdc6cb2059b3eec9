"""Values as texts spell them, in tables that hold nothing but text."""

from typing import Any


def spells(text: str, value: bool | int | float | str) -> bool:
    """Tell whether a text spells the value."""
    if isinstance(value, bool):
        return text.strip().lower() == str(value).lower()
    return text == value if isinstance(value, str) else number_of(text) == value


def number_of(found: Any) -> Any:
    """Return the number that a text spells; anything else as it is, without the blanks around a text."""
    if not isinstance(found, str):
        return found
    text = found.strip()
    for number in (int, float):
        try:
            # Python would read `1_0` as 10.
            return text if "_" in text else number(text)
        except ValueError:
            continue
    return text
