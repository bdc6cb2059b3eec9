"""Problems whose spaces have what people's spaces have: choices, branches, steps, sums and limits between parameters.

Peers get these parameters as they are, not as coordinates of a unit cube. A new problem is a file here and one entry.
"""

from benchmarks.quality.problems.spaces.known_designs import KNOWN_REDUCER, KNOWN_VESSEL
from benchmarks.quality.problems.spaces.mixed_ackley import MIXED_ACKLEY
from benchmarks.quality.problems.spaces.mixture import MIXTURE
from benchmarks.quality.problems.spaces.pest_control import PEST_CONTROL
from benchmarks.quality.problems.spaces.pipeline import PIPELINE

__all__ = ["KNOWN_REDUCER", "KNOWN_VESSEL", "MIXED_ACKLEY", "MIXTURE", "PEST_CONTROL", "PIPELINE"]
