"""The cells of the benchmark, declared before any measurement: the problem, the noise and the workers of each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from benchmarks.quality.cost_regions import CostRegion
from benchmarks.quality.durations import DurationKind
from benchmarks.quality.failure_regions import FailureRegion
from benchmarks.quality.problems import (
    ACKLEY8,
    ACKLEY20,
    BINARY25,
    BOWL6,
    BRANIN,
    BRANIN_CURRIN,
    C2_DTLZ2,
    CHOICES_AND_FLOATS,
    CLIFF,
    DTLZ2,
    DTLZ2_OF_3,
    GARDNER1,
    GARDNER2,
    GRAMACY,
    HARTMANN3,
    HARTMANN6,
    HARTMANN6_SUM,
    LEVY4_OF_20,
    LEVY10,
    PRESSURE_VESSEL,
    SPEED_REDUCER,
    SPRING,
    TREE_MODEL,
    TRUSS,
    VEHICLE_SAFETY,
    WELDED_BEAM,
    ZDT1,
    AnyProblem,
    Problem,
)
from benchmarks.quality.problems.spaces import (
    KNOWN_REDUCER,
    KNOWN_VESSEL,
    MIXED_ACKLEY,
    MIXTURE,
    PEST_CONTROL,
    PIPELINE,
)
from overnight.bo_core import BayesianProposer
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.search.sobol import sobol_points
from overnight.campaign import Campaign


@dataclass(frozen=True)
class Cell:
    """One kind of campaign; a seed makes it one campaign.

    A twentieth of the readings is wrong by `glitch`, in the function's spreads; below 0 they are too good. In a
    `native` cell, peers get the parameters themselves, in other cells the unit cube of our encoding.
    """

    name: str
    problem: AnyProblem
    noise: float
    workers: int = 8
    durations: DurationKind = "log-normal"
    failure_rate: float = 0.0
    glitch: float = 0.0
    fails: FailureRegion | None = None
    trials: int = 60
    costs: CostRegion | None = None
    cost_budget: float | None = None
    native: bool = False

    def campaign(self, seed: int, file: Mapping[str, object] | None = None) -> Campaign:
        """Return the campaign, which starts with the same Sobol points for every contestant.

        Entries of `file` are added to the campaign's file.

        There are as many as our own proposer would use, and at least one per worker: before the first result there is
        nothing to learn from. A failed trial is not repeated, and no run of failures ends the campaign.
        """
        encoding = Encoding(self.problem.space)
        count = max(BayesianProposer().initial_points(encoding.k, self.trials), min(self.workers, self.trials))
        return Campaign.model_validate(
            {
                "name": self.name,
                "parameters": self.problem.parameters,
                "parameter_constraints": self.problem.parameter_constraints,
                **self.problem.objectives_in_file,
                "workers": self.workers,
                "budget": {"trials": self.trials, "cost": self.cost_budget},
                "start_with": sobol_points(encoding, seed, set(), count),
                "failures": {"max_attempts": 1, "max_in_a_row": self.trials + 1},
                "seed": seed,
                **self._further_metrics,
                **(file or {}),
            }
        )

    @property
    def function(self) -> Problem:
        """Return the problem, which must have a single objective."""
        assert isinstance(self.problem, Problem)
        return self.problem

    @property
    def _further_metrics(self) -> Mapping[str, object]:
        """Return the limits, and that exact results are exact if there are limits or constraints."""
        limits = [f"{metric} <= 0" for metric in self.problem.limits]
        declared = self.problem.further or self.problem.parameter_constraints
        noise = {"noise": "infer" if self.noise else "none"} if declared else {}
        return {"constraints": limits, **noise}


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

# Ten times the spread is beyond the whole range of Hartmann-6.
_GLITCH = 10.0
_OF_20_TRIALS = AGAINST_ADVICE[:2]

# Cells that the grid lacks: categories, bowls, glitches, a cliff, idle parameters, and few trials on six functions.
ADDED = (
    Cell("choices-and-floats", CHOICES_AND_FLOATS, CHOICES_AND_FLOATS.moderate),
    Cell("binary25", BINARY25, BINARY25.moderate),
    Cell("tree-model", TREE_MODEL, TREE_MODEL.moderate),
    Cell("bowl6-exact", BOWL6, 0.0),
    Cell("bowl6-moderate", BOWL6, BOWL6.moderate),
    replace(_HARTMANN6, name="hartmann6-too-good", glitch=-_GLITCH),
    replace(_HARTMANN6, name="hartmann6-too-bad", glitch=_GLITCH),
    Cell("cliff", CLIFF, CLIFF.moderate),
    Cell("levy4-of-20", LEVY4_OF_20, LEVY4_OF_20.moderate),
    *_OF_20_TRIALS,
    *(
        Cell(f"{name}-20-trials", problem, problem.moderate, workers=4, trials=20)
        for name, problem in (
            ("hartmann6", HARTMANN6),
            ("bowl6", BOWL6),
            ("choices-and-floats", CHOICES_AND_FLOATS),
            ("tree-model", TREE_MODEL),
        )
    ),
)

# Cells with limits on other metrics than the objective. In two of them all readings have noise.
CONSTRAINED = (
    Cell("hartmann6-sum", HARTMANN6_SUM, HARTMANN6_SUM.moderate),
    Cell("gardner1-20-trials", GARDNER1, 0.0, workers=4, trials=20),
    Cell("gardner2", GARDNER2, 0.0),
    Cell("gramacy-exact", GRAMACY, 0.0),
    Cell("gramacy-moderate", GRAMACY, GRAMACY.moderate),
    Cell("welded-beam", WELDED_BEAM, 0.0),
    Cell("pressure-vessel", PRESSURE_VESSEL, 0.0),
    Cell("speed-reducer", SPEED_REDUCER, 0.0),
    Cell("spring", SPRING, 0.0),
)

# Cells with several objectives, each with few and with many workers.
_WITH_FRONTS = (
    ("branin-currin", BRANIN_CURRIN),
    ("dtlz2", DTLZ2),
    ("dtlz2-of-3", DTLZ2_OF_3),
    ("c2-dtlz2", C2_DTLZ2),
    ("zdt1", ZDT1),
    ("vehicle-safety", VEHICLE_SAFETY),
    ("truss", TRUSS),
)
FRONTS = tuple(
    Cell(f"{name}-{workers}-workers", problem, problem.noise, workers=workers)
    for name, problem in _WITH_FRONTS
    for workers in (4, 8)
)

# Cells with spaces as people have them: many choices, branches, steps, and constraints between parameters.
_IN_SPACES = (
    ("mixed-ackley", MIXED_ACKLEY),
    ("pipeline", PIPELINE),
    ("known-vessel", KNOWN_VESSEL),
    ("known-reducer", KNOWN_REDUCER),
    ("mixture", MIXTURE),
)
SPACES = (
    *(
        Cell(f"{name}-{workers}-workers", problem, problem.moderate, workers=workers, native=True)
        for name, problem in _IN_SPACES
        for workers in (4, 8)
    ),
    Cell("pest-control-4-workers", PEST_CONTROL, PEST_CONTROL.moderate, workers=4, native=True),
)

_GROUPS = (GRID, AGAINST_ADVICE, FAILING, COSTLY, ADDED, CONSTRAINED, FRONTS, SPACES)
CELLS = {cell.name: cell for group in _GROUPS for cell in group}
