"""The questions about goals and spaces: noisy results of a known problem, as a campaign would hold them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from scipy.stats import qmc

from benchmarks.quality.cells import Cell as ProblemCell
from benchmarks.quality.native_contestant import question_in_space
from benchmarks.quality.peer_contestant import question_about
from benchmarks.quality.problems import DTLZ2, DTLZ2_OF_3, HARTMANN6_SUM, AnyProblem
from benchmarks.quality.problems.problem import Limit, of_numbers
from benchmarks.quality.problems.spaces import MIXED_ACKLEY, PIPELINE
from benchmarks.speed.contestants import AX, BOTORCH, OPTUNA
from benchmarks.speed.problem import Array, Cell, around
from overnight.bo_core.data.encoding import Encoding
from overnight.campaign import Campaign, History, Measurement, Point, Proposal, Trial
from overnight.campaign.goal.front import on_front
from overnight.campaign.history.provenance import Provenance
from overnight.campaign.history.trial import Observation
from overnight.campaign.history.trials import Trials

_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_BLOCK = 10


@dataclass(frozen=True)
class Kind:
    """A kind of question: a problem, and the numbers of its results and pending trials.

    `peers` are those that can be asked; they are asked in the parameters themselves if the question is about a `space`,
    and on the unit cube otherwise.
    """

    name: str
    problem: ProblemCell
    results: int
    pending: int
    peers: tuple[str, ...] = (BOTORCH, AX, OPTUNA)
    space: bool = False

    @property
    def cell(self) -> Cell:
        """Return the size of the question as one of the speed benchmark."""
        return Cell(self.results, Encoding(self.problem.problem.space).k, self.pending, 1)

    @property
    def small(self) -> "Kind":
        """Return a small question of this kind, to warm up with."""
        return replace(self, results=12, pending=2)


# The front of these objectives has x2 to x5 at 0.5. One limit cuts off half of it, the other one a hole in the rest.
_THREE_UNDER_LIMITS = replace(
    DTLZ2_OF_3,
    limits={
        "sum_above_3": Limit(of_numbers(lambda *x: sum(x) - 3.0), noise=0.07),
        "in_the_hole": Limit(of_numbers(lambda a, b, *_: 0.02 - (a - 0.3) ** 2 - (b - 0.3) ** 2), noise=0.01),
    },
)

LIMITED, TWO, THREE, MIXED, CONDITIONAL = "limited", "two objectives", "three limited", "mixed", "conditional"
KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(LIMITED, ProblemCell("hartmann6-sum", HARTMANN6_SUM, HARTMANN6_SUM.moderate), 100, 8),
        Kind(TWO, ProblemCell("dtlz2", DTLZ2, DTLZ2.noise), 100, 8),
        Kind(THREE, ProblemCell("dtlz2-of-3-limited", _THREE_UNDER_LIMITS, DTLZ2_OF_3.noise), 200, 8),
        Kind(MIXED, ProblemCell("mixed-ackley", MIXED_ACKLEY, MIXED_ACKLEY.moderate), 100, 4, space=True),
        Kind(CONDITIONAL, ProblemCell("pipeline", PIPELINE, PIPELINE.moderate), 100, 4, (AX, OPTUNA), space=True),
    )
}


@dataclass(frozen=True)
class Known:
    """What a campaign knows: points with `readings` of every metric, and then the points of pending trials."""

    campaign: Campaign
    points: tuple[Point, ...]
    readings: tuple[Mapping[str, float], ...]

    def before_the_last_result(self) -> "Known":
        """Return what was known before the last result arrived, when its trial was pending."""
        return replace(self, readings=self.readings[:-1])

    def history(self, provenance: Provenance | None = None) -> History:
        """Return the history; `provenance` belongs to the last trial, which the model then proposed."""
        trials = {}
        for i, point in enumerate(self.points, start=1):
            by_model = provenance if i == len(self.points) else None
            proposal = Proposal(point=point, generator="manual" if by_model is None else "model", provenance=by_model)
            outcome = _observation(self.readings[i - 1]) if i <= len(self.readings) else None
            trials[i] = Trial(id=i, proposal=proposal, proposed=_NOON, outcome=outcome)
        return History(trials=Trials(trials))

    def asked_of_peers(self, *, space: bool) -> dict[str, Any]:
        """Return the question as peers are asked it: in a space, or on the unit cube."""
        history = self.history()
        if space:
            return question_in_space(self.campaign, history).as_json()
        return question_about(self.campaign, history, Encoding(self.campaign.space)).as_json()


def _observation(readings: Mapping[str, float]) -> Observation:
    metrics = {name: Measurement(mean=mean) for name, mean in readings.items()}
    return Observation(attempt=1, metrics=metrics, ended=_NOON)


def known(kind: Kind, seed: int) -> Known:
    """Return the data of a question: half of the points are spread evenly, half lie around the best so far.

    As in the questions about one objective, each block of the second half lies around the best point before it, at
    distances from a fiftieth to a fifth of each range; a choice has an equal share of its range. The best is the best
    of the truly feasible points, or a random one of their true front. Pending points come from the next such block.
    """
    problem, encoding = kind.problem.problem, Encoding(kind.problem.problem.space)
    generator = np.random.default_rng([kind.results, *kind.name.encode(), seed])
    spread = (kind.results + 1) // 2
    sobol = qmc.Sobol(encoding.k, scramble=True, rng=generator)
    U = sobol.random_base2(max(spread - 1, 1).bit_length())[:spread]
    points, total = _points(encoding, U), kind.results + kind.pending
    while len(points) < total:
        room = (kind.results if len(points) < kind.results else total) - len(points)
        best = generator.choice(_best(problem, points[: kind.results]))
        block = around(U[best], min(_BLOCK, room), generator)
        U, points = np.concatenate([U, block]), [*points, *_points(encoding, block)]
    file = {"start_with": [], "budget": {"trials": 10 * total}}
    metrics = _metrics(kind.problem)
    readings = tuple(
        {name: value(point) + noise * generator.standard_normal() for name, (value, noise) in metrics.items()}
        for point in points[: kind.results]
    )
    return Known(kind.problem.campaign(seed, file), tuple(points), readings)


def _points(encoding: Encoding, U: Array) -> list[Point]:
    found = [encoding.point_at(row) for row in U.tolist()]
    return [point for point in found if point is not None]


def _metrics(cell: ProblemCell) -> dict[str, tuple[Any, float]]:
    """Return the function and the noise of each metric, the first objective first."""
    problem = cell.problem
    [first, *_] = cell.campaign(0).goal.objectives
    return {first.metric: (problem.first, cell.noise)} | {
        name: (metric.value, metric.noise) for name, metric in problem.further.items()
    }


def _best(problem: AnyProblem, points: list[Point]) -> list[int]:
    """Return the indices of the truly feasible points that no other one beats; of all points if none is feasible."""
    feasible = [i for i, point in enumerate(points) if problem.feasible(point)] or [*range(len(points))]
    further = [metric.value for name, metric in problem.further.items() if name not in problem.limits]
    values = [tuple(-value(points[i]) for value in (problem.first, *further)) for i in feasible]
    return [i for i, kept in zip(feasible, on_front(values), strict=True) if kept]
