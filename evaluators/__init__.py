"""Trying a point in the world: with a command, a Python function, or a simulated function of known optimum."""

from evaluators.any_evaluator import AnyEvaluator
from evaluators.command_evaluator import CommandEvaluator
from evaluators.evaluator import Evaluator, Report
from evaluators.infeasible import Infeasible
from evaluators.python_evaluator import PythonEvaluator
from evaluators.simulated_evaluator import SimulatedEvaluator

__all__ = [
    "AnyEvaluator",
    "CommandEvaluator",
    "Evaluator",
    "Infeasible",
    "PythonEvaluator",
    "Report",
    "SimulatedEvaluator",
]
