"""The part of a page about one goal: of the whole campaign, or of one context with its own trials."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from overnight.campaign import Campaign, History
from overnight.campaign.values.harmless import harmless_json
from overnight.report.finding import (
    change_of,
    confidence_sentences,
    constraint_sentences,
    finding_sentence,
)
from overnight.report.numbers import measured, number, probability, share_text
from overnight.report.page.front_table import front_table
from overnight.report.page.insight_part import insight_part
from overnight.report.page.solutions_table import solutions_table
from overnight.report.page.template import rendered
from overnight.report.phrases.constraints import believed_text, interval_text, limit_is_unknown, relative_text
from overnight.report.phrases.experiment import difference_text, stopped_text, traffic_text
from overnight.report.phrases.general import recommended_words, trial_counts, where
from overnight.report.pictures.arms_chart import arms_chart, drawn_arms
from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.differences import as_differences
from overnight.report.pictures.figure import Figure
from overnight.report.pictures.front_chart import FrontPictures
from overnight.report.story import Story
from overnight.report.story.experiment import Experiment
from overnight.report.story.goal.best import Best
from overnight.report.story.goal.feasibility import Belief, Feasibility
from overnight.report.trial_facts import cell, cell_text

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
    metrics = [objective.metric for objective in history.goal.objectives]
    drawn = history if story.experiment is None else as_differences(history)
    doubted = {suspect.trial for suspect in story.suspects}
    by_metric = {metric: Pictures(drawn, ringed, metric, doubted) for metric in metrics}
    pictures = by_metric[campaign.objective.metric]
    learnt = insight_part(campaign, story.insight, by_metric, prefix)
    # A slice shows the results as well.
    names, uncharted = _charted([name for name in names if name not in learnt.sliced], metrics, learnt.figures)
    fronts = None if story.front is None else FrontPictures(history, story.front)
    figures = _figures(by_metric, fronts, names) | {place: embedded(each) for place, each in learnt.figures.items()}
    if story.experiment is not None and drawn_arms(story.experiment):
        figures["arms"] = embedded(arms_chart(story.experiment, campaign.objective.metric))
    if story.experiment is not None:
        # The picture of the arms shows their course.
        figures.pop("course", None)
    html = rendered(
        "part.html.jinja",
        prefix=prefix,
        called=called,
        finding=finding_sentence(story),
        confidence=[*confidence_sentences(story), *constraint_sentences(story)],
        counts=", ".join(f"{count} {words}" for count, words in trial_counts(story.spent)),
        campaign=campaign,
        objective=campaign.objective,
        constraints=_constraints(story.feasibility),
        recommendation=found,
        words=recommended_words(story),
        where=where(found) if found else "",
        configuration=_configuration(campaign, story.best),
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
        arms=_arms(story.experiment),
        traffic="" if story.experiment is None else traffic_text(story.experiment),
        pictures=pictures,
    )
    return PagePart(html, {f"{prefix}{place}": figure for place, figure in figures.items()}, ringed)


def _to_copy(best: Best) -> Markup:
    """Return the recommended configuration as JSON, whose escapes keep what `harmless` would rewrite."""
    if best.recommended is None:
        return Markup()
    return escape(harmless_json(json.dumps(best.recommended.point, indent=2, ensure_ascii=False)))


def _charted(names: list[str], metrics: list[str], slices: Mapping[str, Figure]) -> tuple[list[str], int]:
    """Return the parameters that have a picture for each of several metrics, and how many others there are."""
    most = max((_CHARTED_BESIDE_SLICES if slices else _CHARTED_PARAMETERS) // len(metrics), 1)
    return names[:most], len(names[most:])


def _figures(by_metric: dict[str, Pictures], fronts: FrontPictures | None, names: list[str]) -> dict[str, str]:
    """Return the charts as JSON by the id of their place in the page."""
    figures, pictures = dict[str, Figure](), next(iter(by_metric.values()))
    if fronts is not None:
        figures |= {f"front-{k}": fronts.pair(i, j) for k, (i, j) in enumerate(fronts.pairs)}
    if fronts is not None and fronts.front.hypervolume is not None:
        figures["course"] = fronts.course()
    if fronts is None and pictures.drawn:
        figures["course"] = pictures.course()
    figures |= {f"limit-{i}": pictures.limit(metric) for i, metric in enumerate(pictures.limited)}
    if pictures.drawn or pictures.without:
        drawn = (of_metric.parameter(name) for of_metric in by_metric.values() for name in names)
        figures |= {f"parameter-{i}": figure for i, figure in enumerate(drawn)}
    return {place: embedded(figure) for place, figure in figures.items()}


def embedded(figure: Figure) -> str:
    """Return the figure as JSON in which nothing can end or open a script element."""
    text = json.dumps(figure, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return harmless_json(text).replace("<", "\\u003c")


def _configuration(campaign: Campaign, best: Best) -> list[dict[str, Any]]:
    """Return a line for each active parameter, with its recommended value and the baseline's."""
    found, lines = best.recommended, list[dict[str, Any]]()
    if found is None:
        return lines
    for name, parameter in campaign.parameters.items():
        line = {"name": name, "unit": parameter.unit, "description": parameter.description}
        line |= {"recommended": cell_text(found, name), "baseline": "", "changed": False, "change": ""}
        if best.baseline is not None:
            before, after = cell(best.baseline, name), cell(found, name)
            line["baseline"], line["changed"] = cell_text(best.baseline, name), before != after
            line["change"] = change_of(before, after, logarithmic=parameter.is_logarithmic)
        if line["recommended"] or line["baseline"]:
            lines.append(line)
    return lines


def _constraints(feasibility: Feasibility | None) -> list[dict[str, Any]]:
    """Return a line for each constraint, with the belief about the recommended configuration."""
    if feasibility is None:
        return []
    found = feasibility.recommended
    beliefs = [None] * len(feasibility.limits) if found is None else found.beliefs
    return [
        {
            "constraint": limit.constraint,
            "limits": relative_text(limit) if limit.relative else "",
            "met": "not judged" if limit_is_unknown(limit) else f"{limit.met} of {feasibility.observed}",
            "missing": limit.missing,
            "baseline": "" if limit.baseline is None else number(limit.baseline),
            "broken": limit.baseline_meets is False,
            **_belief(belief),
        }
        for limit, belief in zip(feasibility.limits, beliefs, strict=True)
    ]


def _arms(experiment: Experiment | None) -> list[dict[str, Any]]:
    """Return a line for each arm of an A/B test, the newest first."""
    if experiment is None:
        return []
    return [
        {
            "trial": arm.trial,
            "batch": arm.batch,
            "kind": "to confirm" if arm.generator == "ramp_up" else "to search",
            "share": share_text(arm.share),
            "units": f"{arm.units:,}",
            "difference": difference_text(arm),
            "status": arm.status if arm.look is None else f"{arm.status}, look {arm.look}",
            "stopped": stopped_text(arm),
        }
        for arm in reversed(experiment.arms)
    ]


def _belief(belief: Belief | None) -> dict[str, Any]:
    """Return the cells about the recommended configuration, which are empty if nothing is recommended."""
    if belief is None:
        return {"believed": "", "interval": "", "probability": "", "measured": "", "unmet": False}
    return {
        "believed": believed_text(belief),
        "interval": interval_text(belief),
        "probability": "" if belief.probability is None else probability(belief.probability),
        "measured": "" if belief.measurement is None else measured(belief.measurement),
        "unmet": belief.measured_meets is False,
    }
