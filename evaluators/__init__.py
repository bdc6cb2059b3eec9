"""Evaluators: try a point with a command, a Python function, a server, or a simulated function with a known optimum.

Each name is imported on first use. An evaluated function imports `Infeasible` in a new process for every attempt, and
that must not load anything else.
"""

from typing import TYPE_CHECKING

from overnight.campaign.values.lazily import lazily

if TYPE_CHECKING:
    from overnight.evaluators.any_evaluator import AnyEvaluator
    from overnight.evaluators.command_evaluator import CommandEvaluator
    from overnight.evaluators.endpoint.http_evaluator import HttpEvaluator
    from overnight.evaluators.evaluator import Evaluator, Report
    from overnight.evaluators.infeasible import Infeasible
    from overnight.evaluators.ongoing.running import Running
    from overnight.evaluators.own_loop import OwnLoop
    from overnight.evaluators.python_evaluator import PythonEvaluator
    from overnight.evaluators.simulated_evaluator import SimulatedEvaluator

__all__ = [
    "AnyEvaluator",
    "CommandEvaluator",
    "Evaluator",
    "HttpEvaluator",
    "Infeasible",
    "OwnLoop",
    "PythonEvaluator",
    "Report",
    "Running",
    "SimulatedEvaluator",
]
__getattr__, __dir__ = lazily(
    __name__,
    {
        "overnight.evaluators.any_evaluator": ("AnyEvaluator",),
        "overnight.evaluators.command_evaluator": ("CommandEvaluator",),
        "overnight.evaluators.endpoint.http_evaluator": ("HttpEvaluator",),
        "overnight.evaluators.evaluator": ("Evaluator", "Report"),
        "overnight.evaluators.infeasible": ("Infeasible",),
        "overnight.evaluators.own_loop": ("OwnLoop",),
        "overnight.evaluators.python_evaluator": ("PythonEvaluator",),
        "overnight.evaluators.ongoing.running": ("Running",),
        "overnight.evaluators.simulated_evaluator": ("SimulatedEvaluator",),
    },
)
