"""The exception with which an evaluation reports that a point cannot be tried.

It imports nothing, because an evaluated function imports it in a process of its own for every attempt.
"""


class Infeasible(Exception):
    """The point has no result, and never will: raise or return it from a function, or give it to `AskTell.tell`.

    `metrics` is what was measured all the same, as a function returns it: it is kept with the failure.
    """

    def __init__(self, *why: object, metrics: object = None) -> None:
        """Take the reason in words, and what was measured."""
        super().__init__(*why)
        self.metrics = metrics
