"""Compare one campaign over three contexts with a campaign for each: `python -m benchmarks.contexts`.

The contexts have the same function, moved by a share of each range, multiplied and raised, so that their levels and
spreads differ by a factor of ten. Both ways have the same total budget and the same settings. After every third trial
each context is recommended a measured point; counted is the regret there, in the unit of the function itself.
"""

import argparse
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import mean, median

import numpy as np
import torch

from benchmarks.quality.problems import BRANIN, HARTMANN3, HARTMANN6
from benchmarks.quality.problems.problem import Problem
from benchmarks.seeds import seeds_of
from overnight.bo_core import BayesianProposer
from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Measurement, Point
from overnight.campaign.history.events import AttemptStarted, CampaignDefined, Event, TrialObserved, TrialProposed
from overnight.campaign.history.provenance import Provenance
from overnight.campaign.history.trial import Generator

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_NAME = "site"
# How much a context multiplies the function and raises it, in its spread.
CONTEXTS: Mapping[str, tuple[float, float]] = {"north": (1.0, 0.0), "east": (3.0, 5.0), "south": (10.0, -20.0)}
PROPOSER = BayesianProposer()


@dataclass(frozen=True)
class Family:
    """Related functions: those of the contexts are moved by a share of each range, in directions drawn by the seed."""

    problem: Problem
    moved: float
    trials: int
    noise: float = 0.0

    def moves(self, seed: int) -> dict[str, dict[str, float]]:
        """Return by how much each context moves the optimum of each parameter."""
        rng, found = np.random.default_rng([seed, 44]), dict[str, dict[str, float]]()
        for name in CONTEXTS:
            found[name] = {
                each: float(rng.choice((-1.0, 1.0))) * self.moved * (high - low)
                for each, (low, high) in self._ranges().items()
            }
        return found

    def regret(self, moves: Mapping[str, float], point: Point) -> float:
        """Return how much worse the function is at a point than at its optimum."""
        at = {name: float(point[name]) - move for name, move in moves.items()}
        return self.problem.value(at) - self.problem.minimum

    def _ranges(self) -> dict[str, tuple[float, float]]:
        return {n: (float(str(p["low"])), float(str(p["high"]))) for n, p in self.problem.parameters.items()}


FAMILIES: Mapping[str, Family] = {
    "branin": Family(BRANIN, 0.05, 15),
    "hartmann3": Family(HARTMANN3, 0.05, 15),
    "hartmann6": Family(HARTMANN6, 0.05, 20),
    "branin, noisy": Family(BRANIN, 0.05, 20, noise=0.1),
    "branin, far apart": Family(BRANIN, 0.3, 15),
}


@dataclass(frozen=True)
class Row:
    """The mean regret of the contexts, in spreads of the function, after each third of the trials and at the end."""

    together: list[float]
    apart: list[float]


def measured(family: Family, seed: int) -> Row:
    """Run the campaign over all contexts, and one for each."""
    torch.set_num_threads(1)
    moves = family.moves(seed)
    whole = _campaign(family, seed, {_NAME: [*CONTEXTS]}, family.trials * len(CONTEXTS))
    together = _run(family, seed, moves, whole, None)
    each = [_run(family, seed, moves, _campaign(family, seed, None, family.trials), name) for name in CONTEXTS]
    return Row(together, [mean(regrets) for regrets in zip(*each, strict=True)])


def _campaign(family: Family, seed: int, context: Mapping[str, list[str]] | None, trials: int) -> Campaign:
    definition = {"name": "contexts", "minimize": "loss", "seed": seed, "parameters": family.problem.parameters}
    noise = "infer" if family.noise else "none"
    return Campaign.model_validate({**definition, "noise": noise, "context": context, "budget": {"trials": trials}})


def _run(
    family: Family, seed: int, moves: Mapping[str, Mapping[str, float]], campaign: Campaign, name: str | None
) -> list[float]:
    """Return the regret of what is recommended after each third of the trials; that of all contexts without a name."""
    history, found = History.from_events([_defined(campaign)]), list[float]()
    count = campaign.budget.trials
    for number in range(1, count + 1):
        [proposal] = propose(campaign, history, PROPOSER, 1)
        here = name or str(proposal.point[_NAME])
        loss = _loss(family, seed, here, moves[here], proposal.point, number)
        history = history.extended([*_tried(number, proposal.point, proposal.generator, loss, proposal.provenance)])
        if number in (count // 3, 2 * count // 3, count):
            found.append(_regret(family, moves, campaign, history, name))
    return found


def _regret(
    family: Family, moves: Mapping[str, Mapping[str, float]], campaign: Campaign, history: History, name: str | None
) -> float:
    made = recommend(campaign, history, PROPOSER, anywhere=False)
    assert made is not None
    if name is not None:
        points = {name: made.point}
    else:
        points = {str(each.given[_NAME]): each.recommendation.point for each in made.contexts}
    return mean(family.regret(moves[each], point) / family.problem.spread for each, point in points.items())


def _loss(family: Family, seed: int, name: str, moves: Mapping[str, float], point: Point, number: int) -> float:
    factor, level = CONTEXTS[name]
    noise = family.noise * np.random.default_rng([seed, number, len(name)]).standard_normal()
    return factor * (family.regret(moves, point) / family.problem.spread + noise + level)


def _defined(campaign: Campaign) -> CampaignDefined:
    return CampaignDefined(time=_NOON, actor="benchmark", uid="contexts", definition=campaign)


def _tried(trial: int, point: Point, generator: Generator, loss: float, made: Provenance | None) -> Iterator[Event]:
    yield TrialProposed(time=_NOON, actor="benchmark", trial=trial, point=point, generator=generator, provenance=made)
    yield AttemptStarted(time=_NOON, actor="benchmark", trial=trial, attempt=1, key=str(trial))
    yield TrialObserved(time=_NOON, actor="benchmark", trial=trial, attempt=1, metrics={"loss": Measurement(mean=loss)})


def _line(name: str, rows: list[Row]) -> str:
    cells = [f"{median(r.together[i] for r in rows):.4f} / {median(r.apart[i] for r in rows):.4f}" for i in range(3)]
    better = sum(row.together[-1] < row.apart[-1] for row in rows)
    return f"| {name} | {' | '.join(cells)} | {better} of {len(rows)} |"


def main() -> None:
    """Print one row for each family."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0-11")
    parser.add_argument("--families", default=";".join(FAMILIES))
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    seeds = seeds_of(asked.seeds)
    print("| family | a third | two thirds | the end | better together |\n|---|---|---|---|---|")
    with ProcessPoolExecutor(asked.processes) as pool:
        for name in asked.families.split(";"):
            rows = [*pool.map(measured, [FAMILIES[name]] * len(seeds), seeds)]
            print(_line(name, rows), flush=True)


if __name__ == "__main__":
    main()
