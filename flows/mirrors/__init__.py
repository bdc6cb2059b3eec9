"""Copies of a campaign in experiment trackers. The ledger stays the record, and they are derived from a history."""
