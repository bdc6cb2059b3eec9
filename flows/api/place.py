"""A place that a person names: all campaigns of a directory or a bucket, or one of them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from overnight.campaign.errors import LedgerDamaged
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.definition.receipts import receipts_of
from overnight.flows.session.newest_receipt import ReceiptsFile
from overnight.storage import ObjectStore, ParquetLedger, ledger_location, open_ledger, open_store


@dataclass(frozen=True)
class Place:
    """The `address` of ledgers; `only` is the one campaign that is meant, and None means all.

    `receipts` is the file with the receipts of that campaign. It is known only if the campaign's file was named.
    """

    address: str
    only: str | None = None
    receipts: ReceiptsFile | None = None

    @cached_property
    def store(self) -> ObjectStore:
        """Return the directory or bucket; a bucket's connections are kept."""
        return open_store(self.address, Path())

    def ledger(self, name: str) -> ParquetLedger:
        """Return the ledger of a campaign."""
        return ParquetLedger(self.store, f"{name}/")

    def location(self, name: str) -> str:
        """Return the place of a campaign's ledger, for people."""
        return ledger_location(self.address, name, Path())


def place_of(named: str) -> Place:
    """Return the place that a person names: a directory or URL of ledgers, a campaign's folder in it, or its file.

    Raises InvalidDefinition if the file has mistakes, and LedgerError if the address leads nowhere or does not answer.
    """
    if "://" not in named and Path(named).is_file():
        file = load_campaign_file(named)
        return Place(file.ledger, file.campaign.name, receipts_of(file))
    address = named if "://" in named else str(Path(named).expanduser().resolve())
    above, _, name = address.rstrip("/").rpartition("/")
    if name and not above.endswith(":/") and _is_ledger(above or "/", name):
        return Place(above or "/", name)
    # An address that leads nowhere is refused here.
    open_store(address, Path())
    return Place(address)


def _is_ledger(address: str, name: str) -> bool:
    try:
        return open_ledger(address, name, Path()).chain.newest(0) > 0
    except LedgerDamaged:
        return True
