"""A/B tests: arms that run at the same time in batches, each compared with the status quo of its own batch."""
