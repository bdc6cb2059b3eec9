"""Evaluate a point with a command: a JSON request in, a JSON result out."""

import shlex
import shutil
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from overnight.campaign import Campaign
from overnight.campaign.errors import InvalidDefinition
from overnight.evaluators.attempt_process import AttemptProcess
from overnight.evaluators.process_evaluator import ProcessEvaluator
from overnight.evaluators.processes.command_words import word_problems
from overnight.evaluators.results.returned_metrics import metric_problems
from overnight.evaluators.secrets.environment import child_environment
from overnight.evaluators.sources import SourceFiles


def _split(value: Any) -> Any:
    return shlex.split(value) if isinstance(value, str) else value


class CommandEvaluator(ProcessEvaluator):
    """Start a command for every attempt. Text is split into words as in a shell, but no shell runs it.

    The command reads its request from the file `EVAL_REQUEST`. It writes its result to the file `EVAL_RESULT`, or
    prints it as the last line of stdout. Apart from variables that every program needs, such as `PATH`, it sees only
    those listed in `environment`: `NAME` is passed on, `NAME=value` is set. `returns` lists the metrics that it
    promises. It runs in `folder`.
    """

    kind: Literal["command"] = "command"
    command: Annotated[
        tuple[str, ...], Field(min_length=1), BeforeValidator(_split, json_schema_input_type=str | tuple[str, ...])
    ]

    async def check(self, campaign: Campaign) -> None:
        """Raise InvalidDefinition if the command is not found or does not promise the expected metrics."""
        problems = [
            *self._command_problems(campaign),
            *self.environment_problems(campaign),
            *metric_problems(campaign, self.returns),
        ]
        if problems:
            raise InvalidDefinition(problems)

    def described(self) -> str:
        """Return the words of the command."""
        return " ".join(self.command)

    def source_files(self, sources: SourceFiles) -> set[Path]:
        """Return its program, the scripts and settings that it names, and the modules that Python scripts import."""
        path = child_environment(self.environment).get("PATH")
        return sources.of_command(self.command, path, self.working_folder())

    def process(self) -> AttemptProcess:
        """Return the process of the command."""
        return AttemptProcess(
            command=self.command,
            folder=self.working_folder(),
            environment=child_environment(self.environment),
            secrets=self.secrets(),
            time_limit=self.time_limit,
            grace=self.grace,
        )

    def _command_problems(self, campaign: Campaign) -> list[str]:
        if problems := word_problems(self.command, campaign.parameters_of_point.root):
            return problems
        program = self.command[0]
        where = self.working_folder() / program if "/" in program else program
        if shutil.which(where, path=child_environment(self.environment).get("PATH")):
            return []
        place = f"in {self.working_folder()}" if "/" in program else "on the PATH"
        return [f"`evaluator.command`: expected a program that can be run, found no `{program}` {place}"]
