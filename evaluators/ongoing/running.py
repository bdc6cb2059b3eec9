"""The value by which an evaluation reports that it continues after its process has ended.

This module imports nothing, because an evaluated function imports it in a new process for every call.
"""


class Running:
    """The evaluation goes on, and `handle` is its name. Return this from a function that has a parameter `handle`.

    The function is called again with the handle, after `again_in` seconds or a text such as "1h" if that is given.
    `metrics` holds the measurements so far, in the form that a function returns, and `step` is their number; `arms`
    holds those of the arms of a batch. `cost` is the cost so far.
    """

    def __init__(
        self,
        handle: str,
        *,
        again_in: object = None,
        step: int | None = None,
        metrics: object = None,
        arms: object = None,
        cost: float | None = None,
    ) -> None:
        """Take the handle, and the facts that are known so far."""
        self.handle = handle
        self.again_in = again_in
        self.step = step
        self.metrics = metrics
        self.arms = arms
        self.cost = cost
