"""Compute proposals in another process or on a work pool, and wait for them. Does not read campaign files."""
