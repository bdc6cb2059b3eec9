"""The reason for which a rule stops a trial."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """The `value` at `step` was worse than the `threshold` from `others` trials; more is better for both.

    `measured` and `against` describe the value and the threshold in words.
    """

    rule: str
    step: int
    value: float
    threshold: float
    others: int
    measured: str
    against: str
