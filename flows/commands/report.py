"""`overnight report`: one HTML file that says what was found."""

from pathlib import Path

from bo_core.recommend import recommend
from campaign import History
from campaign.errors import OvernightError
from flows.campaign_file import CampaignFile
from flows.clock import SystemClock
from flows.commands.past import read_past
from flows.lease import controller_lives
from flows.report_file import ReportFile
from flows.terminal import terminal
from report.html import render_report
from storage import ledger_location, open_ledger


def report(path: Path, output: Path | None, as_of: str | None) -> None:
    """Write the report and say where it is."""
    file, history = read_past(path, as_of)
    if output is None and as_of is not None:
        raise OvernightError("--as-of: expected an --output beside it, so that the report of today is not overwritten.")
    written = write_report(file, history, output or ReportFile(file, path.parent).path)
    terminal().print(f"report: {written}", soft_wrap=True)


def write_report(file: CampaignFile, history: History, output: Path) -> Path:
    """Render the report of what has happened so far."""
    recommendation = recommend(history.definition, history, file.proposer)
    name = file.campaign.name
    number, head = open_ledger(file.ledger, name, Path()).head()
    where = f"{ledger_location(file.ledger, name, Path())} (head: segment {number}, SHA-256 {head})"
    alive = controller_lives(history)
    page = render_report(history, recommendation, where, SystemClock().now(), alive=alive)
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as problem:
        raise OvernightError(
            f"{output}: expected to write the report there, but {problem.strerror}. Name another file: "
            "overnight report CAMPAIGN --output FILE"
        ) from None
    return output
