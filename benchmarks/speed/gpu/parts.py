"""The parts of a run, in order of value, and the moment by which each must have ended."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A part with its generator of findings, `module:function`, and the share of the time by which it has ended.

    Time that a part leaves is added to the next one's.
    """

    name: str
    function: str
    ends: float


_HERE = "benchmarks.speed.gpu"
PARTS = (
    Part("equality", f"{_HERE}.equality:compare_with_cpu", 0.12),
    Part("batch", f"{_HERE}.batch:refit_together", 0.25),
    Part("asks", f"{_HERE}.asks:ask_times", 0.78),
    Part("service", f"{_HERE}.service:slot_and_pool", 1.0),
)
