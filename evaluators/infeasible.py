"""The word with which a Python function says that a point cannot be tried at all."""


class Infeasible(Exception):
    """The point has no result, and never will: raise it from a function that is evaluated."""
