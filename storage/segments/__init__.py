"""The segments of a ledger: events as rows, rows as files, and files as a chain."""
