"""The course of a campaign as a small picture."""

import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from told_stories import HOSTILE, Story, campaign_of

from overnight.report.pictures.trace_picture import trace_picture

MOST = sys.float_info.max
SVG = "{http://www.w3.org/2000/svg}"


def drawn(*means: float, doubted: Any = (), **campaign: object) -> ElementTree.Element:
    story = Story(campaign_of(**campaign))
    for trial, mean in enumerate(means, 1):
        story.tried(trial, 3 * trial, mean)
    picture = trace_picture(story.history, doubted)
    assert picture is not None
    return ElementTree.fromstring(picture)


def heights(picture: ElementTree.Element) -> list[float]:
    """Return the heights of the trials' points, measured upwards."""
    return [-float(circle.attrib["cy"]) for circle in picture.iter(f"{SVG}circle")]


def test_nothing_is_drawn_before_anything_was_observed():
    assert trace_picture(Story().history) is None


def test_every_observed_trial_is_a_point_in_the_order_of_the_values():
    ups = heights(drawn(3.0, 1.0, 2.0))
    assert len(ups) == 3
    assert ups[1] < ups[2] < ups[0]


@pytest.mark.parametrize(("direction", "last"), [("minimize", 1), ("maximize", 0)])
def test_the_line_ends_at_the_best(direction, last):
    picture = drawn(3.0, 1.0, 2.0, **{direction: "loss"})
    [path] = [path.attrib["d"] for path in picture.iter(f"{SVG}path")]
    assert float(path.rpartition("V")[2]) == pytest.approx(-heights(picture)[last], abs=0.1)


def test_a_result_that_looks_like_a_glitch_is_a_point_and_never_the_best():
    picture = drawn(3.0, -9.0, 2.0, doubted=(2,))
    assert len(heights(picture)) == 3
    [path] = [path.attrib["d"] for path in picture.iter(f"{SVG}path")]
    assert float(path.rpartition("V")[2]) == pytest.approx(-heights(picture)[2], abs=0.1)


@pytest.mark.parametrize(
    "means",
    [
        *([2.0], [0.0, 0.0], [-5.0, -5.0], [1e-9, 1.0, 1e6], [-1e300, 1e300], [5e-324, 1e300]),
        *([-MOST, MOST], [MOST, MOST], [-MOST], [5e-324, 0.0], [5e-324, 1e-300, MOST, MOST]),
    ],
    ids=str,
)
def test_any_values_give_a_picture_whose_points_lie_in_it(means):
    picture = drawn(*means)
    assert all(0 <= -up <= 320 for up in heights(picture))


def test_names_of_metrics_are_text():
    assert any(text.text == f"{HOSTILE[:29]}…" for text in drawn(1.0, minimize=HOSTILE).iter(f"{SVG}text"))


@pytest.mark.parametrize("name", ["loss", "loss in ms", "loss of the first batch", "validation_loss_" * 4])
def test_a_name_begins_inside_the_picture_and_the_legend_begins_after_it(name: str):
    texts = {text.text or "": text for text in drawn(1.0, minimize=name).iter(f"{SVG}text")}
    [shown] = [text for text in texts if text and name.startswith(text.removesuffix("…"))]
    width, x = 7 * len(shown), float(texts[shown].get("x") or "nan")
    begins = x - width if texts[shown].get("text-anchor") == "end" else x
    assert begins >= 0
    legend = [float(text.get("x") or "nan") for words, text in texts.items() if words.startswith("best")]
    assert legend
    assert begins + width < min(legend)
