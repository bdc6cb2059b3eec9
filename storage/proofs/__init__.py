"""Prove that a ledger is whole and is the one that it was: verification, receipts, signatures."""
