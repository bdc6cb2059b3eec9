"""Evaluations of a cell: the campaign's seed and the trial alone determine noise, time, cost and failure."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.quality.cells import Cell
from benchmarks.quality.cost_regions import cost_of
from benchmarks.quality.durations import DurationKind, draw_duration
from benchmarks.quality.failure_regions import fails
from overnight.campaign import Campaign, EvaluationOutcome, EvaluationRequest
from overnight.campaign.evaluation import EvaluationFailed
from overnight.evaluators import Report, SimulatedEvaluator

MEAN_SECONDS = 60.0
# The evaluator's own streams use the seed alone (noise) and the seed with the attempt's number (failure).
_DURATION_STREAM = 1_000_003


@dataclass(frozen=True)
class TimedEvaluator:
    """A simulated evaluator whose evaluations take random times, so that they finish in any order."""

    simulated: SimulatedEvaluator
    durations: DurationKind
    cell: Cell
    time_limit: timedelta = timedelta(days=365)
    grace: timedelta = timedelta()
    patience: timedelta = timedelta()

    def secrets(self) -> dict[str, str]:
        """Return an empty mapping: nothing is passed on."""
        return {}

    async def check(self, campaign: Campaign) -> None:
        """Check as the simulated evaluator does."""
        await self.simulated.check(campaign)

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Evaluate after a time determined by the request's seed."""
        generator = np.random.default_rng([request.seed, _DURATION_STREAM])
        await asyncio.sleep(MEAN_SECONDS * draw_duration(self.durations, generator))
        if self.cell.fails is not None and fails(self.cell.fails, self.cell.problem, request.parameters, request.seed):
            return EvaluationFailed(cause="configuration", message="a simulated failure of its own")
        found = await self.simulated.evaluate(request, folder, report)
        if self.cell.costs is None:
            return found
        cost = cost_of(self.cell.costs, self.cell.problem, request.parameters, request.seed)
        return found.model_copy(update={"cost": cost})

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        """Recover nothing: an evaluation dies with its controller."""
        return await self.simulated.recover(request, folder, report)


def work_of(cell: Cell) -> TimedEvaluator:
    """Return the evaluator of a cell."""
    simulated = SimulatedEvaluator(function=cell.problem.function, noise=cell.noise, failure_rate=cell.failure_rate)
    return TimedEvaluator(simulated, cell.durations, cell)
