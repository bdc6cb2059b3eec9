"""Who runs an example: our campaign, evenly spread points, and Optuna's TPE; one trial at a time."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.peers import STUDIES, PeerProcess
from benchmarks.real.example import Example, Metrics, means
from overnight import AskTell
from overnight.campaign import Campaign, Measurement
from overnight.campaign.errors import CampaignStopped

Point = Mapping[str, Any]


@dataclass
class Tried:
    """The points of a campaign in their order, what was measured at each, and the recommended point."""

    campaign: Campaign
    points: list[Point] = field(default_factory=list)
    measured: list[Metrics | None] = field(default_factory=list)
    recommended: Point | None = None

    def add(self, point: Point, metrics: Metrics | None) -> None:
        """Keep one more trial."""
        self.points.append(point)
        self.measured.append(metrics)

    def excess(self, metrics: Metrics) -> list[float]:
        """Return by how much each limit is exceeded; at most 0 if it is met. The first trial is the baseline."""
        base = self.measured[0] or {}
        found = list[float]()
        for constraint in self.campaign.goal.constraints:
            low, high = constraint.limits(self.found(constraint.metric, base))
            value = self.found(constraint.metric, metrics)
            found.append(math.inf if value is None else max(low - value, value - high))
        return found

    def found(self, metric: str, metrics: Metrics) -> float | None:
        """Return a metric of the goal, calculated if the goal calculates it; None if it has no value."""
        measured = {name: Measurement(mean=value) for name, value in metrics.items()}
        found = self.campaign.goal.wanted(metric).found_in(measured)
        return None if found is None else found.mean

    def value(self, metrics: Metrics) -> float:
        """Return the objective."""
        found = self.found(self.campaign.objective.metric, metrics)
        assert found is not None
        return found

    def worth(self, metrics: Metrics) -> float:
        """Return the objective, turned so that more is better."""
        return self.campaign.objective.turned(self.value(metrics))

    def is_feasible(self, metrics: Metrics | None) -> bool:
        """Return whether a trial has a result that meets every limit."""
        return metrics is not None and all(each <= 0 for each in self.excess(metrics))

    @property
    def best_measured(self) -> Point | None:
        """Return the feasible point with the best measurement; None if there is none."""
        feasible = [
            (self.worth(metrics), -i)
            for i, metrics in enumerate(self.measured)
            if metrics is not None and self.is_feasible(metrics)
        ]
        return self.points[-max(feasible)[1]] if feasible else None


def by_overnight(example: Example, seed: int, **changed: object) -> Tried:
    """Run the campaign of the file; its recommendation is ours."""
    campaign = AskTell(example.file(f"seed-{seed}-{'-'.join(changed) or 'file'}", seed=seed, **changed))
    tried = Tried(example.campaign)
    while True:
        try:
            trial = campaign.ask()
        except CampaignStopped:
            break
        result = example.result(trial.point, _seed_of(seed, trial.id))
        tried.add(trial.point, None if result is None else means(result))
        # With the standard errors, as the campaign itself would have it.
        campaign.tell(trial, ValueError("no result") if result is None else dict(result))
    found = campaign.recommend()
    tried.recommended = None if found is None else found.point
    return tried


def by_sobol_points(example: Example, seed: int) -> Tried:
    """Run the campaign with the points of a Sobol sequence; the best measured feasible point is recommended."""
    tried = by_overnight(example, seed, proposer={"kind": "sobol"}, confirm="never")
    tried.recommended = tried.best_measured
    return tried


def by_optuna_tpe(example: Example, seed: int) -> Tried:
    """Run a study with TPE from the same first point; the best measured feasible point is recommended."""
    campaign, tried = example.campaign, Tried(example.campaign)
    with PeerProcess(STUDIES["optuna-limits"].command(), threads=1) as study:
        parameters = {n: p.model_dump(mode="json", exclude_none=True) for n, p in campaign.parameters.items()}
        begin = {"parameters": parameters, "seed": seed, "first": dict(campaign.baseline or {})}
        study.request({"op": "begin", "direction": "maximize", **begin})
        for number in range(1, 1 + (campaign.budget.trials or 0)):
            asked = study.request({"op": "ask"})
            metrics = example.measured(asked["point"], _seed_of(seed, number))
            tried.add(asked["point"], metrics)
            told = {"value": None, "excess": []} if metrics is None else _told(tried, metrics)
            study.request({"op": "tell", "number": asked["number"], **told})
    tried.recommended = tried.best_measured
    return tried


def _seed_of(seed: int, trial: int) -> int:
    """Return the seed of a trial's evaluation, the same for all contestants."""
    return 10_000 * seed + trial


def _told(tried: Tried, metrics: Metrics) -> dict[str, Any]:
    return {"value": tried.worth(metrics), "excess": tried.excess(metrics)}


RIVALS: dict[str, Callable[[Example, int], Tried]] = {
    "overnight": by_overnight,
    "sobol": by_sobol_points,
    "optuna-tpe": by_optuna_tpe,
}
