"""The ledger of events, and the stores that can hold one."""

from overnight.storage.ledger import Heartbeat, Ledger, Segment
from overnight.storage.mailbox import Mailbox, Mailboxes
from overnight.storage.memory_ledger import MemoryLedger
from overnight.storage.open_ledger import (
    KeptCampaign,
    kept_campaigns,
    kept_in,
    ledger_location,
    open_ledger,
    open_mailboxes,
    open_operations,
    open_store,
)
from overnight.storage.operations import Operation, OperationLog
from overnight.storage.parquet_ledger import ParquetLedger
from overnight.storage.proofs.receipts import Receipt, Receipts, Signer, add_receipt, read_receipts, signed
from overnight.storage.proofs.verify import Verification, receipt_of, verify
from overnight.storage.proofs.verify_operations import verify_operations
from overnight.storage.stores.local_store import LocalStore
from overnight.storage.stores.store import ObjectStore

__all__ = [
    "Heartbeat",
    "KeptCampaign",
    "Ledger",
    "LocalStore",
    "Mailbox",
    "Mailboxes",
    "MemoryLedger",
    "ObjectStore",
    "Operation",
    "OperationLog",
    "ParquetLedger",
    "Receipt",
    "Receipts",
    "Segment",
    "Signer",
    "Verification",
    "add_receipt",
    "kept_campaigns",
    "kept_in",
    "ledger_location",
    "open_ledger",
    "open_mailboxes",
    "open_operations",
    "open_store",
    "read_receipts",
    "receipt_of",
    "signed",
    "verify",
    "verify_operations",
]
