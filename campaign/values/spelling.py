"""Values spelled as text, for tables that hold nothing but text."""

from typing import Any


def spells(text: str, value: bool | int | float | str) -> bool:
    """Return whether a text spells the value."""
    if isinstance(value, bool):
        return text.strip().lower() == yaml_text(value)
    return text == value if isinstance(value, str) else number_of(text) == value


def yaml_text(value: bool | int | float | str) -> str:
    """Return a value as text, with true and false as in YAML and JSON."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def number_of(found: Any) -> Any:
    """Return the number that a text spells; otherwise the stripped text, or a value that is not a text unchanged."""
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
