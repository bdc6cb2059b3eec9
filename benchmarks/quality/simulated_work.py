"""Evaluations of a cell: the campaign's seed and the trial alone determine noise, time, cost, glitch and failure."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.quality.cells import Cell
from benchmarks.quality.cost_regions import cost_of
from benchmarks.quality.durations import draw_duration
from benchmarks.quality.failure_regions import fails
from benchmarks.quality.problems.problem import Values
from overnight.campaign import Campaign, EvaluationOutcome, EvaluationRequest, EvaluationSucceeded, Measurement
from overnight.campaign.evaluation import EvaluationFailed
from overnight.evaluators import Report

MEAN_SECONDS = 60.0
# Noise uses the seed alone and a failure the seed with the attempt's number, as the product's simulated evaluator does.
_DURATION_STREAM = 1_000_003
_GLITCH_STREAM = 1_000_099
_FURTHER_STREAM = 1_000_117
GLITCH_RATE = 0.05


@dataclass(frozen=True)
class TimedEvaluator:
    """A cell's function with noise, in evaluations that take random times, so that they finish in any order."""

    cell: Cell
    time_limit: timedelta = timedelta(days=365)
    grace: timedelta = timedelta()
    patience: timedelta = timedelta()

    def secrets(self) -> dict[str, str]:
        """Return an empty mapping: nothing is passed on."""
        return {}

    async def check(self, campaign: Campaign) -> None:
        """Check nothing: the campaign is the cell's own."""

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Evaluate after a time determined by the request's seed."""
        del folder, report
        cell, seed, point = self.cell, request.seed, request.parameters
        if cell.problem.parameter_constraints and (wrong := cell.problem.space.problems(point)):
            return EvaluationFailed(cause="configuration", message="; ".join(problem.text for problem in wrong))
        generator = np.random.default_rng([seed, _DURATION_STREAM])
        await asyncio.sleep(MEAN_SECONDS * draw_duration(cell.durations, generator))
        if cell.fails is not None and fails(cell.fails, cell.function, point, seed):
            return EvaluationFailed(cause="configuration", message="a simulated failure of its own")
        if np.random.default_rng([seed, request.attempt]).random() < cell.failure_rate:
            return EvaluationFailed(cause="infrastructure", message="a simulated failure")
        mean = (
            cell.problem.first(point) + cell.noise * np.random.default_rng(seed).standard_normal() + self._error(seed)
        )
        cost = None if cell.costs is None else cost_of(cell.costs, cell.function, point, seed)
        metrics = {request.objective: Measurement(mean=mean), **self._further(point, seed)}
        return EvaluationSucceeded(metrics=metrics, cost=cost)

    def _further(self, point: Values, seed: int) -> dict[str, Measurement]:
        """Return the readings of the other metrics; they have noise if those of the first objective have."""
        generator, metrics = np.random.default_rng([seed, _FURTHER_STREAM]), self.cell.problem.further
        noises = [metric.noise * generator.standard_normal() for metric in metrics.values()]
        readings = zip(metrics.items(), noises if self.cell.noise else [0.0] * len(noises), strict=True)
        return {name: Measurement(mean=metric.value(point) + noise) for (name, metric), noise in readings}

    def _error(self, seed: int) -> float:
        """Return the error of a reading, 0 except for a glitch."""
        glitched = np.random.default_rng([seed, _GLITCH_STREAM]).random() < GLITCH_RATE
        return self.cell.glitch * self.cell.function.spread if self.cell.glitch and glitched else 0.0

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        """Recover nothing: an evaluation dies with its controller."""
        del request, folder, report
        return None
