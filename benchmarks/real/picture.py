"""Draw the best feasible result over trials: the median of each contestant's campaigns, and their range, as SVG."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 720, 360, 78, 44, 150, 46
# Colours that people with colour blindness can tell apart (Okabe and Ito), and names for readers.
_STYLES = {
    "overnight": ("#0072b2", "Overnight"),
    "optuna-tpe": ("#d55e00", "Optuna TPE"),
    "sobol": ("#6b6b6b", "random (Sobol)"),
}
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1a1a1a}.quiet{fill:#5a5a5a}line{stroke:#d0d0d0}"
    "@media(prefers-color-scheme:dark){text{fill:#eee}.quiet{fill:#aaa}line{stroke:#444}}"
)
# The best value so far after each trial; None before the first feasible one.
Curve = Sequence[float | None]


def svg_of(curves: Mapping[str, Sequence[Curve]], title: str, unit: str, baseline: float | None) -> str:
    """Return the picture; `curves` holds the campaigns of each contestant. Far apart values get a log scale."""
    values = [v for each in curves.values() for curve in each for v in curve if v is not None]
    values += [] if baseline is None else [baseline]
    if not values:
        raise ValueError("expected a feasible result to draw, found none in any campaign")
    trials = max(len(curve) for each in curves.values() for curve in each)
    scale = _Scale(min(values), max(values), trials)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{title}</title><style>{_STYLE}</style>",
        f'<text x="{_LEFT}" y="22" style="font-weight:600">{title}</text>',
    ]
    for tick in scale.ticks:
        y = scale.y(tick)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="quiet" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:,.6g}</text>')
    for tick in (1, trials // 2, trials):
        x = scale.x(tick)
        parts.append(f'<text class="quiet" x="{x:.1f}" y="{_HEIGHT - 24}" text-anchor="middle">{tick}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text class="quiet" x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">trials</text>')
    parts.append(f'<text class="quiet" x="{_LEFT}" y="38">{unit}</text>')
    labels = list[tuple[float, str, str]]()
    if baseline is not None:
        y = scale.y(baseline)
        parts.append(f'<path d="M{_LEFT},{y:.1f}H{_WIDTH - _RIGHT}" stroke="#888" stroke-dasharray="4 4" fill="none"/>')
        labels.append((y, "baseline", "#888"))
    for name, campaigns in curves.items():
        colour, words = _STYLES[name]
        low, mid, high = _summary(campaigns, trials)
        parts.append(_band(scale, low, high, colour))
        parts.append(f'<path d="{_steps(scale, mid)}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        last = [value for value in mid if value is not None]
        if last:
            labels.append((scale.y(last[-1]), words, colour))
    return "\n".join([*parts, *_labelled(labels), "</svg>\n"])


class _Scale:
    """Where values and trials lie."""

    def __init__(self, low: float, high: float, trials: int):
        self.is_log = low > 0 and high / low > 8
        if not self.is_log:
            room = 0.06 * (high - low or abs(high) or 1.0)
            low, high = low - room, high + room
        else:
            low, high = low / 1.15, high * 1.15
        self.low, self.high, self.trials = self._f(low), self._f(high), trials

    def _f(self, value: float) -> float:
        return math.log10(value) if self.is_log else value

    def y(self, value: float) -> float:
        share = (self._f(value) - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)

    def x(self, trial: int) -> float:
        return _LEFT + (trial - 1) / max(self.trials - 1, 1) * (_WIDTH - _RIGHT - _LEFT)

    @property
    def ticks(self) -> list[float]:
        if self.is_log:
            tens = range(math.floor(self.low), math.ceil(self.high) + 1)
            found = [m * 10.0**e for e in tens for m in (1, 2, 5)]
        else:
            rough = (self.high - self.low) / 5
            unit = 10.0 ** math.floor(math.log10(rough))
            step = next(m * unit for m in (1, 2, 5, 10) if m * unit >= rough)
            found = [i * step for i in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        return [each for each in found if self.low <= self._f(each) <= self.high]


def _summary(campaigns: Sequence[Curve], trials: int) -> tuple[Curve, Curve, Curve]:
    """Return the least, the median and the greatest value after each trial, where every campaign has one."""
    low, mid, high = list[float | None](), list[float | None](), list[float | None]()
    for i in range(trials):
        there = [curve[min(i, len(curve) - 1)] for curve in campaigns]
        known = [value for value in there if value is not None]
        whole = len(known) == len(there)
        low.append(min(known) if whole else None)
        mid.append(median(known) if whole else None)
        high.append(max(known) if whole else None)
    return low, mid, high


def _corners(scale: _Scale, curve: Curve) -> list[tuple[float, float]]:
    found = list[tuple[float, float]]()
    for trial, value in enumerate(curve, start=1):
        if value is not None:
            if found:
                found.append((scale.x(trial), found[-1][1]))
            found.append((scale.x(trial), scale.y(value)))
    return found


def _steps(scale: _Scale, curve: Curve) -> str:
    return _path(_corners(scale, curve))


def _band(scale: _Scale, low: Curve, high: Curve, colour: str) -> str:
    corners = [*_corners(scale, low), *reversed(_corners(scale, high))]
    return f'<path d="{_path(corners)}" fill="{colour}" fill-opacity="0.15"/>' if corners else ""


def _path(corners: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in corners) if corners else ""


def _labelled(labels: Sequence[tuple[float, str, str]]) -> list[str]:
    """Return the labels at the right, moved apart where they would overlap."""
    found, free = list[str](), -math.inf
    for wanted, words, colour in sorted(labels):
        y = max(wanted, free + 17)
        free = y
        found.append(f'<text x="{_WIDTH - _RIGHT + 10}" y="{y + 4:.1f}" style="fill:{colour}">{words}</text>')
    return found
