"""The base of the evaluators that start a process for every attempt."""

from abc import abstractmethod
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Self

from overnight.campaign import Campaign, EvaluationRequest
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.campaign.values.duration import Duration
from overnight.evaluators.attempt_process import AttemptProcess
from overnight.evaluators.evaluator import Report
from overnight.evaluators.kind import EvaluatorKind
from overnight.evaluators.ongoing.polling import Polling
from overnight.evaluators.processes.attempt_folder import with_paths
from overnight.evaluators.secrets.environment import Variable, environment_problems, passed_on
from overnight.evaluators.secrets.secret_names import name_problems


class ProcessEvaluator(EvaluatorKind):
    """An evaluator whose attempts are processes with a time limit, an environment and a working folder.

    `polled` says how often an evaluation is looked at that continues after its process has ended; each look is a
    process with the same limits.
    """

    time_limit: Duration = timedelta(days=1)
    grace: Duration = timedelta(seconds=10)
    environment: tuple[Variable, ...] = ()
    returns: tuple[str, ...] | None = None
    folder: Path | None = None
    polled: Polling | None = None

    @property
    def leaves_output(self) -> bool:
        """Return true: the processes of an attempt print into files of its folder."""
        return True

    @property
    def polling(self) -> Polling | None:
        """Return `polled`."""
        return self.polled

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the variables of `environment`."""
        return self.environment

    def with_variables(self, variables: Iterable[str]) -> Self:
        """Return a copy that also has these variables, except those that `environment` already has."""
        named = {variable.partition("=")[0] for variable in self.environment}
        added = [variable for variable in variables if variable.partition("=")[0] not in named]
        return self.model_copy(update={"environment": (*added, *self.environment)})

    def secrets(self) -> dict[str, str]:
        """Return the variables that are passed on, with their values."""
        return passed_on(self.environment)

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer:
        """Run the process once and return its answer."""
        return await self.process().run(with_paths(request, folder), folder, report)

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer | None:
        """Return the answer of an attempt whose controller has died; None if it provably never began."""
        return await self.process().recover(with_paths(request, folder), folder, report)

    @abstractmethod
    def process(self) -> AttemptProcess:
        """Return the process that every attempt starts."""

    def working_folder(self) -> Path:
        """Return the absolute path of the folder in which it runs."""
        return (self.folder or Path()).resolve()

    def environment_problems(self, campaign: Campaign) -> list[str]:
        """Return a sentence for each variable that is not set, or whose value cannot be kept out of the ledger."""
        return [*environment_problems(self.environment), *name_problems(self.environment, campaign)]
