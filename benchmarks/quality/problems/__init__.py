"""The functions that campaigns minimise: their parameters, optima or fronts, spread and noise.

A new problem is one entry here. It may use the evaluators' synthetic functions and the kinds of parameters, and nothing
of the product beyond.
"""

from benchmarks.quality.problems.choices import BINARY25, CHOICES_AND_FLOATS, TREE_MODEL
from benchmarks.quality.problems.constrained import GARDNER1, GARDNER2, GRAMACY, HARTMANN6_SUM
from benchmarks.quality.problems.designs import PRESSURE_VESSEL, SPEED_REDUCER, SPRING, WELDED_BEAM
from benchmarks.quality.problems.front_problem import FrontProblem
from benchmarks.quality.problems.fronts import (
    BRANIN_CURRIN,
    C2_DTLZ2,
    DTLZ2,
    DTLZ2_OF_3,
    TRUSS,
    VEHICLE_SAFETY,
    ZDT1,
)
from benchmarks.quality.problems.problem import AnyProblem, Problem
from benchmarks.quality.problems.shapes import BOWL6, CLIFF
from benchmarks.quality.problems.synthetic import (
    ACKLEY8,
    ACKLEY20,
    BRANIN,
    HARTMANN3,
    HARTMANN6,
    LEVY4_OF_20,
    LEVY10,
)

__all__ = [
    "ACKLEY8",
    "ACKLEY20",
    "BINARY25",
    "BOWL6",
    "BRANIN",
    "BRANIN_CURRIN",
    "C2_DTLZ2",
    "CHOICES_AND_FLOATS",
    "CLIFF",
    "DTLZ2",
    "DTLZ2_OF_3",
    "GARDNER1",
    "GARDNER2",
    "GRAMACY",
    "HARTMANN3",
    "HARTMANN6",
    "HARTMANN6_SUM",
    "LEVY4_OF_20",
    "LEVY10",
    "PRESSURE_VESSEL",
    "SPEED_REDUCER",
    "SPRING",
    "TREE_MODEL",
    "TRUSS",
    "VEHICLE_SAFETY",
    "WELDED_BEAM",
    "ZDT1",
    "AnyProblem",
    "FrontProblem",
    "Problem",
]
