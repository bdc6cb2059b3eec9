"""The kinds of evaluators in a campaign file, one line each."""

from typing import Annotated

from pydantic import Field

from overnight.evaluators.command_evaluator import CommandEvaluator
from overnight.evaluators.endpoint.http_evaluator import HttpEvaluator
from overnight.evaluators.own_loop import OwnLoop
from overnight.evaluators.python_evaluator import PythonEvaluator
from overnight.evaluators.simulated_evaluator import SimulatedEvaluator

AnyEvaluator = Annotated[
    CommandEvaluator | PythonEvaluator | HttpEvaluator | SimulatedEvaluator | OwnLoop,
    Field(discriminator="kind"),
]
