"""The segments of a ledger: events as rows, rows as files, files as a chain."""
