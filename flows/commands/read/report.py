"""`overnight report`: write the findings as an HTML file, as JSON or as Markdown."""

import sys
from pathlib import Path

from overnight.campaign.errors import OvernightError
from overnight.flows.commands.read.past import read_past, seen_at, was_alive
from overnight.flows.host.terminal import terminal
from overnight.flows.report_file import report_path
from overnight.flows.report_page import ReportFormat, format_of, report_text, write_text

_STDOUT = Path("-")


def report(path: Path, form: ReportFormat | None, output: Path | None, as_of: str | None) -> None:
    """Write the report and print its path, or print the report itself.

    Without an output, HTML goes into a file next to the campaign's, and the other formats are printed.
    """
    kept, history = read_past(path, as_of)
    form = form or ("html" if output is None else format_of(output))
    if output is None and form == "html" and as_of is not None:
        raise OvernightError("--as-of: expected --output as well, so that today's report is not overwritten.")
    now, alive = seen_at(history, as_of), was_alive(history, as_of)
    text = report_text(kept.address, kept.proposer(history), history, now, alive=alive, form=form)
    if output is None:
        output = report_path(kept.folder, kept.name) if form == "html" else _STDOUT
    if output == _STDOUT:
        sys.stdout.write(text)
        return
    terminal().print(f"report: {write_text(text, output)}", soft_wrap=True)
