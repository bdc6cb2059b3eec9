"""The parts of a picture are distinguishable in light mode, in dark mode and without full colour vision."""

from typing import get_args

import pytest

from overnight.campaign.history.trial import Generator, Status
from overnight.report.pictures.colours import BEST, GENERATORS, LIMIT, OTHERS, PREFERRED
from overnight.report.statuses import LOOKS


def luminance(colour: str) -> float:
    """Return the relative luminance of sRGB as defined in WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("card", ["#ffffff", "#1c2128"], ids=["light", "dark"])
@pytest.mark.parametrize(
    "colour", sorted({*GENERATORS.values(), *(look.colour for look in LOOKS.values()), BEST, LIMIT, OTHERS, PREFERRED})
)
def test_every_colour_stands_out_from_its_card(colour: str, card: str):
    assert contrast(colour, card) >= 3


def test_every_generator_and_every_end_has_a_colour_and_ends_differ_without_colours_too():
    assert set(GENERATORS) == set(get_args(Generator))
    assert set(LOOKS) == set(get_args(Status))
    hatched = [LOOKS[status].hatching for status in ("observed", "failed", "stopped", "abandoned")]
    assert len(set(hatched)) == len(hatched)
