"""Decide from a history alone: what may start, what to retry, how an attempt ended. Pure functions."""
