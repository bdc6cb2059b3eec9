"""The part of a page about one goal: of the whole campaign, or of one context with its own trials."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from overnight.campaign import History
from overnight.campaign.values.harmless import harmless_json
from overnight.report.finding import (
    confidence_sentences,
    constraint_sentences,
    finding_sentence,
)
from overnight.report.page.arms_table import arms_table
from overnight.report.page.configuration_table import configuration_table
from overnight.report.page.constraints_table import constraints_table
from overnight.report.page.front_table import front_table
from overnight.report.page.insight_part import insight_part
from overnight.report.page.solutions_table import solutions_table
from overnight.report.page.template import rendered
from overnight.report.phrases.experiment import traffic_text, where_measured
from overnight.report.phrases.general import counted, counts_text, recommended_point, recommended_words
from overnight.report.pictures.arms_chart import arms_chart, drawn_arms
from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.differences import as_differences
from overnight.report.pictures.figure import Figure
from overnight.report.pictures.front_chart import FrontPictures
from overnight.report.story import Story
from overnight.report.story.goal.best import Best

_CHARTED_PARAMETERS = 30
# Parameters without a slice matter less.
_CHARTED_BESIDE_SLICES = 6


@dataclass(frozen=True)
class PagePart:
    """A part of a page as HTML, its charts as JSON by the ids of their places, and the recommended trial."""

    html: Markup
    figures: dict[str, str]
    recommended: int | None


def page_part(history: History, story: Story, prefix: str = "", called: str = "") -> PagePart:
    """Return the recommendation, the tables and the charts of a story and its history.

    A part about a context is `called` by its values, and the ids of its places have a `prefix`.
    """
    campaign, found = history.definition, story.best.recommended
    names, ringed = list(campaign.parameters.tuned()), found and found.trial
    words, by_metric = recommended_words(story), _by_metric(history, story)
    metrics = list(by_metric)
    pictures = by_metric[campaign.objective.metric]
    learnt = insight_part(campaign, story.insight, by_metric, prefix, recommended_point(story))
    # A slice shows the results as well.
    names, uncharted = _charted([name for name in names if name not in learnt.sliced], metrics, learnt.figures)
    fronts = None if story.front is None else FrontPictures(history, story.front, words)
    figures = _figures(story, by_metric, fronts, names) | learnt.figures
    html = rendered(
        "part.html.jinja",
        prefix=prefix,
        called=called,
        finding=finding_sentence(story),
        confidence=[*confidence_sentences(story), *constraint_sentences(story)],
        counts=counts_text(story.spent),
        campaign=campaign,
        objective=campaign.objective,
        constraints=constraints_table(story.feasibility),
        recommendation=found,
        words=words,
        called_point=recommended_point(story),
        where=where_measured(story, found) if found else "",
        configuration=configuration_table(campaign, story.best),
        as_json=_to_copy(story.best),
        figures=figures,
        charted=names,
        uncharted=uncharted,
        metrics=metrics,
        front=None if story.front is None else front_table(campaign, story.front),
        fronts=fronts,
        solutions=None if story.solutions is None else solutions_table(campaign, story.solutions),
        insight=learnt.html,
        sliced=bool(learnt.sliced),
        experiment=story.experiment,
        arms=arms_table(story.experiment),
        traffic="" if story.experiment is None else traffic_text(story.experiment),
        pictures=pictures,
        by_metric=by_metric,
        counted=counted,
    )
    return PagePart(html, {f"{prefix}{place}": embedded(figure) for place, figure in figures.items()}, ringed)


def _by_metric(history: History, story: Story) -> dict[str, Pictures]:
    """Return the pictures of each objective; those of an A/B test show differences to the status quo."""
    drawn = history if story.experiment is None else as_differences(history)
    ringed = story.best.recommended and story.best.recommended.trial
    doubted, words = {suspect.trial for suspect in story.suspects}, recommended_words(story)
    metrics = [objective.metric for objective in history.goal.objectives]
    return {metric: Pictures(drawn, ringed, metric, doubted, words) for metric in metrics}


def _to_copy(best: Best) -> Markup:
    """Return the recommended configuration as JSON, whose escapes keep what `harmless` would rewrite."""
    if best.recommended is None:
        return Markup()
    return escape(harmless_json(json.dumps(best.recommended.point, indent=2, ensure_ascii=False)))


def _charted(names: list[str], metrics: list[str], slices: Mapping[str, Figure]) -> tuple[list[str], int]:
    """Return the parameters that have a picture for each of several metrics, and how many others there are."""
    most = max((_CHARTED_BESIDE_SLICES if slices else _CHARTED_PARAMETERS) // len(metrics), 1)
    return names[:most], len(names[most:])


def _figures(
    story: Story, by_metric: dict[str, Pictures], fronts: FrontPictures | None, names: list[str]
) -> dict[str, Figure]:
    """Return the charts by the ids of their places in the page, but for those of the model's insight."""
    figures, pictures = dict[str, Figure](), next(iter(by_metric.values()))
    if fronts is not None:
        figures |= {f"front-{k}": fronts.pair(i, j) for k, (i, j) in enumerate(fronts.pairs)}
    if fronts is not None and fronts.front.hypervolume is not None:
        figures["course"] = fronts.course()
    if story.experiment is not None and drawn_arms(story.experiment):
        figures["arms"] = arms_chart(story.experiment, pictures.metric)
    # The picture of the arms shows their course.
    if fronts is None and pictures.drawn and story.experiment is None:
        figures["course"] = pictures.course()
    figures |= {f"limit-{i}": pictures.limit(metric) for i, metric in enumerate(pictures.limited)}
    if pictures.drawn or pictures.without:
        drawn = (of_metric.parameter(name) for of_metric in by_metric.values() for name in names)
        figures |= {f"parameter-{i}": figure for i, figure in enumerate(drawn)}
    return figures


def embedded(figure: Figure) -> str:
    """Return the figure as JSON in which nothing can end or open a script element."""
    text = json.dumps(figure, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return harmless_json(text).replace("<", "\\u003c")
