"""Asks under limits, with several objectives and in mixed spaces: `python -m benchmarks.speed goals`.

The questions, our own program, the judge of the points, and the table.
"""
