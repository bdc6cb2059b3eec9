"""Durations such as `90s`, `15m`, `2h30m` and `1d`; programs may also give seconds."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticKnownError

from overnight.campaign.values.numbers import is_number

# The validation context for values that a person wrote into a file.
WRITTEN_BY_HAND = {"durations": "with their unit"}

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([dhms])\s*")


def parse_duration(value: Any) -> Any:
    """Return a timedelta for `2h30m`, `90s` or a number of seconds; return other types unchanged."""
    if is_number(value):
        return _timedelta(value, value)
    if isinstance(value, str) and not value.startswith("P"):
        text = value.strip().lower()
        if not text or _PART.sub("", text):
            raise ValueError(f"expected a duration such as 90s, 15m, 2h30m or 1d, got {value!r}")
        return _timedelta(sum(float(n) * _SECONDS[u] for n, u in _PART.findall(text)), value)
    return value


def _timedelta(seconds: float, written: Any) -> timedelta:
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise ValueError(f"expected a duration below a million years, got {written!r}") from None


def _read(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("time_delta_type")
    number = isinstance(value, int | float)
    # A bare number from a program is in seconds, but a person may mean any unit. Zero needs no unit.
    if info.context == WRITTEN_BY_HAND and number and value != 0:
        raise ValueError(f"expected a duration with its unit, such as {value}s, {value}m or {value}h, got {value}")
    return parse_duration(value)


def format_duration(value: timedelta | float) -> str:
    """Return the shortest text that `parse_duration` reads, rounded to whole seconds from a minute upwards."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 60:
        return f"{round(seconds, 3):g}s"
    parts, rest = [], round(seconds)
    for unit in "dhms":
        count, rest = divmod(rest, int(_SECONDS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError(f"expected a duration above zero, got {value.total_seconds():g}s")
    return value


def _not_negative(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise ValueError(f"expected a duration of zero or more, got {value.total_seconds():g}s")
    return value


_SECONDS_IN_JSON = PlainSerializer(lambda value: value.total_seconds(), return_type=float, when_used="json")
_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "number"}, {"type": "string"}], "description": "seconds, or 90s, 15m, 2h30m, 1d"}
)
Duration = Annotated[timedelta, BeforeValidator(_read), AfterValidator(_positive), _SECONDS_IN_JSON, _SCHEMA]
# A duration that may be zero.
Pause = Annotated[timedelta, BeforeValidator(_read), AfterValidator(_not_negative), _SECONDS_IN_JSON, _SCHEMA]
