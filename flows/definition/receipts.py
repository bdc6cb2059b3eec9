"""The file with the receipts of a campaign's ledger."""

from pathlib import Path

from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.session.newest_receipt import ReceiptsFile
from overnight.storage import ledger_location


def receipts_of(file: CampaignFile) -> ReceiptsFile | None:
    """Return the file with the receipts of the campaign's ledger; None if the campaign keeps no receipts."""
    if file.receipts is None:
        return None
    location = ledger_location(file.ledger, file.campaign.name, Path())
    return ReceiptsFile(Path(file.receipts), file.campaign.name, location)
