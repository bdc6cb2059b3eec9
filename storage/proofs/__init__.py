"""Prove that a ledger is complete and unaltered: verification, receipts, signatures."""
