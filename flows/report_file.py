"""The file of a campaign's report, written again only if something has happened."""

import importlib
from pathlib import Path

from overnight.campaign import History
from overnight.flows.definition.campaign_file import CampaignFile


class ReportFile:
    """A campaign's report in some folder."""

    def __init__(self, file: CampaignFile, folder: Path) -> None:
        self._file = file
        self._written: History | None = None
        self.path = folder / f"{file.campaign.name}-report.html"

    def write(self, history: History) -> Path:
        """Write what has happened so far, unless that was written last, and return where; makes the folder.

        Raises OSError where the folder cannot be made, OvernightError where the file cannot be written.
        """
        if history is not self._written:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # It draws pictures and asks the model: whoever only runs a campaign does not wait for these to be imported.
            importlib.import_module("overnight.flows.report_page").write_report(self._file, history, self.path)
            self._written = history
        return self.path.resolve()
