"""The exception by which an evaluation reports that a point cannot be tried.

This module imports nothing, because an evaluated function imports it in a new process for every attempt.
"""


class Infeasible(Exception):
    """The point can never have a result. Raise or return this from a function, or pass it to `AskTell.tell`.

    `metrics` holds any measurements, in the form that a function returns; they are kept with the failure.
    """

    def __init__(self, *why: object, metrics: object = None) -> None:
        """Take the reason in words, and any measurements."""
        super().__init__(*why)
        self.metrics = metrics
