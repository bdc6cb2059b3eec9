"""The morning report: one self-contained HTML file."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from overnight.campaign import History
from overnight.campaign.standing.in_context import in_context
from overnight.report.finding import (
    confidence_sentences,
    constraint_sentences,
    finding_sentences,
    standing_sentence,
)
from overnight.report.page.facts import facts_of
from overnight.report.page.packed import packed_figures, packed_plotly
from overnight.report.page.page_part import PagePart, embedded, page_part
from overnight.report.page.revisions_table import revisions_table
from overnight.report.page.template import file_of_page, rendered, rendered_block
from overnight.report.pictures.charts import timeline_chart
from overnight.report.pictures.timeline import attempt_spans, utilisation
from overnight.report.selection import MOST, worth_listing
from overnight.report.story import Story
from overnight.report.trial_lines import failed_attempts, trial_lines, without_result

_LONGEST_MESSAGE = 2000
_TEMPLATE = "report.html.jinja"


@dataclass(frozen=True)
class Sections:
    """The sections of a page with charts as HTML, and the charts as JSON by the ids of their places."""

    html: Markup
    figures: dict[str, str]


def render_report(history: History, story: Story) -> str:
    """Return a story with the charts and the tables of its history as a self-contained HTML page.

    Everything that comes from the campaign is escaped.
    """
    values = _of_sections(history, story)
    listed = worth_listing(history, values["recommended"])
    page = rendered(
        _TEMPLATE,
        **values,
        standing=standing_sentence(story),
        findings=finding_sentences(story),
        confidence=[*confidence_sentences(story), *constraint_sentences(story)],
        plotly=packed_plotly(),
        packed_figures=packed_figures(values["figures"]),
        draw_charts=file_of_page("draw-charts.js"),
        tables_and_copies=file_of_page("tables-and-copies.js"),
        lines=trial_lines(history, listed),
        trials=len(history.trials),
        facts=facts_of(history, story),
    )
    return str(page)


def render_sections(history: History, story: Story) -> Sections:
    """Return the sections of the report between its summary and the table of all trials."""
    values = _of_sections(history, story)
    return Sections(rendered_block(_TEMPLATE, "sections", **values), values["figures"])


def style_of_page() -> str:
    """Return the style sheet of the page."""
    return str(rendered_block(_TEMPLATE, "style"))


def _of_sections(history: History, story: Story) -> dict[str, Any]:
    """Return the values of the block `sections`, which the rest of the page may use too."""
    campaign = history.definition
    spans = attempt_spans(history, story.known_until)
    used = utilisation(spans, campaign.at_once, story.spent.seconds_at_work)
    parts = _parts(history, story)
    figures = {place: figure for part in parts for place, figure in part.figures.items()}
    if spans[-MOST:]:
        figures["timeline"] = embedded(timeline_chart(spans[-MOST:], spans[-MOST:][0].began))
    failed, without = failed_attempts(history), without_result(history)
    return {
        "campaign": campaign,
        "parts": [part.html for part in parts],
        "recommended": {part.recommended for part in parts if part.recommended is not None},
        "figures": figures,
        "utilisation": None if used is None else f"{used:.0%}".replace("%", " %"),
        "attempts": (len(spans[-MOST:]), len(spans)),
        "failed_attempts": [line | {"message": _shortened(line["message"])} for line in failed[-MOST:]],
        "failures": len(failed),
        "without_result": without[-MOST:],
        "withouts": len(without),
        "revisions": revisions_table(story.revisions),
    }


def _parts(history: History, story: Story) -> list[PagePart]:
    """Return the part about the whole campaign, or one about each context."""
    if not story.contexts:
        return [page_part(history, story)]
    return [
        page_part(in_context(history, each.given), each.story, f"context-{i}-", each.called)
        for i, each in enumerate(story.contexts)
    ]


def _shortened(message: str) -> str:
    """Return the beginning of a long message, and how much more there is."""
    more = len(message) - _LONGEST_MESSAGE
    return message if more <= 0 else f"{message[:_LONGEST_MESSAGE]} … ({more:,} more characters: overnight explain)"
