"""Short texts of values for `print` and notebooks, where the full `repr` would take a page."""

import html
import math
from collections.abc import Mapping

from overnight.campaign.values.harmless import harmless
from overnight.campaign.values.spelling import yaml_text

# In a line, a point is shown with so many values; `repr` and `point` have all of them.
_MOST_VALUES = 6
_FEWEST_DIGITS, _MOST_DIGITS = 5, 12


class Printed:
    """The base of a model with a short `__str__`; notebooks show that text as well."""

    def _repr_html_(self) -> str:
        # Without this, long lines leave the page in marimo.
        return f"<pre style='white-space: pre-wrap'>{html.escape(str(self))}</pre>"


def value_words(value: bool | int | float | str) -> str:
    """Return a value with at most five digits after which it is rounded."""
    return f"{value:.{_FEWEST_DIGITS}g}" if isinstance(value, float) else harmless(yaml_text(value))


def uncertain_words(mean: float, sd: float | None) -> str:
    """Return `mean ± sd`, with two digits of the sd and as many of the mean as that makes meaningful."""
    if not sd or not math.isfinite(sd) or not mean:
        return value_words(mean) if not sd else f"{value_words(mean)} ± {sd:.2g}"
    digits = math.floor(math.log10(abs(mean))) - math.floor(math.log10(sd)) + 2
    return f"{mean:.{min(max(digits, _FEWEST_DIGITS), _MOST_DIGITS)}g} ± {sd:.2g}"


def point_words(point: Mapping[str, bool | int | float | str]) -> str:
    """Return the first values of a point in one line, and how many more there are."""
    shown = [f"{harmless(name)}={value_words(value)}" for name, value in [*point.items()][:_MOST_VALUES]]
    more = len(point) - len(shown)
    return ", ".join([*shown, *([f"… ({more} more)"] if more else [])])


def point_lines(point: Mapping[str, bool | int | float | str]) -> list[str]:
    """Return a line for each value of a point."""
    return [f"  {harmless(name)} = {value_words(value)}" for name, value in point.items()]
