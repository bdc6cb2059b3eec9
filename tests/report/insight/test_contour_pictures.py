import base64
import math
import struct
import zlib
from typing import Any

import pytest
from told_stories import POINT, Story, campaign_of

from overnight.campaign.insight import Contour
from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.insight.bands import Bands
from overnight.report.pictures.insight.contour_chart import contour_chart
from overnight.report.pictures.insight.png import png_address


def read_png(address: str) -> tuple[list[bytes], bytes]:
    """Return the rows of palette indices and the palette of a picture, whose checksums must be right."""
    data = base64.b64decode(address.removeprefix("data:image/png;base64,"), validate=True)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    parts, at = dict[bytes, bytes](), 8
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        parts[kind] = data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + parts[kind])
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert (depth, colour, parts[b"tRNS"]) == (8, 3, b"\0")
    pixels = zlib.decompress(parts[b"IDAT"])
    assert len(pixels) == height * (width + 1)
    return [pixels[i + 1 : i + 1 + width] for i in range(0, len(pixels), width + 1)], parts[b"PLTE"]


def test_a_png_holds_its_pixels_and_colours_and_clear_ones_are_clear() -> None:
    rows, palette = read_png(png_address([[0, 1, None], [1, 1, 0]], ["#ff0000", "#0000ff"]))
    assert rows == [b"\1\2\0", b"\2\2\1"]
    assert palette[3:] == b"\xff\0\0\0\0\xff"


def test_bands_have_round_limits_that_hold_all_means() -> None:
    bands = Bands.of([0.283, 0.41], logarithmic=False)
    assert bands.limits[0] <= 0.283
    assert bands.limits[-1] >= 0.41
    assert [round(limit, 9) for limit in bands.limits[:2]] == [0.28, 0.3]
    assert bands.index(0.283) == 0
    assert bands.index(0.41) == len(bands.limits) - 2
    assert bands.index(None) is None


def test_the_brightest_colour_is_the_best() -> None:
    bands = Bands.of([0.0, 10.0], logarithmic=False)
    assert bands.colours(maximize=True)[-1] == "#f2e637"
    assert bands.colours(maximize=False)[0] == "#f2e637"


@pytest.mark.parametrize("means", [[1.0, 1.0], [0.0, 0.0], [-1.7e308, 1.7e308], [1e-308, 2e-308], [0.0, 5e-324]])
def test_means_that_are_alike_or_extreme_have_bands_too(means: list[float]) -> None:
    bands = Bands.of(means, logarithmic=False)
    assert 2 <= len(bands.limits) <= 20
    assert all(map(math.isfinite, bands.limits))
    assert all(bands.index(mean) is not None for mean in means)


def chart(**changes: Any) -> dict[str, Any]:
    story = Story(campaign_of())
    for trial in range(1, 4):
        story.proposed(trial, trial, POINT | {"depth": trial}).started(trial, trial)
        story.observed(trial, trial + 1, mean=1.0 + trial)
    story.proposed(4, 5).started(4, 5).failed(4, 6).proposed(5, 7)
    values: dict[str, Any] = {"across": "rate", "up": "depth", "at_across": (1e-4, 1e-2, 1.0), "at_up": (1, 5, 9)}
    values["mean"] = ((1.0, 2.0, 3.0), (2.0, 3.0, 4.0), (3.0, 4.0, None))
    found = Contour(**values | changes)
    return contour_chart(Pictures(story.history, 1), POINT, found, maximize=False)


def test_the_picture_covers_the_axes_and_trials_of_each_kind_are_in_front() -> None:
    figure = chart()
    [image] = figure["layout"]["images"]
    # Plotly places pictures by the logarithms of a logarithmic axis.
    assert (image["x"], image["x"] + image["sizex"]) == pytest.approx((-4.0, 0.0))
    # Few whole numbers have a cell each.
    assert (image["y"] - image["sizey"], image["y"]) == pytest.approx((-1.0, 11.0))
    names = [trace.get("name") for trace in figure["data"]]
    assert names == ["observed", "failed or stopped", "pending", "recommended", None]
    assert figure["data"][0]["y"] == [1, 2, 3]


def test_low_values_are_at_the_bottom_left_of_the_picture_and_forbidden_cells_are_clear() -> None:
    rows, _ = read_png(chart()["layout"]["images"][0]["source"])
    best, worst = rows[-1][0], rows[-1][-1]
    assert 0 < best < worst
    assert rows[0][-1] == 0


def test_choices_are_cells_of_one_colour() -> None:
    mean = ((1.0, 3.0), (2.0, 4.0))
    figure = chart(across="mode", up="cache", at_across=("slow", "fast"), at_up=(False, True), mean=mean)
    [image] = figure["layout"]["images"]
    assert (image["x"], image["sizex"]) == (-0.5, 2.0)
    rows, _ = read_png(image["source"])
    assert len({*rows}) == 2
    assert all(len({*row}) == 2 for row in rows)
