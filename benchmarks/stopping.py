"""Measure the savings and the cost of stopping: `python -m benchmarks.stopping trials` and `… campaigns`.

`trials` runs campaigns of a given virtual time whose evaluations report a learning curve: without a rule and with each
rule, and with the reports of stopped trials used or ignored. `campaigns` runs campaigns with a generous budget that end
by the expected gain. The tables in docs/proofs/stopping.md come from here.
"""

import argparse
import asyncio
import math
import statistics
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.virtual_time import VirtualClock, run_in_virtual_time
from overnight.bo_core import BayesianProposer
from overnight.bo_core.data import situation
from overnight.bo_core.propose import propose
from overnight.campaign import (
    Campaign,
    EvaluationOutcome,
    EvaluationRequest,
    EvaluationSucceeded,
    History,
    Measurement,
    Proposal,
)
from overnight.campaign.evaluation import EvaluationAnswer, EvaluationReport
from overnight.campaign.history.trial import Observation
from overnight.evaluators import SimulatedEvaluator
from overnight.evaluators.evaluator import Report
from overnight.flows.controller.job import Execution, Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.host.stop import StopRequest
from overnight.flows.proposing.request import ProposalRequest
from overnight.storage import MemoryLedger

_STEPS = 27
_FUNCTIONS = ("branin", "hartmann6")
_RULES = {
    "none": None,
    "median": {"rule": "median"},
    "successive halving": {"rule": "successive_halving"},
    "improbable": {"rule": "improbable"},
}


class LearningEvaluator:
    """Reports 27 steps of a minute each, which approach the function's value from above by a power law.

    The power law's speed differs from point to point. The excess at the start is about the function's own spread and
    also differs, so that curves cross. Each report has noise of a hundredth of that spread.
    """

    time_limit = timedelta(days=1)
    grace = patience = timedelta()

    def __init__(self, function: str, spread: float) -> None:
        self.inner, self.spread = SimulatedEvaluator.model_validate({"function": function}), spread

    def secrets(self) -> dict[str, str]:
        """Return an empty mapping: nothing is passed on."""
        return {}

    async def check(self, campaign: Campaign) -> None:
        """Accept every campaign, since all are defined in this file."""

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Report steps on the way to the function's value."""
        random = np.random.default_rng(request.seed)
        excess, speed = self.spread * random.uniform(0.5, 1.5), random.uniform(0.5, 1.5)
        value = self.inner.true_value(request.parameters)
        for step in range(1, _STEPS + 1):
            await asyncio.sleep(60)
            noise = 0.01 * self.spread * random.standard_normal()
            left = excess * (step**-speed - _STEPS**-speed)
            report(EvaluationReport(step=step, metrics={"value": Measurement(mean=value + left + noise)}))
        return EvaluationSucceeded(metrics={"value": Measurement(mean=value)})

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        """Return None: an evaluation dies with its controller."""
        return None


class _Steps:
    """Steps whose proposals take no virtual time."""

    async def evaluate(self, execution: Execution) -> EvaluationAnswer | None:
        return await execution.run()

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        return propose(request.campaign, request.history, request.asked, request.q)


def _campaign(function: str, seed: int, **more: object) -> Campaign:
    bounds = SimulatedEvaluator.model_validate({"function": function}).synthetic.domain
    parameters = {f"x{i}": {"kind": "float", "low": low, "high": high} for i, (low, high) in enumerate(bounds)}
    written = {"name": "stopping", "parameters": parameters, "minimize": "value", "workers": 4, "seed": seed}
    return Campaign.model_validate(written | more)


def _run(campaign: Campaign, evaluator: LearningEvaluator | SimulatedEvaluator) -> History:
    job = Job(campaign, evaluator, BayesianProposer(), MemoryLedger(), Path("unused"))
    return run_in_virtual_time(run_loop(job, _Steps(), VirtualClock(), StopRequest()))


def _regret(history: History, function: str) -> float:
    """Return how far the best observed value is from the optimum."""
    outcomes = [trial.outcome for trial in history.model_view().observed]
    best = min((o.metrics["value"].mean for o in outcomes if isinstance(o, Observation)), default=math.inf)
    return best - SimulatedEvaluator.model_validate({"function": function}).synthetic.minimum


def _spread(function: str) -> float:
    evaluator = SimulatedEvaluator.model_validate({"function": function})
    low, high = np.array(evaluator.synthetic.domain, dtype=np.float64).T
    points = np.random.default_rng(0).uniform(low, high, (500, len(low)))
    return float(np.std([evaluator.synthetic.value(point) for point in points]))


def _trials(seeds: range, evaluations: int) -> Iterator[str]:
    """Yield a line for each function, rule and use of reports.

    Each campaign lasts as long as `evaluations` whole evaluations on its workers.
    """
    yield "| function | rule | reports of stopped trials | trials | observed | stopped | regret, median (quartiles) |"
    yield "|---|---|---|---|---|---|---|"
    minutes = evaluations * _STEPS / 4
    for function in _FUNCTIONS:
        evaluator = LearningEvaluator(function, _spread(function))
        for name, rule in _RULES.items():
            for used in (True, False) if rule else (True,):
                ask = partial(_campaign, function, stop_early=rule, budget={"trials": 400, "wall_clock": minutes * 60})
                yield _line(
                    function, name, used if rule else None, [_told(ask(seed), evaluator, used) for seed in seeds]
                )


def _told(campaign: Campaign, evaluator: LearningEvaluator, used: bool) -> History:
    if used:
        return _run(campaign, evaluator)
    with mock.patch.object(situation, "expected_finals", return_value={}):
        return _run(campaign, evaluator)


def _line(function: str, rule: str, used: bool | None, found: list[History]) -> str:
    regrets = [_regret(history, function) for history in found]
    said = "" if used is None else "used" if used else "as failed points"
    ends: list[Callable[[History], int]] = [
        lambda history: len(history.trials),
        lambda history: len(history.model_view().observed),
        lambda history: len(history.model_view().stopped),
    ]
    counts = " | ".join(f"{statistics.median(map(count, found)):g}" for count in ends)
    return f"| {function} | {rule} | {said} | {counts} | {_quartiles(regrets)} |"


def _quartiles(values: list[float]) -> str:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{middle:.2g} ({low:.2g} to {high:.2g})"


def _campaigns(seeds: range, trials: int) -> Iterator[str]:
    """Yield a line for each function and threshold: when campaigns end, and with which regret."""
    yield f"| function | expected_gain_below | trials of {trials} | regret at the end, median (quartiles) |"
    yield "|---|---|---|---|"
    for function in _FUNCTIONS:
        evaluator = SimulatedEvaluator.model_validate({"function": function, "seconds": 60})
        for threshold in (None, 0.1, 0.01, 0.001):
            wanted = None if threshold is None else {"expected_gain_below": threshold}
            found = [
                _run(_campaign(function, seed, stop_when=wanted, budget={"trials": trials}), evaluator)
                for seed in seeds
            ]
            used = [float(len(history.trials)) for history in found]
            low, middle, high = np.quantile(used, [0.25, 0.5, 0.75])
            regrets = _quartiles([_regret(history, function) for history in found])
            limit = "never" if threshold is None else f"{threshold:g}"
            yield f"| {function} | {limit} | {middle:g} ({low:g} to {high:g}) | {regrets} |"


def main() -> None:
    """Print one of the two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=["trials", "campaigns"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=30, help="whole evaluations (trials), or trials (campaigns)")
    asked = parser.parse_args()
    lines = (_trials if asked.table == "trials" else _campaigns)(range(asked.seeds), asked.budget)
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
