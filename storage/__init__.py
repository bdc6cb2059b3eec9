"""Where events are kept: the ledger, and the places that can hold one."""

from storage.ledger import Heartbeat, Ledger, Segment
from storage.local_store import LocalStore
from storage.memory_ledger import MemoryLedger
from storage.open_ledger import KeptCampaign, kept_campaigns, ledger_location, open_ledger
from storage.parquet_ledger import ParquetLedger
from storage.store import ObjectStore
from storage.verify import Receipt, Verification, add_receipt, read_receipts, receipt_of, verify

__all__ = [
    "Heartbeat",
    "KeptCampaign",
    "Ledger",
    "LocalStore",
    "MemoryLedger",
    "ObjectStore",
    "ParquetLedger",
    "Receipt",
    "Segment",
    "Verification",
    "add_receipt",
    "kept_campaigns",
    "ledger_location",
    "open_ledger",
    "read_receipts",
    "receipt_of",
    "verify",
]
