"""Format numbers with as many digits as their uncertainty supports."""

import re
from datetime import datetime, tzinfo
from decimal import Decimal

from overnight.campaign.evaluation import Measurement
from overnight.campaign.parameters import Value
from overnight.campaign.values.duration import format_duration
from overnight.campaign.values.numbers import is_number
from overnight.campaign.values.spelling import yaml_text

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLAIN = range(-4, 7)
_MOST_DIGITS = 9
# So many places at most, unless the mean is of the order of 1.
_MOST_PLACES = 6
# A value of a parameter has so many digits, unless it can be written exactly with a few more.
_SHORT, _MOST_WRITTEN = 5, 8
_ROUNDING = 4e-16
# An end of an interval has so many digits at least; with all digits, different floats have different texts.
_LEAST, _ALL_DIGITS = 3, 17


def number(value: float | Decimal, digits: int = 4) -> str:
    """Return a finite number with so many significant digits, or with all digits before its point if these are more.

    Pass the result of a computation with the largest floats as a Decimal, which does not overflow.
    """
    power = _power(value, digits)
    if value == 0:
        return "0"
    if power in _PLAIN:
        return _minus(_without_zeros(f"{value:,.{max(digits - 1 - power, 0)}f}"))
    return _minus(_without_zeros(f"{Decimal(value).scaleb(-power):.{digits - 1}f}")) + _times_ten_to(power)


def with_uncertainty(mean: float, sd: float | None) -> str:
    """Return `mean ± sd`: two digits of the sd, the mean to the same place, and no sd if it is unknown or 0."""
    if not sd:
        return number(mean)
    power = _power(sd, 2)
    largest = max(_power(mean, 2), power) if mean else power
    if largest - power > _MOST_DIGITS:
        return f"{number(mean, _MOST_DIGITS)} ± {number(sd, 2)}"
    places = max(1 - power, 0)
    if largest in _PLAIN and (places <= _MOST_PLACES or largest == 0):
        return _minus(f"{mean:,.{places}f} ± {sd:,.{places}f}")
    places = largest - power + 1
    parts = [f"{Decimal(v).scaleb(-largest):.{places}f}" for v in (mean, sd)]
    return _minus(f"({parts[0]} ± {parts[1]})") + _times_ten_to(largest)


def interval(low: float, high: float, mean: float | None = None) -> tuple[str, str]:
    """Return the two ends of an interval, with the digits that two digits of its width have, and three at least.

    Numbers that differ, the mean among them, are never rounded to the same text.
    """
    width = abs(Decimal(high) - Decimal(low))
    largest = _power(max(abs(low), abs(high)), _LEAST)
    digits = _LEAST if not width else max(_LEAST, largest - _power(width, 2) + 2)
    numbers = {low, high} if mean is None else {low, high, mean}
    while digits < _ALL_DIGITS and len({number(each, digits) for each in numbers}) < len(numbers):
        digits += 1
    return number(low, digits), number(high, digits)


def measured(measurement: Measurement) -> str:
    """Return a measurement as `mean ± sem`."""
    return with_uncertainty(measurement.mean, measurement.sem)


def probability(value: float) -> str:
    """Return a probability in per cent, never claiming more than 99.9 or less than 0.1."""
    if value > 0.999:
        return "more than 99.9 %"
    if value < 0.001:
        return "less than 0.1 %"
    return f"{100 * value:.1f} %" if not 0.01 <= value <= 0.99 else f"{100 * value:.0f} %"


def share_text(share: float) -> str:
    """Return a share in per cent, with at most three digits."""
    return f"{100 * share:.3g} %"


def duration(seconds: float) -> str:
    """Return a duration with at most its two largest units."""
    if seconds < 60:
        return f"{number(seconds, 3)}s"
    unit = 1 if seconds < 3600 else 60 if seconds < 86400 else 3600
    return re.sub(r"(?<=[dhm])(?=\d)", " ", format_duration(float(unit * round(seconds / unit))))


def moment(time: datetime, zone: tzinfo | None) -> str:
    """Return a moment to the minute in a time zone."""
    return f"{time.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def value_text(value: Value) -> str:
    """Return a parameter's value: whole numbers, names and numbers that a person would write exactly, others rounded.

    Others have five digits, or five after the leading nines of a number just below 1.
    """
    if not isinstance(value, float):
        return _minus(yaml_text(value)) if is_number(value) else yaml_text(value)
    written = len(Decimal(repr(value)).normalize().as_tuple().digits)
    if _SHORT < written <= _MOST_WRITTEN:
        return number(value, written)
    # On a logit scale, 0.99999 and 0.999999 are far apart, and neither is 1. A bound may be missed by rounding.
    nines = -_power(1.0 - value, _SHORT) - 1 if _ROUNDING < 1.0 - value < 0.01 else 0
    return number(value, min(_SHORT + nines, 16))


def _power(value: float | Decimal, digits: int) -> int:
    """Return the power of ten of the leading digit, once rounded."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


def _times_ten_to(power: int) -> str:
    return f" × 10{str(power).translate(_SUPERSCRIPT)}"


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _minus(text: str) -> str:
    return text.replace("-", "−")
