"""Evaluate a point with a Python function in its own process."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign import Campaign
from overnight.campaign.errors import InvalidDefinition
from overnight.evaluators import call_function
from overnight.evaluators.attempt_process import AttemptProcess
from overnight.evaluators.process_evaluator import ProcessEvaluator
from overnight.evaluators.results.returned_metrics import metric_problems
from overnight.evaluators.secrets.environment import Redaction, child_environment
from overnight.evaluators.sources import SourceFiles

_IMPORT_LIMIT = 300.0
_LONGEST_PROBLEM = 1500


class Inspection(BaseModel):
    """The findings about a function; in `returns`, None stands for the objective.

    `takes` names the arguments about a running or an earlier evaluation for which it has parameters.
    """

    model_config = ConfigDict(frozen=True)

    problem: str | None = None
    returns: tuple[str | None, ...] | None = None
    takes: tuple[str, ...] = ()


class PythonEvaluator(ProcessEvaluator):
    """Call `function(parameters)` for every attempt, with `seed=`, `report=` and `charge=` if it has such parameters.

    The function returns a number, a pair (mean, sem), or metrics by name. It runs in `folder` and can import from it.
    Its process follows the rules of a command, also for `environment`, `returns` and `time_limit`. A function with a
    parameter `handle` may return `Running` and is called again with that handle; `look=` is the number of the call, and
    `cancel=` is true if it has to end the evaluation. With `resume` in the campaign's fidelity, it receives as
    `resume_from=` the evaluation from which it continues, or None.
    """

    kind: Literal["python"] = "python"
    function: Annotated[str, Field(pattern=r"^[^\W\d][\w.]*:[^\W\d][\w.]*$")]

    async def check(self, campaign: Campaign) -> None:
        """Raise InvalidDefinition if the function cannot be imported or called, or lacks an expected metric."""
        inspection = await self._inspect()
        problems = [f"`evaluator.function`: {inspection.problem}"] if inspection.problem else []
        if inspection.problem is None and self.polled is not None:
            problems += [
                f"`evaluator.polled`: expected `{self.function}` to have a parameter `{name}`, found none"
                for name in ("handle", "cancel")
                if name not in inspection.takes
            ]
        fidelity = campaign.fidelity
        resumes = fidelity is not None and fidelity.parameter.resume
        if inspection.problem is None and resumes and call_function.RESUME not in inspection.takes:
            problems.append(
                f"`evaluator.function`: expected `{self.function}` to have a parameter `{call_function.RESUME}`, "
                "because `resume` is set in the campaign's fidelity, found none"
            )
        returned = self.returns
        if returned is None and inspection.returns is not None:
            returned = tuple(name or campaign.metric_of_number for name in inspection.returns)
        problems += [
            *self.environment_problems(campaign),
            *metric_problems(campaign, returned),
        ]
        if problems:
            raise InvalidDefinition(problems)

    def described(self) -> str:
        """Return the function's name."""
        return self.function

    def source_files(self, sources: SourceFiles) -> set[Path]:
        """Return its module, and the modules imported by it from the evaluator's folder or from `PYTHONPATH`."""
        return sources.of_module(self.function.partition(":")[0], self.working_folder())

    def process(self) -> AttemptProcess:
        """Return the process that imports the function and calls it."""
        return AttemptProcess(
            command=self._command(),
            folder=self.working_folder(),
            environment=self._environment(),
            secrets=self.secrets(),
            time_limit=self.time_limit,
            grace=self.grace,
            result_ends=True,
        )

    def _command(self, *options: str) -> tuple[str, ...]:
        # -P: the script's own folder holds none of the user's modules.
        return (sys.executable, "-P", call_function.__file__, *options, self.function)

    def _environment(self) -> dict[str, str]:
        return child_environment(self.environment, also=("PYTHONPATH",))

    async def _inspect(self) -> Inspection:
        process = await asyncio.create_subprocess_exec(
            *self._command("--check"),
            cwd=self.working_folder(),
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(_IMPORT_LIMIT):
                stdout, stderr = await process.communicate()
        except TimeoutError:
            return Inspection(
                problem=f"expected the import to finish within {_IMPORT_LIMIT:g}s, found it still running"
            )
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        return self._read_inspection(stdout.decode(errors="replace"), stderr.decode(errors="replace"))

    def _read_inspection(self, stdout: str, stderr: str) -> Inspection:
        redaction = Redaction(self.secrets())
        try:
            found = Inspection.model_validate(json.loads(stdout.strip().split("\n")[-1]))
        except (ValueError, IndexError):
            tail = redaction.text(stderr).strip()[-1000:]
            return Inspection(problem=f"expected the import to succeed, found that it ended the interpreter: {tail}")
        if found.problem is None:
            return found
        return found.model_copy(update={"problem": " ".join(redaction.text(found.problem).split())[:_LONGEST_PROBLEM]})
