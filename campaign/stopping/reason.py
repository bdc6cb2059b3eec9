"""The reason for which a rule stops a trial."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """`value` at `step` was worse than the `threshold`, which `others` trials gave; both turned so that more is better.

    `measured` and `against` name the two in words.
    """

    rule: str
    step: int
    value: float
    threshold: float
    others: int
    measured: str
    against: str
