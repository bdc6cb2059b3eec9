"""Compare a target with minimizing the distance from it: `python -m benchmarks.targets`.

With `target: {metric: gain, value: 60}` the model learns the metric; with `minimize: abs(gain - 60)` it learns the
distance. Both campaigns begin with the same points, and have the same settings. Counted is how far the metric truly is
from the target at the recommended point, in shares of the range of the metric, and at the end also the smallest true
distance of a trial. The last function does not reach its target, so its least possible distance is subtracted.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.quality.problems import BRANIN, HARTMANN3
from benchmarks.seeds import seeds_of
from overnight.bo_core import BayesianProposer
from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Measurement, Point
from overnight.campaign.history.events import CampaignDefined, TrialObserved, TrialProposed

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_PROPOSER = BayesianProposer()


@dataclass(frozen=True)
class Task:
    """A metric of d parameters between 0 and 1, which spans about the `range`, its target, and the noise of a result.

    `least` is the least possible distance.
    """

    metric: Callable[[Sequence[float]], float]
    d: int
    range: float
    target: float
    trials: int
    noise: float = 0.0
    least: float = 0.0

    def distance(self, point: Point) -> float:
        """Return the true distance from the target at a point, as a share of the range."""
        return (abs(self.true(point) - self.target) - self.least) / self.range

    def true(self, point: Point) -> float:
        """Return the metric without noise."""
        return self.metric([float(value) for value in point.values()])

    def campaign(self, goal: Mapping[str, Any], seed: int) -> Campaign:
        """Return a campaign with this goal."""
        cube = {f"x{i}": {"kind": "float", "low": 0.0, "high": 1.0} for i in range(self.d)}
        noise = "infer" if self.noise else "none"
        return Campaign.model_validate(
            {"name": "t", "parameters": cube, "budget": {"trials": self.trials}, "noise": noise, "seed": seed, **goal}
        )


def _branin(x: Sequence[float]) -> float:
    return BRANIN.value({"x0": 15.0 * x[0] - 5.0, "x1": 15.0 * x[1]})


def _hartmann(x: Sequence[float]) -> float:
    return -HARTMANN3.value({f"x{i}": value for i, value in enumerate(x)})


def _gain(x: Sequence[float]) -> float:
    """Return the gain of a chain of four stages in dB, each with a smooth resonance of its own."""
    peaks = ((0.3, 0.35, 24.0), (0.7, 0.4, 18.0), (0.5, 0.5, 30.0), (0.2, 0.6, 12.0))
    return sum(db / (1.0 + ((a - at) / width) ** 2) for a, (at, width, db) in zip(x, peaks, strict=True))


def _bowl(x: Sequence[float]) -> float:
    return sum((a - 0.3 - 0.1 * i) ** 2 for i, a in enumerate(x))


_EXACT = {
    "branin, 2": Task(_branin, 2, 308.0, 40.0, 14),
    "hartmann, 3": Task(_hartmann, 3, 3.86, 1.5, 18),
    "gain, 4": Task(_gain, 4, 60.0, 60.0, 20),
    "bowl, 3, out of reach": Task(_bowl, 3, 1.0, -0.2, 18, least=0.2),
}
TASKS: Mapping[str, Task] = {
    **_EXACT,
    "branin, 2, noisy": Task(_branin, 2, 308.0, 40.0, 20, noise=6.0),
    "hartmann, 3, noisy": Task(_hartmann, 3, 3.86, 1.5, 24, noise=0.1),
    "gain, 4, noisy": Task(_gain, 4, 60.0, 60.0, 28, noise=1.5),
}


def run(name: str, seed: int, *, learns_metric: bool) -> tuple[float, float]:
    """Return the distances of the recommended point and of the best trial at the end of a campaign."""
    torch.set_num_threads(1)
    task, rng = TASKS[name], np.random.default_rng([seed, 47])
    text = f"abs(metric {'-' if task.target >= 0 else '+'} {abs(task.target)})"
    goal = {"target": {"metric": "metric", "value": task.target}} if learns_metric else {"minimize": text}
    campaign, tried = task.campaign(goal, seed), list[float]()
    history = History.from_events([CampaignDefined(time=_NOON, actor="b", uid="targets", definition=campaign)])
    for trial in range(1, task.trials + 1):
        [proposal] = propose(campaign, history, _PROPOSER, 1)
        value = task.true(proposal.point) + task.noise * float(rng.standard_normal())
        tried.append(task.distance(proposal.point))
        metrics = {
            "metric": Measurement(mean=value),
            campaign.objective.metric: Measurement(mean=abs(value - task.target)),
        }
        observed = TrialObserved(time=_NOON, actor="b", trial=trial, attempt=1, metrics=metrics)
        history = history.extended([TrialProposed(time=_NOON, actor="b", trial=trial, **dict(proposal)), observed])
    found = recommend(campaign, history, _PROPOSER)
    assert found is not None
    return task.distance(found.point), min(tried)


def table(found: Mapping[str, Sequence[tuple[tuple[float, float], tuple[float, float]]]]) -> Iterator[str]:
    """Return the lines of a table: medians with the metric learnt and with the distance learnt, and paired wins."""
    yield "| function | recommended: metric learnt | distance learnt | closer in | best trial: metric | distance |"
    yield "|---|---|---|---|---|---|"
    for name, pairs in found.items():
        (new, new_best), (old, old_best) = (
            ([run[0] for run in runs], [run[1] for run in runs]) for runs in zip(*pairs, strict=True)
        )
        wins = sum(a < b for a, b in zip(new, old, strict=True))
        figures = [median(each) for each in (new, old, new_best, old_best)]
        a, b, c, d = (f"{value:.2g}" for value in figures)
        yield f"| {name} | {a} | {b} | {wins} of {len(pairs)} | {c} | {d} |"


def main() -> None:
    """Run the campaigns and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targets", description=__doc__)
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("0-11"), help="as 0-11")
    parser.add_argument("--tasks", nargs="*", choices=[*TASKS], default=[*TASKS])
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    found = dict[str, list[Any]]()
    with ProcessPoolExecutor(asked.processes) as pool:
        for name in asked.tasks:
            ways = (pool.map(partial(run, name, learns_metric=metric), asked.seeds) for metric in (True, False))
            found[name] = [*zip(*ways, strict=True)]
            print([*table({name: found[name]})][-1], flush=True)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
