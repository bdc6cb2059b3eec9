"""Copies of a campaign in experiment trackers. The ledger stays the record: what is here is derived from a history."""
