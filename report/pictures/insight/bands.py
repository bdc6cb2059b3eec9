"""The coloured bands of a contour: round limits, a colour for each, and the bar that shows them."""

import math
import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from overnight.report.numbers import number
from overnight.report.pictures.colours import BANDS
from overnight.report.pictures.figure import Figure

# About so many bands have round numbers as their limits, and at most so many limits are written.
_BANDS, _WRITTEN = 9, 8


@dataclass(frozen=True)
class Bands:
    """Bands of a metric between round `limits`, on a linear or a logarithmic scale."""

    limits: tuple[float, ...]
    logarithmic: bool

    @classmethod
    def of(cls, means: Sequence[float], *, logarithmic: bool) -> "Bands":
        """Return bands that hold all means."""
        logarithmic = logarithmic and min(means) > 0
        low, high = (math.log10(end) if logarithmic else end for end in (min(means), max(means)))
        # The difference of the largest floats is not a float.
        step = _round_step(high / _BANDS - low / _BANDS) if high > low else abs(low) or 1.0
        first, last, largest = math.floor(low / step), math.ceil(high / step), sys.float_info.max
        limits = (min(max(i * step, -largest), largest) for i in range(first, max(last, first + 1) + 1))
        return cls(tuple(limits), logarithmic)

    def index(self, mean: float | None) -> int | None:
        """Return the number of the band that holds a mean."""
        if mean is None or (self.logarithmic and mean <= 0):
            return None
        at = math.log10(mean) if self.logarithmic else mean
        return min(max(bisect_right(self.limits, at) - 1, 0), len(self.limits) - 2)

    def colours(self, *, maximize: bool) -> list[str]:
        """Return the colour of each band, the brightest for the best."""
        count = len(self.limits) - 1
        found = [_between(BANDS, i / max(count - 1, 1)) for i in range(count)]
        return found if maximize else found[::-1]

    def bar(self, colours: Sequence[str]) -> Figure:
        """Return an invisible point with the bar of all colours."""
        ends, count = (self.limits[0], self.limits[-1]), len(colours)
        scale = [[(i + side) / count, colour] for i, colour in enumerate(colours) for side in (0, 1)]
        shown = self.limits[:: -(-len(self.limits) // _WRITTEN)]
        # Half a decade is written as 3, which is near enough for a colour.
        texts = [number(10.0**limit, 1) if self.logarithmic else number(limit, 3) for limit in shown]
        bar = {"orientation": "h", "y": -0.16, "yanchor": "top", "thickness": 12, "len": 1.0, "outlinewidth": 0}
        bar |= {"tickvals": list(shown), "ticktext": texts, "tickfont": {"size": 12}}
        marker: Figure = {"color": [ends[0]], "cmin": ends[0], "cmax": ends[1], "colorscale": scale, "showscale": True}
        marker |= {"colorbar": bar}
        hidden = {"type": "scatter", "x": [None], "y": [None], "mode": "markers", "marker": marker}
        return hidden | {"showlegend": False, "hoverinfo": "skip"}


def _round_step(step: float) -> float:
    """Return 1, 2 or 5 times a power of ten, the least that is not below a step."""
    power = 10.0 ** math.floor(math.log10(max(step, sys.float_info.min)))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= step * (1.0 - 1e-9))


def _between(colours: Sequence[str], share: float) -> str:
    """Return the colour at a share of the way through several colours."""
    at = share * (len(colours) - 1)
    below = min(int(at), len(colours) - 2)
    one, other = (bytes.fromhex(colours[i].removeprefix("#")) for i in (below, below + 1))
    return "#" + bytes(round(a + (b - a) * (at - below)) for a, b in zip(one, other, strict=True)).hex()
