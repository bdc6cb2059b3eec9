"""The insight of the model in Markdown: tables and sentences instead of pictures."""

from collections.abc import Iterator

from overnight.campaign import Campaign
from overnight.campaign.insight import Importance, Index
from overnight.report.formats.markdown_text import bullets, plain, table
from overnight.report.numbers import share_text
from overnight.report.phrases.general import sentence
from overnight.report.phrases.insight import (
    advice_text,
    best_part_text,
    bound_text,
    calibration_text,
    contour_text,
    importance_text,
    judgement_text,
    slice_text,
)
from overnight.report.story.insight.insight import ShownInsight, ShownMetric

_MOST_ROWS = 12


def insight_lines(campaign: Campaign, insight: ShownInsight, level: str) -> Iterator[str]:
    """Yield what the model has learnt about each objective, with headings of this level."""
    for of in insight.metrics:
        yield from (f"{level} What the model has learnt about {plain(of.metric)}", "", *_metric(campaign, of))
    if (part := insight.best_part) is not None:
        parameter = None if part.parameter is None else campaign.parameters.root[part.parameter]
        best = best_part_text(part, parameter, constrained=bool(campaign.goal.constraints))
        yield from (f"{level} All results together", "", plain(sentence(best)), "")


def _metric(campaign: Campaign, of: ShownMetric) -> Iterator[str]:
    """Yield the bounds that may be too tight, the importance, the slices, and the judgement of the model."""
    parameters = campaign.parameters.root
    bounds = [bound_text(of, each, parameters[each.parameter]) for each in of.at_bounds]
    if bounds:
        yield from bullets(map(sentence, bounds))
    if of.importance:
        yield from (plain(importance_text(of)), "")
        yield from table(["parameter", "alone", "with others"], map(_importance, of.importance[:_MOST_ROWS]))
    shapes = [slice_text(of, each, parameters[each.slice.parameter]) for each in of.slices[:_MOST_ROWS]]
    if of.contour is not None:
        across, up = of.contour.contour.across, of.contour.contour.up
        shapes.append(contour_text(of, of.contour, parameters[across], parameters[up]))
    if shapes:
        # Not as sentences, which would change the first letter of a name.
        yield from bullets(shapes)
    if (judged := of.judgement) is not None:
        more = [sentence(text) for text in (calibration_text(judged), advice_text(judged)) if text]
        yield from (plain(" ".join([f"{judgement_text(judged)}.", *more])), "")


def _importance(of: Importance) -> list[str]:
    """Return the row of a parameter: its shares of the variance with their intervals."""
    return [of.parameter, "" if of.main is None else _share(of.main), _share(of.total)]


def _share(index: Index) -> str:
    shares = [share_text(round(value, 3)) for value in (index.value, index.low, index.high)]
    return f"{shares[0]} ({shares[1]} to {shares[2]})"
