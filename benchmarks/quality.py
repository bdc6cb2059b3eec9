"""What campaigns find: the true value at the recommended point on noisy Hartmann-6, by `python -m benchmarks.quality`.

Whole campaigns through the real loop, proposer and recommendation, with asynchronous workers whose evaluations take
random times; only the evaluation is simulated.
"""

import argparse
import asyncio
import statistics
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from bo_core import BayesianProposer, SobolProposer
from bo_core.recommend import recommend
from campaign import Campaign, EvaluationOutcome, EvaluationRequest
from evaluators import Report, SimulatedEvaluator
from flows.clock import SystemClock
from flows.job import Job, PlainSteps
from flows.loop import run_loop
from flows.stop import StopRequest
from storage import MemoryLedger

MEAN_SECONDS = 0.05


@dataclass(frozen=True)
class RandomTimes:
    """A simulated evaluator whose evaluations take log-normal times, so that they finish in any order."""

    simulated: SimulatedEvaluator
    time_limit: timedelta = timedelta(hours=1)

    async def check(self, campaign: Campaign) -> None:
        """Check as the simulated evaluator does."""
        await self.simulated.check(campaign)

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Evaluate after a time that the request's seed decides."""
        seconds = MEAN_SECONDS * np.random.default_rng([request.seed, 1]).lognormal(sigma=0.5)
        await asyncio.sleep(seconds)
        return await self.simulated.evaluate(request, folder, report)

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        """Recover nothing: it dies with its controller."""
        return await self.simulated.recover(request, folder, report)


def true_value_found(
    seed: int, noise: float, workers: int, trials: int, proposer: BayesianProposer | SobolProposer
) -> float:
    """Run one campaign and return the true value at what it recommends."""
    evaluator = SimulatedEvaluator(function="hartmann6", noise=noise)
    campaign = Campaign.model_validate(
        {
            "name": "hartmann6",
            "parameters": {f"x{i}": {"kind": "float", "low": 0, "high": 1} for i in range(6)},
            "minimize": "value",
            "workers": workers,
            "budget": {"trials": trials},
            "seed": seed,
        }
    )
    job = Job(campaign, RandomTimes(evaluator), proposer, MemoryLedger(), Path("unused"))
    history = asyncio.run(run_loop(job, PlainSteps(), SystemClock(), StopRequest()))
    found = recommend(campaign, history)
    assert found is not None
    return evaluator.true_value(found.point)


def main() -> None:
    """Print one line a seed, then the median beside the optimum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--noise", type=float, default=0.1)
    asked = parser.parse_args()
    optimum = SimulatedEvaluator(function="hartmann6").synthetic.minimum
    print(f"Hartmann-6, noise sd {asked.noise}, {asked.workers} workers, {asked.trials} trials; optimum {optimum:.3f}")
    for name, proposer in (("overnight", BayesianProposer()), ("sobol", SobolProposer())):
        values = []
        for seed in range(asked.seeds):
            began = time.perf_counter()
            values.append(true_value_found(seed, asked.noise, asked.workers, asked.trials, proposer))
            print(f"  {name:<10} seed {seed}: {values[-1]:.3f}  ({time.perf_counter() - began:.0f} s)", flush=True)
        print(f"{name:<10} median {statistics.median(values):.3f}, worst {max(values):.3f}", flush=True)


if __name__ == "__main__":
    main()
