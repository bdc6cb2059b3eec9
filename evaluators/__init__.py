"""Trying a point in the world: with a command, a Python function, or a simulated function of known optimum.

Each name is imported when it is first used: an evaluated function imports `Infeasible` in a process of its own for
every attempt, and nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overnight.evaluators.any_evaluator import AnyEvaluator
    from overnight.evaluators.command_evaluator import CommandEvaluator
    from overnight.evaluators.evaluator import Evaluator, Report
    from overnight.evaluators.infeasible import Infeasible
    from overnight.evaluators.python_evaluator import PythonEvaluator
    from overnight.evaluators.simulated_evaluator import SimulatedEvaluator

__all__ = [
    "AnyEvaluator",
    "CommandEvaluator",
    "Evaluator",
    "Infeasible",
    "PythonEvaluator",
    "Report",
    "SimulatedEvaluator",
]
_HOMES = {
    "AnyEvaluator": "overnight.evaluators.any_evaluator",
    "CommandEvaluator": "overnight.evaluators.command_evaluator",
    "Evaluator": "overnight.evaluators.evaluator",
    "Infeasible": "overnight.evaluators.infeasible",
    "PythonEvaluator": "overnight.evaluators.python_evaluator",
    "Report": "overnight.evaluators.evaluator",
    "SimulatedEvaluator": "overnight.evaluators.simulated_evaluator",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `overnight.evaluators` has no attribute `{name}`")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
