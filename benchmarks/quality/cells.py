"""The cells of the benchmark, declared before any measurement: the problem, the noise and the workers of each."""

from dataclasses import dataclass, replace

from benchmarks.quality.cost_regions import CostRegion
from benchmarks.quality.durations import DurationKind
from benchmarks.quality.failure_regions import FailureRegion
from benchmarks.quality.problems import ACKLEY8, ACKLEY20, BRANIN, HARTMANN3, HARTMANN6, LEVY10, Problem
from overnight.bo_core import BayesianProposer
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.search.sobol import sobol_points
from overnight.campaign import Campaign
from overnight.campaign.space import Space


@dataclass(frozen=True)
class Cell:
    """One kind of campaign; a seed makes it one campaign."""

    name: str
    problem: Problem
    noise: float
    workers: int = 8
    durations: DurationKind = "log-normal"
    failure_rate: float = 0.0
    fails: FailureRegion | None = None
    trials: int = 60
    costs: CostRegion | None = None
    cost_budget: float | None = None

    def campaign(self, seed: int) -> Campaign:
        """Return the campaign, which starts with the same Sobol points for every contestant.

        There are as many as our own proposer would use, and at least one per worker: before the first result there is
        nothing to learn from. A failed trial is not repeated, and no run of failures ends the campaign.
        """
        encoding = Encoding(Space.model_validate(self.problem.parameters))
        count = max(BayesianProposer().initial_points(encoding.k, self.trials), min(self.workers, self.trials))
        return Campaign.model_validate(
            {
                "name": self.name,
                "parameters": self.problem.parameters,
                "minimize": "value",
                "workers": self.workers,
                "budget": {"trials": self.trials, "cost": self.cost_budget},
                "start_with": sobol_points(encoding, seed, set(), count),
                "failures": {"max_attempts": 1, "max_in_a_row": self.trials + 1},
                "seed": seed,
            }
        )


_NAMED = (("branin", BRANIN), ("hartmann6", HARTMANN6), ("ackley8", ACKLEY8), ("levy10", LEVY10))
_HARTMANN6 = Cell("hartmann6-moderate", HARTMANN6, HARTMANN6.moderate)

GRID = (
    *(Cell(f"{name}-moderate", problem, problem.moderate) for name, problem in _NAMED),
    *(Cell(f"{name}-dominating", problem, problem.dominating) for name, problem in _NAMED),
    replace(_HARTMANN6, name="hartmann6-1-worker", workers=1),
    replace(_HARTMANN6, name="hartmann6-16-workers", workers=16),
    replace(_HARTMANN6, name="hartmann6-pareto", durations="pareto"),
    replace(_HARTMANN6, name="hartmann6-failures", failure_rate=0.1),
)

# Cases for which Bayesian optimisation is not recommended: few evaluations, many dimensions, more noise than signal.
AGAINST_ADVICE = (
    Cell("branin-20-trials", BRANIN, BRANIN.moderate, workers=4, trials=20),
    Cell("hartmann3-20-trials", HARTMANN3, HARTMANN3.moderate, workers=4, trials=20),
    Cell("ackley20-100-trials", ACKLEY20, ACKLEY20.moderate, trials=100),
    Cell("hartmann6-noise-3x", HARTMANN6, round(3 * HARTMANN6.spread, 2)),
)

# Cells in which points fail through their own fault; in `tenth`, a tenth of all trials fails independently of the
# point.
_REGIONS: tuple[FailureRegion, ...] = ("half", "disc", "narrow", "tenth")
FAILING = tuple(
    Cell(f"{name}-{region}-fails", problem, problem.moderate, fails=region)
    for name, problem in (("branin", BRANIN), ("hartmann6", HARTMANN6))
    for region in _REGIONS
)

# Cells with evaluations that cost between 1 and 16. The budget is 60 times the middle of this range on a log scale.
_COSTS: tuple[CostRegion, ...] = ("cheap", "dear", "slope", "random")
COSTLY = tuple(
    Cell(f"{name}-{costs}-costs", problem, problem.moderate, workers=4, trials=250, costs=costs, cost_budget=240.0)
    for name, problem in (("branin", BRANIN), ("hartmann6", HARTMANN6))
    for costs in _COSTS
)

CELLS = {cell.name: cell for cell in (*GRID, *AGAINST_ADVICE, *FAILING, *COSTLY)}
