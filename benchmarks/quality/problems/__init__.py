"""The functions that campaigns minimise: their parameters, optima, spread and noise.

A new problem is one entry here. It may use the evaluators' synthetic functions and the kinds of parameters, and nothing
of the product beyond.
"""

from benchmarks.quality.problems.choices import BINARY25, CHOICES_AND_FLOATS, TREE_MODEL
from benchmarks.quality.problems.constrained import GARDNER1, GARDNER2, GRAMACY, HARTMANN6_SUM
from benchmarks.quality.problems.designs import PRESSURE_VESSEL, SPEED_REDUCER, SPRING, WELDED_BEAM
from benchmarks.quality.problems.problem import Problem
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
    "CHOICES_AND_FLOATS",
    "CLIFF",
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
    "WELDED_BEAM",
    "Problem",
]
