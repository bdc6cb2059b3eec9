"""The factors by which standard deviations are multiplied, because a model is an approximation.

Both were measured: docs/decisions/0039-honest-intervals.md.
"""

# That of any point, and that of the recommended one: the best of many beliefs is partly the luckiest one.
WIDENING, WIDENING_OF_BEST = 1.4, 1.7
