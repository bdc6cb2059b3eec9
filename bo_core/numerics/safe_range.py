"""Scale huge numbers by powers of two so that sums, differences and products stay finite."""

import math
import sys
from collections.abc import Iterable


def unit_for(values: Iterable[float], most: int = 900) -> float:
    """Return the power of two to divide finite values by; it is 1 unless one of them is vast.

    Vast is more than 2 to the power of `most`, and no divided value is. A power of two changes no digit. It is no
    larger than necessary, so that small values next to a vast one keep their digits.
    """
    largest = max(map(abs, values), default=0.0)
    return 1.0 if largest <= 2.0**most else 2.0 ** (math.frexp(largest)[1] - most)


def finite(value: float) -> float:
    """Return the value, or the largest float of its sign if it has overflowed; NaN stays NaN."""
    if math.isinf(value):
        return math.copysign(sys.float_info.max, value)
    return value
