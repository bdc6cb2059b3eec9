"""Whole asynchronous campaigns in virtual time, ours and the peers', and a comparison of their results."""
