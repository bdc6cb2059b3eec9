"""The parts that small SVG pictures share: their size, texts and a legend."""

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

from overnight.campaign.values.harmless import harmless
from overnight.report.pictures.colours import INK

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 84, 14, 34, 34
# The width of most letters.
LETTER = 7


def svg(parts: Iterable[str]) -> str:
    """Return the parts as one picture."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"'
    return f'{head} font-family="system-ui, sans-serif" font-size="12">{"".join(parts)}</svg>'


def text_at(x: float, y: float, text: str, anchor: str) -> str:
    """Return a text that begins, ends or has its middle there."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">{escape(harmless(text))}</text>'


def legend(paints: Mapping[str, str], x: float = LEFT + 8) -> list[str]:
    """Return a row of names above the picture, each with a square in its paint."""
    parts = []
    for name, paint in paints.items():
        parts.append(f'<rect x="{x}" y="9" width="10" height="10" rx="2" {paint}/>')
        parts.append(text_at(x + 15, 18, name, "start"))
        x += 34 + LETTER * len(name)
    return parts
