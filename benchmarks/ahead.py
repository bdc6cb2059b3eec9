"""Measure the benefit of proposing points before they are needed: `python -m benchmarks.ahead`.

Each campaign runs in virtual time, for as long as a given number of evaluations takes. A proposal takes a given
fraction of an evaluation. Each campaign runs twice: once every proposal is made when a worker is free, and once every
proposal is made ahead. The table in docs/proofs/proposing.md comes from here.
"""

import argparse
import asyncio
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.quality.durations import draw_duration
from benchmarks.virtual_time import VirtualClock, run_in_virtual_time
from overnight.bo_core import BayesianProposer
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, EvaluationOutcome, EvaluationRequest, History, Proposal
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.campaign.history.trial import Observation
from overnight.evaluators import SimulatedEvaluator
from overnight.evaluators.evaluator import Report
from overnight.flows.controller.job import Execution, Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.host.stop import StopRequest
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.proposing.settings import Proposing
from overnight.storage import MemoryLedger

_MEAN_SECONDS = 60.0
_FUNCTIONS = ("branin", "hartmann6")
# The time that a proposal takes, as a fraction of the mean time of an evaluation.
_PARTS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
# Separate from the evaluator's own random streams.
_DURATION_STREAM = 1_000_003


class LastingEvaluator(SimulatedEvaluator):
    """A function whose evaluations take random times, a minute on average."""

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Return the value after a time determined by the request's seed."""
        generator = np.random.default_rng([request.seed, _DURATION_STREAM])
        await asyncio.sleep(_MEAN_SECONDS * draw_duration("log-normal", generator))
        return await super().evaluate(request, folder, report)


@dataclass(frozen=True)
class _SlowSteps:
    """Steps whose proposals take a given number of virtual seconds."""

    seconds: float

    async def evaluate(self, execution: Execution) -> EvaluationAnswer | None:
        return await execution.run()

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        await asyncio.sleep(self.seconds)
        return propose(request.campaign, request.history, request.asked, request.q)


def _run(
    function: str, seed: int, workers: int, part: float, evaluations: int, ahead: Literal["never", "always"]
) -> History:
    evaluator = LastingEvaluator.model_validate({"function": function})
    domain = evaluator.synthetic.domain
    campaign = Campaign.model_validate(
        {
            "name": "ahead",
            "parameters": {f"x{i}": {"kind": "float", "low": a, "high": b} for i, (a, b) in enumerate(domain)},
            "minimize": "value",
            "workers": workers,
            "seed": seed,
            "budget": {"trials": 10 * evaluations, "wall_clock": evaluations * _MEAN_SECONDS / workers},
        }
    )
    job = Job(campaign, evaluator, BayesianProposer(), MemoryLedger(), Path("unused"), proposing=Proposing(ahead=ahead))
    steps = _SlowSteps(part * _MEAN_SECONDS)
    return run_in_virtual_time(run_loop(job, steps, VirtualClock(), StopRequest()))


def _regret(history: History, function: str) -> float:
    """Return how far the best observed value is from the optimum."""
    outcomes = [trial.outcome for trial in history.model_view().observed]
    best = min(o.metrics["value"].mean for o in outcomes if isinstance(o, Observation))
    return best - SimulatedEvaluator.model_validate({"function": function}).synthetic.minimum


def table(seeds: range, workers: int, evaluations: int) -> Iterator[str]:
    """Yield a line for each function and p / d, a proposal's time over an evaluation's; seeds are compared pairwise."""
    heads = "function", "p / d", "trials, when free", "ahead", "regret, when free", "ahead", "wins : losses of ahead"
    yield f"| {' | '.join(heads)} |"
    yield "|---|---|---|---|---|---|---|"
    for function in _FUNCTIONS:
        for part in _PARTS:
            free, ahead = (
                [_run(function, seed, workers, part, evaluations, way) for seed in seeds] for way in ("never", "always")
            )
            pairs = [(_regret(a, function), _regret(b, function)) for a, b in zip(free, ahead, strict=True)]
            wins, losses = (sum(b < a for a, b in pairs), sum(a < b for a, b in pairs))
            trials = " | ".join(f"{statistics.median(h.started for h in way):g}" for way in (free, ahead))
            regrets = " | ".join(_quartiles(regrets) for regrets in zip(*pairs, strict=True))
            yield f"| {function} | {part:g} | {trials} | {regrets} | {wins} : {losses} |"


def _quartiles(values: tuple[float, ...]) -> str:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{middle:.2g} ({low:.2g} to {high:.2g})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--evaluations", type=int, default=40, help="how many would fit if no worker ever waited")
    asked = parser.parse_args()
    for line in table(range(asked.seeds), asked.workers, asked.evaluations):
        print(line, flush=True)


if __name__ == "__main__":
    main()
