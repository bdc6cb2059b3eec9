"""Asks under limits, with several objectives, and in mixed spaces, beside the peers: `python -m benchmarks.speed goals`.

The questions, our own program, the judge of the points, and the table.
"""
