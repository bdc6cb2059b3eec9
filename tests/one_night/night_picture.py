"""A picture of the attempts of two nights over time, with the moment at which everything was killed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from kill_judge import Evidence

from overnight.report.pictures.timeline import Span, attempt_spans

_WIDTH, _GAP, _LEFT, _TOP, _LANE = 920, 34, 14, 44, 26
_INK, _PALE, _OPEN, _DONE, _CUT = "#1f2933", "#6b7785", "#eef2f6", "#2f6fb0", "#c0392b"
_BEYOND = timedelta(seconds=10)


@dataclass(frozen=True)
class _Stretch:
    """A part of the time that is drawn, from the pixel `left` on; the hours between two parts are left out."""

    begins: datetime
    ends: datetime
    left: float
    pixels_per_second: float

    def x(self, moment: datetime) -> float:
        """Return the pixel of a moment."""
        return self.left + (moment - self.begins).total_seconds() * self.pixels_per_second

    @property
    def width(self) -> float:
        """Return its width in pixels."""
        return self.x(self.ends) - self.left


def picture(evidence: Evidence, zone: ZoneInfo) -> str:
    """Return an SVG with a bar for each attempt, blue if it was observed and red if it was cut off."""
    ends = evidence.events[-1].time
    spans = attempt_spans(evidence.history, ends)
    lanes = 1 + max(span.lane for span in spans)
    height = _TOP + lanes * _LANE + 46
    body = [
        part
        for stretch in _stretches(evidence)
        for part in (*_frame(stretch, lanes, zone), *_bars(stretch, spans, evidence.kill.at))
    ]
    body += _killed(evidence, lanes, zone)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">'
    )
    title = "<title>Attempts of both nights over time; all processes are killed in the first one</title>"
    background = f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    return f"{head}{title}{background}{''.join(body)}{_legend(height)}</svg>\n"


def _stretches(evidence: Evidence) -> list[_Stretch]:
    """Return the times from each start to the last event of its controller, side by side at one scale."""
    ends = [evidence.kill.at, *(night.events[-1].time for night in evidence.nights[1:])]
    times = [(due - _BEYOND, end + _BEYOND) for due, end in zip(evidence.starts, ends, strict=True)]
    lengths = [(end - begin).total_seconds() for begin, end in times]
    scale = (_WIDTH - 2 * _LEFT - _GAP * (len(times) - 1)) / sum(lengths)
    lefts = accumulate((length * scale + _GAP for length in lengths), initial=float(_LEFT))
    return [_Stretch(begin, end, left, scale) for (begin, end), left in zip(times, lefts, strict=False)]


def _frame(stretch: _Stretch, lanes: int, zone: ZoneInfo) -> Iterator[str]:
    bottom = _TOP + lanes * _LANE
    place = f'x="{stretch.left:.1f}" y="{_TOP}" width="{stretch.width:.1f}"'
    yield f'<rect {place} height="{lanes * _LANE}" fill="{_OPEN}"/>'
    minute = stretch.begins.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute <= stretch.ends:
        x = stretch.x(minute)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom + 4}" stroke="#cbd3db"/>'
        yield _text(x, bottom + 17, f"{minute.astimezone(zone):%H:%M}", "middle", _PALE)
        minute += timedelta(minutes=1)
    yield _text(stretch.left, 16, f"{stretch.ends.astimezone(zone):%A %-d %B}", "start", _INK)


def _bars(stretch: _Stretch, spans: list[Span], killed_at: datetime) -> Iterator[str]:
    for span in spans:
        if not stretch.begins <= span.began <= stretch.ends:
            continue
        # The ledger learns of an attempt that was cut off only when the next controller looks.
        cut = span.end == "failed"
        ended = killed_at if cut and span.began < killed_at else span.ended
        width = max(stretch.x(ended) - stretch.x(span.began), 4.0 if cut else 1.2)
        place = f'x="{stretch.x(span.began):.1f}" y="{_TOP + span.lane * _LANE + 4}" width="{width:.1f}"'
        name = f"trial {span.trial}, attempt {span.attempt}, {'cut off' if cut else span.end}"
        yield f'<rect {place} height="{_LANE - 8}" rx="1" fill="{_CUT if cut else _DONE}"><title>{name}</title></rect>'


def _killed(evidence: Evidence, lanes: int, zone: ZoneInfo) -> list[str]:
    first = _stretches(evidence)[0]
    x, bottom = first.x(evidence.kill.at), _TOP + lanes * _LANE
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 10}" y2="{bottom}" stroke="{_CUT}" stroke-width="2"/>'
    text = f"{evidence.kill.at.astimezone(zone):%H:%M:%S} everything is killed"
    return [line, _text(x, _TOP - 14, text, "end", _CUT)]


def _legend(height: int) -> str:
    parts, x = [], float(_LEFT)
    for colour, text in ((_DONE, "an attempt that was observed"), (_CUT, "an attempt that was cut off")):
        parts.append(f'<rect x="{x:.1f}" y="{height - 19}" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 15, height - 10, text, "start", _INK))
        x += 34 + 6.4 * len(text)
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
