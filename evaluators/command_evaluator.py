"""Evaluate a point with a command: a JSON request in, a JSON result out."""

import shlex
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from overnight.campaign import Campaign, EvaluationOutcome, EvaluationRequest
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.values.duration import Duration
from overnight.evaluators.attempt_process import AttemptProcess
from overnight.evaluators.command_words import word_problems
from overnight.evaluators.evaluator import Report
from overnight.evaluators.results.returned_metrics import metric_problems
from overnight.evaluators.secrets.environment import Variable, child_environment, environment_problems, passed_on
from overnight.evaluators.secrets.secret_names import name_problems


def _split(value: Any) -> Any:
    return shlex.split(value) if isinstance(value, str) else value


class CommandEvaluator(BaseModel):
    """Start a command for every attempt. Text is split into words as in a shell, but no shell runs it.

    The command reads its request from the file `EVAL_REQUEST`. It writes its result to the file `EVAL_RESULT`, or
    prints it as the last line of stdout. Apart from variables that every program needs, such as `PATH`, it sees only
    those listed in `environment`: `NAME` is passed on, `NAME=value` is set. `returns` lists the metrics that it
    promises. It runs in `folder`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["command"] = "command"
    command: Annotated[
        tuple[str, ...], Field(min_length=1), BeforeValidator(_split, json_schema_input_type=str | tuple[str, ...])
    ]
    time_limit: Duration = timedelta(days=1)
    grace: Duration = timedelta(seconds=10)
    environment: tuple[Variable, ...] = ()
    returns: tuple[str, ...] | None = None
    folder: Path | None = None

    @property
    def patience(self) -> timedelta:
        """Return zero: an attempt begins at once."""
        return timedelta()

    def secrets(self) -> dict[str, str]:
        """Return the variables that are passed on, with their values."""
        return passed_on(self.environment)

    async def check(self, campaign: Campaign) -> None:
        """Raise InvalidDefinition if the command is not found or does not promise the expected metrics."""
        problems = [
            *self._command_problems(campaign),
            *environment_problems(self.environment),
            *name_problems(self.environment, campaign),
            *metric_problems(campaign, self.returns),
        ]
        if problems:
            raise InvalidDefinition(problems)

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Run the command once and return the outcome."""
        return await self._process().run(request, folder, report)

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        """Return the outcome of a command whose controller has died; None if it provably never began."""
        return await self._process().recover(request, folder, report)

    def _process(self) -> AttemptProcess:
        return AttemptProcess(
            command=self.command,
            folder=self._working_folder(),
            environment=child_environment(self.environment),
            secrets=self.secrets(),
            time_limit=self.time_limit,
            grace=self.grace,
        )

    def _working_folder(self) -> Path:
        return (self.folder or Path()).resolve()

    def _command_problems(self, campaign: Campaign) -> list[str]:
        if problems := word_problems(self.command, campaign.parameters.root):
            return problems
        program = self.command[0]
        where = self._working_folder() / program if "/" in program else program
        if shutil.which(where, path=child_environment(self.environment).get("PATH")):
            return []
        place = f"in {self._working_folder()}" if "/" in program else "on the PATH"
        return [f"`evaluator.command`: expected a program that can be run, found no `{program}` {place}"]
