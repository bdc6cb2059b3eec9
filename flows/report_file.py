"""The file of a campaign's report, written again only if something has happened."""

from pathlib import Path

from overnight.campaign import History
from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.host.quick_import import quick_import


def report_path(folder: Path, name: str) -> Path:
    """Return the file of the report of the campaign of this name."""
    return folder / f"{name}-report.html"


class ReportFile:
    """The HTML report of a campaign, in one folder."""

    def __init__(self, file: CampaignFile, folder: Path) -> None:
        self._file = file
        self._written: History | None = None
        self.path = report_path(folder, file.campaign.name)

    def write(self, history: History) -> Path:
        """Write the report of this history, unless it was written last, and return its path.

        The folder is made if needed. Raises OSError if it cannot be made, OvernightError if the file cannot be written.
        """
        if history is not self._written:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # This imports the charts, which a run should not have to wait for.
            quick_import("overnight.flows.report_page").write_report(
                self._file.ledger, self._file.proposer, history, self.path
            )
            self._written = history
        return self.path.resolve()
