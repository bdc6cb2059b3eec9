"""The front of two objectives as one small SVG, for places that run no scripts."""

from collections.abc import Iterator
from dataclasses import dataclass

from overnight.campaign import History
from overnight.report.numbers import number
from overnight.report.pictures.axes import shortened
from overnight.report.pictures.colours import BEST, GENERATORS, GRID, OTHERS
from overnight.report.pictures.front_geometry import Window, border, window_of
from overnight.report.pictures.svg import BOTTOM, HEIGHT, LEFT, LETTER, RIGHT, TOP, WIDTH, legend, svg, text_at
from overnight.report.selection import worth_drawing
from overnight.report.story.goal.front import Front

_TICKS = 4


def front_picture(history: History, front: Front) -> str | None:
    """Return the measured points with the front as an SVG; None before any result, and for more objectives."""
    observed = history.model_view().observed
    if not observed or len(front.objectives) > 2:
        return None
    plane = _Plane(*(window_of(front, i, observed) for i in (0, 1)))
    if plane.across.ends is None or plane.up.ends is None:
        return None
    return svg([*_grid(plane, front), *_others(plane, history, front), *_front(plane, front), *_legend(front)])


@dataclass(frozen=True)
class _Plane:
    """The positions of pairs of values in the picture."""

    across: Window
    up: Window

    def at(self, x: float, y: float) -> tuple[float, float]:
        # The border may lead to a reference far away.
        right, high = (min(max(share, 0.0), 1.0) for share in (self.across.share(x), self.up.share(y)))
        return LEFT + right * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - high * (HEIGHT - TOP - BOTTOM)

    def shows(self, x: float, y: float) -> bool:
        return self.across.shows(x) and self.up.shows(y)


def _grid(plane: _Plane, front: Front) -> Iterator[str]:
    for i in range(_TICKS):
        share = (i + 0.5) / _TICKS
        x, y = LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{GRID}"/>'
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
        yield text_at(x, HEIGHT - BOTTOM + 16, number(plane.across.value(share), 3), "middle")
        yield text_at(LEFT - 8, y + 4, number(plane.up.value(share), 3), "end")
    one, two = front.objectives
    yield text_at(WIDTH - RIGHT, HEIGHT - 4, shortened(str(one), (WIDTH - 2 * RIGHT) // LETTER), "end")
    yield text_at(8, 18, shortened(str(two), (WIDTH // 2 - 16) // LETTER), "start")


def _others(plane: _Plane, history: History, front: Front) -> Iterator[str]:
    """Yield the measured points that are not on the front, hollow if they are infeasible."""
    on_front, (one, two) = {point.trial for point in front.points}, (each.metric for each in front.objectives)
    for trial in worth_drawing(history, history.model_view().observed, None):
        place = trial.measured[one].mean, trial.measured[two].mean
        if trial.id in on_front or not plane.shows(*place):
            continue
        hollow = history.goal.verdict(trial.measured) is False
        paint = f'fill="none" stroke="{OTHERS}"' if hollow else f'fill="{OTHERS}" fill-opacity="0.6"'
        yield _circle(*plane.at(*place), 3, paint)


def _front(plane: _Plane, front: Front) -> Iterator[str]:
    """Yield the baseline, the border of the dominated area, the points on the front, and the recommended one's ring."""
    if (baseline := front.baseline) is not None:
        x, y = plane.at(*(value.mean for value in baseline.values))
        yield f'<path d="M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7-7z" fill="{GENERATORS["baseline"]}"/>'
    corners = [plane.at(*corner) for corner in border(front)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in corners)
    yield f'<path d="M{path}" fill="none" stroke="{BEST}" stroke-width="1.5"/>' if corners else ""
    for point in front.points:
        place = plane.at(*(value.mean for value in point.values))
        yield _circle(*place, 4, f'fill="{BEST}"')
        if front.recommended is not None and point.trial == front.recommended.trial:
            yield _circle(*place, 8, f'fill="none" stroke="{BEST}" stroke-width="2.5"')


def _legend(front: Front) -> list[str]:
    filled = {"on the front": BEST, "not on the front": OTHERS}
    baseline = {} if front.baseline is None else {"baseline": GENERATORS["baseline"]}
    return legend({name: f'fill="{colour}"' for name, colour in (filled | baseline).items()}, x=WIDTH // 2)


def _circle(x: float, y: float, radius: float, paint: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" {paint}/>'
