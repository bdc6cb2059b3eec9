"""Where events are kept: the ledger, and the places that can hold one."""

from storage.ledger import Heartbeat, Ledger, Segment
from storage.local_store import LocalStore
from storage.mailbox import Mailbox, Mailboxes
from storage.memory_ledger import MemoryLedger
from storage.open_ledger import KeptCampaign, kept_campaigns, ledger_location, open_ledger, open_mailboxes
from storage.parquet_ledger import ParquetLedger
from storage.receipts import Receipt, Receipts, Signer, add_receipt, read_receipts, signed
from storage.store import ObjectStore
from storage.verify import Verification, receipt_of, verify

__all__ = [
    "Heartbeat",
    "KeptCampaign",
    "Ledger",
    "LocalStore",
    "Mailbox",
    "Mailboxes",
    "MemoryLedger",
    "ObjectStore",
    "ParquetLedger",
    "Receipt",
    "Receipts",
    "Segment",
    "Signer",
    "Verification",
    "add_receipt",
    "kept_campaigns",
    "ledger_location",
    "open_ledger",
    "open_mailboxes",
    "read_receipts",
    "receipt_of",
    "signed",
    "verify",
]
