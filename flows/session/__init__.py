"""One process at a ledger: its journal, lease and receipts. Neither imports Prefect nor reads campaign files."""
