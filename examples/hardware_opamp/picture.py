"""Draw the response of the recommended amplifier at all corners: `python picture.py` writes `amplifier.svg`."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from amplifier import CORNERS, TYPICAL, Response, decibels, response, unwrapped

from overnight import AskTell

LEFT, WIDTH, HEIGHT, STEP = 50, 520, 170, 220
DECADES = (1, 9)


class Panel(NamedTuple):
    """One of the two charts, with values from `lowest` to `highest` over the logarithm of the frequency."""

    title: str
    top: float
    lowest: float
    highest: float
    every: float

    def at(self, frequency: float, value: float) -> tuple[float, float]:
        """Return the place of a value in the picture."""
        share = (math.log10(frequency) - DECADES[0]) / (DECADES[1] - DECADES[0])
        kept = min(max(value, self.lowest), self.highest)
        return LEFT + WIDTH * share, self.top + HEIGHT * (self.highest - kept) / (self.highest - self.lowest)

    def frame(self) -> Iterator[str]:
        """Yield the title, the grid and its labels."""
        yield f'<text x="{LEFT}" y="{self.top - 8}" font-weight="bold">{self.title}</text>'
        for decade in range(DECADES[0], DECADES[1] + 1):
            x, _ = self.at(10**decade, 0)
            yield f'<path d="M{x:.0f} {self.top}v{HEIGHT}" stroke="#e4e7eb"/>'
            label = f"{10 ** (decade % 3)} {('Hz', 'kHz', 'MHz', 'GHz')[decade // 3]}"
            yield f'<text x="{x:.0f}" y="{self.top + HEIGHT + 16}" text-anchor="middle">{label}</text>'
        for i in range(round((self.highest - self.lowest) / self.every) + 1):
            value = self.lowest + i * self.every
            _, y = self.at(1, value)
            yield f'<path d="M{LEFT} {y:.0f}h{WIDTH}" stroke="{"#8a94a0" if value == 0 else "#e4e7eb"}"/>'
            yield f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{value:g}</text>'

    def line(self, frequencies: list[float], values: list[float], ink: str) -> str:
        """Return one curve, drawn through every second value."""
        places = (self.at(*each) for each in zip(frequencies[::2], values[::2], strict=True))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        return f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="1.3"/>'

    def dot(self, frequency: float, value: float, ink: str) -> str:
        """Return a mark at one value."""
        x, y = self.at(frequency, value)
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{ink}"/>'


GAIN = Panel("Gain (dB)", 30, -40, 120, 40)
MARGIN = Panel("Phase (degrees above −180); a dot is the phase margin", 30 + STEP, -60, 180, 60)


def main() -> None:
    """Write the picture into the folder of this script."""
    folder = Path(__file__).parent
    found = AskTell(folder / "campaign.yaml").recommend(anywhere=False)
    if found is None:
        raise SystemExit("Nothing was observed yet: run the campaign first.")
    drawn = [*GAIN.frame(), *MARGIN.frame()]
    # The typical corner is drawn last, above the others.
    for corner in (*CORNERS[1:], TYPICAL):
        drawn += curves(response(dict(found.point), corner), "#14406e" if corner == TYPICAL else "#a9bfd6")
    size = f"{LEFT + WIDTH + 30} {2 * STEP + 20}"
    opened = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="sans-serif" font-size="12">'
    paper = '<rect width="100%" height="100%" fill="white"/>'
    (folder / "amplifier.svg").write_text("\n".join([opened, paper, *drawn, "</svg>\n"]))


def curves(measured: Response, ink: str) -> Iterator[str]:
    """Yield the curves of one corner, and the dots at which its gain is 1."""
    crossing, margin = measured.crossing
    # A decade above the crossing, neither gain nor phase matters any more.
    drawn = [frequency for frequency in measured.frequencies if frequency <= 10 * crossing]
    gains = measured.gains[: len(drawn)]
    yield GAIN.line(drawn, [decibels(gain) for gain in gains], ink)
    yield MARGIN.line(drawn, [180 + math.degrees(phase) for phase in unwrapped(gains)], ink)
    yield GAIN.dot(crossing, 0, ink)
    yield MARGIN.dot(crossing, margin, ink)


if __name__ == "__main__":
    main()
