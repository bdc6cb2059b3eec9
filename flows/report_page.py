"""The page of a report; a separate module, because it imports the charts."""

from pathlib import Path

from overnight.bo_core import AnyProposer
from overnight.campaign import History
from overnight.campaign.errors import OvernightError
from overnight.flows.host.clock import SystemClock
from overnight.flows.rules.recommending import insight_into, recommendation_of
from overnight.flows.session.lease import controller_lives
from overnight.report.html import render_report
from overnight.report.story import story_of
from overnight.storage import ledger_location, open_ledger


def write_report(ledger: str, proposer: AnyProposer, history: History, output: Path) -> Path:
    """Render the report of this history and write it to a file."""
    name = history.definition.name
    number, head = open_ledger(ledger, name, Path()).head()
    where = f"{ledger_location(ledger, name, Path())} (head: segment {number}, SHA-256 {head})"
    found = recommendation_of(history, proposer)
    story = story_of(
        history,
        SystemClock().now(),
        alive=controller_lives(history),
        recommendation=found,
        insight=insight_into(history, found, proposer),
        ledger=where,
    )
    page = render_report(history, story)
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as problem:
        raise OvernightError(
            f"{output}: the report cannot be written: {problem.strerror}. Name another file: "
            "overnight report CAMPAIGN --output FILE"
        ) from None
    return output
