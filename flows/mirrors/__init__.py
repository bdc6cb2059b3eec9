"""Copies of a campaign in experiment trackers, each derived from a history; the ledger stays the record."""
