"""Copies of the segments for fast reading: blocks and snapshots, checked against the chain."""
