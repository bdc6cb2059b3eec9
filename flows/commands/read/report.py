"""`overnight report`: write the findings as one HTML file."""

from pathlib import Path

from overnight.campaign.errors import OvernightError
from overnight.flows.commands.read.past import read_past
from overnight.flows.host.terminal import terminal
from overnight.flows.report_file import report_path
from overnight.flows.report_page import write_report


def report(path: Path, output: Path | None, as_of: str | None) -> None:
    """Write the report and print its path."""
    kept, history = read_past(path, as_of)
    if output is None and as_of is not None:
        raise OvernightError("--as-of: expected --output as well, so that today's report is not overwritten.")
    output = output or report_path(kept.folder, kept.name)
    written = write_report(kept.address, kept.proposer(history), history, output)
    terminal().print(f"report: {written}", soft_wrap=True)
