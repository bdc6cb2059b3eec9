"""The report of a campaign in each of its formats; a separate module, because it imports the charts."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from overnight.bo_core import AnyProposer
from overnight.campaign import History
from overnight.campaign.errors import OvernightError
from overnight.flows.host.clock import SystemClock
from overnight.flows.rules.recommending import insight_into, recommendation_of
from overnight.flows.session.lease import controller_lives, is_own
from overnight.report.formats.as_json import json_report
from overnight.report.formats.markdown import markdown_report
from overnight.report.html import render_report
from overnight.report.story import Story, story_of
from overnight.storage import ledger_location, open_ledger

ReportFormat = Literal["html", "json", "markdown"]
_RENDERERS: Mapping[ReportFormat, Callable[[History, Story], str]] = {
    "html": render_report,
    "json": json_report,
    "markdown": markdown_report,
}
_ENDINGS: Mapping[str, ReportFormat] = {".json": "json", ".md": "markdown", ".markdown": "markdown"}


def format_of(output: Path) -> ReportFormat:
    """Return the format that the name of a file asks for: its ending decides, and HTML is the default."""
    return _ENDINGS.get(output.suffix.lower(), "html")


def report_text(
    ledger: str, proposer: AnyProposer, history: History, now: datetime, *, alive: bool, form: ReportFormat = "html"
) -> str:
    """Return the report of this history, with the recommendation and the insight of its model.

    In a report of the past, `now` is an earlier time.
    """
    assert form in get_args(ReportFormat)
    return _RENDERERS[form](history, whole_story(ledger, proposer, history, now, alive=alive))


def whole_story(ledger: str, proposer: AnyProposer, history: History, now: datetime, *, alive: bool) -> Story:
    """Return how a campaign stands, with the recommendation, the insight and the head of its ledger."""
    name = history.definition.name
    number, head = open_ledger(ledger, name, Path()).head()
    where = f"{ledger_location(ledger, name, Path())} (head: segment {number}, SHA-256 {head})"
    found = recommendation_of(history, proposer)
    return story_of(
        history,
        now,
        alive=alive,
        recommendation=found,
        insight=insight_into(history, found, proposer),
        ledger=where,
    )


def write_report(ledger: str, proposer: AnyProposer, history: History, output: Path) -> Path:
    """Write the report of a run that is over in this process to a file of any name as HTML."""
    # After an error the lease is still open, and its process, this one, is alive.
    alive = controller_lives(history) and not is_own(history.lease)
    return write_text(report_text(ledger, proposer, history, SystemClock().now(), alive=alive), output)


def write_text(report: str, output: Path) -> Path:
    """Write a report to a file and return its path."""
    try:
        output.write_text(report, encoding="utf-8")
    except OSError as problem:
        raise OvernightError(
            f"{output}: the report cannot be written: {problem.strerror}. Name another file: "
            "overnight report CAMPAIGN --output FILE"
        ) from None
    return output
