"""One process at a ledger: its journal, its lease, its receipts. Knows neither Prefect nor the file."""
