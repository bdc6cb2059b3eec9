"""The part of a page about the insight of the model: sentences and charts for each objective."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from overnight.campaign import Campaign
from overnight.report.page.template import rendered
from overnight.report.phrases.general import counted, sentence
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
from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.figure import Figure
from overnight.report.pictures.insight.contour_chart import contour_chart, pair_chart
from overnight.report.pictures.insight.importance_chart import importance_chart
from overnight.report.pictures.insight.left_out_chart import left_out_chart
from overnight.report.pictures.insight.parallel_chart import parallel_chart
from overnight.report.pictures.insight.slice_chart import SliceCharts
from overnight.report.story.insight.insight import ShownInsight, ShownMetric
from overnight.report.story.insight.judgement import Judgement

# The slices of one metric, and fewer of each if there are several.
_MOST_SLICES, _MOST_OF_SEVERAL = 6, 3
_MOST_NAMED = 12
_MOST_BARS, _MOST_ROWS = 12, 10


@dataclass(frozen=True)
class InsightPart:
    """The part as HTML, its charts by the ids of their places, and the parameters with a slice for every metric."""

    html: Markup
    figures: dict[str, Figure]
    sliced: frozenset[str]


def insight_part(
    campaign: Campaign, insight: ShownInsight | None, pictures: Mapping[str, Pictures], prefix: str, point: str
) -> InsightPart:
    """Return the insight, which is empty without a model; `pictures` are those of each objective.

    `point` names the configuration through which the slices go.
    """
    if insight is None:
        return InsightPart(Markup(), {}, frozenset())
    learnt = [_learnt(campaign, insight, number, pictures[of.metric]) for number, of in enumerate(insight.metrics)]
    figures = {place: figure for each in learnt for place, figure in each.figures.items()}
    part, together, constrained = insight.best_part, dict[str, str](), bool(campaign.goal.constraints)
    if part is not None:
        [of] = insight.metrics
        names = _in_order(campaign, of)[:_MOST_ROWS]
        figures["trials-together"] = parallel_chart(pictures[of.metric], names, part.trials, maximize=of.maximize)
        parameter = None if part.parameter is None else campaign.parameters.root[part.parameter]
        title = best_part_text(part, parameter, constrained=constrained)
        together = {"place": "trials-together", "title": title}
    html = rendered(
        "insight.html.jinja",
        prefix=prefix,
        learnt=[each.lines for each in learnt],
        point=point,
        tuned=len(campaign.parameters.tuned()),
        constrained=constrained,
        inactive=", ".join(insight.inactive),
        together=together,
    )
    return InsightPart(html, figures, frozenset(set.intersection(*(each.sliced for each in learnt))))


@dataclass(frozen=True)
class _Learnt:
    """What is shown of one metric: its lines, its charts by the ids of their places, the parameters with a slice."""

    lines: dict[str, Any]
    figures: dict[str, Figure]
    sliced: set[str]


def _learnt(campaign: Campaign, insight: ShownInsight, number: int, pictures: Pictures) -> _Learnt:
    of = insight.metrics[number]
    most = _MOST_SLICES if len(insight.metrics) == 1 else _MOST_OF_SEVERAL
    charts = SliceCharts(pictures, insight.point, of.slices[:most], maximize=of.maximize)
    places = [f"slice-{number}-{i}" for i in range(len(charts.slices))]
    figures = {place: charts.chart(each) for place, each in zip(places, charts.slices, strict=True)}
    lines = _lines(campaign, of, charts, places)
    if of.importance:
        lines["importance"] = f"importance-{number}"
        figures[lines["importance"]] = importance_chart(of.importance[:_MOST_BARS])
    if of.contour is not None:
        lines["contour"], contour = f"contour-{number}", of.contour.contour
        across, up = (campaign.parameters.root[name] for name in (contour.across, contour.up))
        lines["both"] = contour_text(of, of.contour, across, up)
        lines["forbidden"] = any(mean is None for row in contour.mean for mean in row)
        figures[lines["contour"]] = contour_chart(pictures, insight.point, contour, maximize=of.maximize)
    for i, pair in enumerate(of.pairs):
        lines["pairs"].append({"title": f"{pair.across} and {pair.up}", "place": f"pair-{number}-{i}"})
        figures[f"pair-{number}-{i}"] = pair_chart(pictures, insight.point, pair, maximize=of.maximize)
    if of.judgement is not None:
        lines["left_out"] = f"left-out-{number}"
        lines |= _judged(of.judgement)
        figures[lines["left_out"]] = left_out_chart(of.judgement.left_out, logarithmic=pictures.logarithmic)
    return _Learnt(lines, figures, {each.slice.parameter for each in charts.slices})


def _lines(campaign: Campaign, of: ShownMetric, charts: SliceCharts, places: list[str]) -> dict[str, Any]:
    slices = [
        {"title": slice_text(of, each, campaign.parameters.root[each.slice.parameter]), "place": place}
        for each, place in zip(charts.slices, places, strict=True)
    ]
    others = [each.slice.parameter for each in of.slices[len(slices) :]]
    named = ", ".join(others[:_MOST_NAMED])
    more = f" and {counted(len(others) - _MOST_NAMED, 'other')}" if len(others) > _MOST_NAMED else ""
    return {
        "metric": of.metric,
        "importance": "",
        "contour": "",
        "pairs": [],
        "left_out": "",
        "bounds": [sentence(bound_text(of, each, campaign.parameters.root[each.parameter])) for each in of.at_bounds],
        "leading": importance_text(of),
        "alone": any(each.main is not None for each in of.importance),
        "bars": (min(len(of.importance), _MOST_BARS), len(of.importance)),
        "slices": slices,
        "beyond": charts.beyond,
        "unsliced": f"{named}{more}",
    }


def _in_order(campaign: Campaign, of: ShownMetric) -> list[str]:
    """Return all tuned parameters, those that matter most first."""
    known = [each.parameter for each in of.importance] or [each.slice.parameter for each in of.slices]
    return [*dict.fromkeys([*known, *campaign.parameters.tuned()])]


def _judged(judgement: Judgement) -> dict[str, Any]:
    sentences = [calibration_text(judgement), advice_text(judgement)]
    return {"verdict": judgement_text(judgement), "judged": " ".join(sentence(each) for each in sentences if each)}
