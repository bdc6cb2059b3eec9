"""Cells with choices, branches, steps and constraints: their optima, and peers that get the parameters themselves."""

import math
from collections import Counter
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from benchmarks.peers import Recommended
from benchmarks.peers.space_question import Linear, SpaceQuestion
from benchmarks.quality.campaign_run import run_campaign
from benchmarks.quality.cells import CELLS, SPACES
from benchmarks.quality.contestants import OwnContestant, may_run
from benchmarks.quality.further_metrics import infeasible_trials, table_of_cells
from benchmarks.quality.measures import judged_again, measure
from benchmarks.quality.native_contestant import NativeContestant
from benchmarks.quality.problems import PRESSURE_VESSEL, SPEED_REDUCER, spaces
from benchmarks.quality.problems.spaces import (
    KNOWN_REDUCER,
    KNOWN_VESSEL,
    MIXED_ACKLEY,
    MIXTURE,
    PEST_CONTROL,
    PIPELINE,
)
from benchmarks.quality.problems.spaces.pest_control import control_cost
from benchmarks.quality.results import read_rows, store_row
from overnight.bo_core import SobolProposer
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.search.sobol import sobol_points

PROBLEMS = {name: getattr(spaces, name) for name in spaces.__all__}
SOBOL = OwnContestant(SobolProposer())


class Native:
    """A peer that proposes the same point each time and recommends the first result."""

    def __init__(self, point: dict[str, Any]) -> None:
        self.point, self.asked = point, list[SpaceQuestion]()

    def ask_in_space(self, question: SpaceQuestion, q: int) -> list[dict[str, Any]]:
        self.asked.append(question)
        return [self.point] * q

    def recommend(self, question: SpaceQuestion) -> Recommended:
        return Recommended([0], seconds=0.0)

    def versions(self) -> dict[str, str]:
        return {}


def points_of(problem, count=300):
    encoding = Encoding(problem.space)
    return sobol_points(encoding, 0, set(), count)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_the_optimum_is_an_allowed_point_and_no_other_point_is_better(problem):
    assert problem.space.problems(problem.best) == []
    assert problem.value(problem.best) == pytest.approx(problem.minimum, rel=1e-6, abs=1e-9)
    assert min(problem.value(point) for point in points_of(problem)) >= problem.minimum


@pytest.mark.parametrize("name", ["MIXED_ACKLEY", "MIXTURE", "PEST_CONTROL", "PIPELINE"])
def test_the_spread_written_down_is_that_of_the_function(name):
    values = [PROBLEMS[name].value(point) for point in points_of(PROBLEMS[name], 1000)]
    assert np.std(values) == pytest.approx(PROBLEMS[name].spread, rel=0.15)


def test_the_mixed_optimum_is_the_only_point_at_distance_zero():
    assert MIXED_ACKLEY.value(MIXED_ACKLEY.best) == 0.0
    for name, parameter in MIXED_ACKLEY.space.items():
        others = parameter.listed or (-1.0, 1.0)
        values = [MIXED_ACKLEY.value({**MIXED_ACKLEY.best, name: v}) for v in others if v != MIXED_ACKLEY.best[name]]
        assert min(values) > 0.1


def least_of_pipelines(**chosen):
    """Return the least value of one branch, by every whole number and local searches of the other numbers."""
    space: Any = PIPELINE.space.root
    active = [n for n in ("clip", "C", "gamma", "degree", "trees", "depth") if space[n].when.holds(chosen)]
    whole = [name for name in active if name in ("degree", "depth")]
    rest = [name for name in active if name not in whole]
    log = {name: space[name].is_logarithmic for name in rest}
    box = [np.log(space[name].bounds) if log[name] else space[name].bounds for name in rest]
    found = math.inf
    for levels in product(*(range(int(space[n].bounds[0]), int(space[n].bounds[1]) + 1) for n in whole)):

        def value(x, levels=levels):
            numbers = {n: math.exp(v) if log[n] else v for n, v in zip(rest, x, strict=True)}
            return PIPELINE.value({**chosen, **dict(zip(whole, levels, strict=True)), **numbers})

        for share in (0.2, 0.7):
            start = [low + share * (high - low) for low, high in box]
            found = min(found, minimize(value, start, method="L-BFGS-B", bounds=box).fun)
    return found


def test_a_search_of_every_branch_of_the_pipeline_finds_the_optimum_and_nothing_better():
    learners = [{"learner": name} for name in ("forest", "linear")]
    learners += [{"learner": "svm", "kernel": kernel} for kernel in ("flat", "poly", "rbf")]
    least = {
        (scaler, *learner.values()): least_of_pipelines(scaler=scaler, **learner)
        for scaler, learner in product(("none", "min_max", "standard"), learners)
    }
    assert min(least, key=least.__getitem__) == ("standard", "svm", "rbf")
    assert min(least.values()) == pytest.approx(PIPELINE.minimum, abs=1e-6)


def test_the_best_branch_of_the_pipeline_does_not_look_best_at_first():
    points = points_of(PIPELINE, 2000)
    middle = {
        learner: np.median([PIPELINE.value(point) for point in points if point["learner"] == learner])
        for learner in ("forest", "linear", "svm")
    }
    assert middle["forest"] < middle["linear"] < middle["svm"]


def test_no_mixture_of_a_grid_or_near_its_best_points_is_better_than_the_optimum():
    names = list(MIXTURE.parameters)
    limit = MIXTURE.space.limits[0].pairs[0].left

    def point(x):
        return dict(zip(names, (*x, 1.0 - sum(x)), strict=True))

    grid = [x for x in product(np.linspace(0.0, 1.0, 26), repeat=3) if sum(x) <= 1.0 and limit.value(point(x)) <= 0.6]
    grid.sort(key=lambda x: MIXTURE.value(point(x)))
    assert MIXTURE.value(point(grid[0])) >= MIXTURE.minimum
    inside = [
        {"type": "ineq", "fun": lambda x: 1.0 - sum(x)},
        {"type": "ineq", "fun": lambda x: 0.6 - limit.value(point(x))},
    ]
    ends = [
        minimize(lambda x: MIXTURE.value(point(x)), x, bounds=[(0, 1)] * 3, constraints=inside, tol=1e-12).fun
        for x in grid[:200:20]
    ]
    assert min(ends) == pytest.approx(MIXTURE.minimum, abs=1e-6)


@pytest.mark.parametrize(("known", "measured"), [(KNOWN_VESSEL, PRESSURE_VESSEL), (KNOWN_REDUCER, SPEED_REDUCER)])
def test_known_designs_allow_exactly_the_points_that_meet_the_limits_of_the_measured_ones(known, measured):
    encoding = Encoding(measured.space)
    uniform = np.random.default_rng(1).random((3000, encoding.k)).tolist()
    points: list[Any] = [encoding.point_at(u) for u in uniform]
    points += [measured.best, *({**measured.best, name: 1.001 * value} for name, value in measured.best.items())]

    def as_known(point):
        return {n: 0.0625 * v if n in ("shell", "head") else v for n, v in point.items()}

    whole = [{n: round(v) if isinstance(measured.best[n], int) else v for n, v in point.items()} for point in points]
    allowed = [known.space.problems(as_known(point)) == [] for point in whole]
    inside = [measured.space.problems(point) == [] and measured.feasible(point) for point in whole]
    assert allowed == inside
    assert sum(allowed) >= 1
    assert [known.value(as_known(point)) for point in whole] == pytest.approx([measured.value(p) for p in whole])


def test_descents_from_random_plans_of_pest_control_find_nothing_better_than_the_optimum():
    generator, least = np.random.default_rng(0), math.inf
    for start in [*generator.integers(5, size=(2, 25)).tolist(), [3] * 25]:
        plan, value = tuple(start), control_cost(tuple(start))
        while True:
            steps = [(*plan[:i], choice, *plan[i + 1 :]) for i in range(25) for choice in range(5)]
            best = min(steps, key=control_cost)
            if control_cost(best) >= value:
                break
            plan, value = best, control_cost(best)
        least = min(least, value)
    assert least == pytest.approx(PEST_CONTROL.minimum)


def test_pesticides_are_cheaper_in_quantity_and_a_plan_without_any_is_ruinous():
    assert control_cost((3,) * 25) < control_cost((3, 1) * 12 + (3,))
    assert control_cost((0,) * 25) > 20.0


@pytest.mark.parametrize("cell", SPACES, ids=lambda cell: cell.name)
def test_all_contestants_start_with_the_same_allowed_points(cell):
    native = NativeContestant(Native(dict(cell.problem.best)), cell.problem.parameter_constraints)
    ours, theirs = (cell.campaign(0, who.file) for who in (SOBOL, native))
    assert ours.start_with == theirs.start_with
    assert all(cell.problem.space.problems(point) == [] for point in theirs.start_with)
    assert theirs.parameter_constraints == ()


def test_a_point_of_a_peer_that_is_not_allowed_is_a_failed_trial_that_is_counted():
    cell = replace(CELLS["mixture-4-workers"], trials=12)
    peer = Native({"resin": 0.5, "filler": 0.0, "oil": 0.5, "water": 0.0})
    native = NativeContestant(peer, cell.problem.parameter_constraints)
    run = run_campaign(cell, 0, native)
    view = run.history.model_view()
    assert len(view.observed) + len(view.failed) == 12
    assert len(view.failed) == Counter(t.point["resin"] for t in run.history.trials.values())[0.5] > 0
    assert native.recommend(run.campaign, run.history) == (view.observed[0].point,)
    row = {"cell": cell.name, "failures": len(view.failed), "points": []}
    assert infeasible_trials(row) == len(view.failed)


def test_a_peer_gets_parameters_with_conditions_and_linear_constraints_as_sums():
    peer = Native(dict(MIXTURE.best))
    run_campaign(
        replace(CELLS["mixture-8-workers"], trials=16), 0, NativeContestant(peer, MIXTURE.parameter_constraints)
    )
    asked = peer.asked[-1]
    assert asked.linear == [Linear(dict.fromkeys(MIXTURE.parameters, 1.0), 1.0, equal=True)]
    assert asked.exact
    assert len(asked.X) == len(asked.y) == len(asked.excess["X"])
    assert all(-1.0 < over[0] <= 0.0 for over in asked.excess["X"])
    peer = Native(dict(PIPELINE.best))
    run_campaign(replace(CELLS["pipeline-8-workers"], trials=16), 0, NativeContestant(peer, ()))
    asked = peer.asked[-1]
    assert asked.parameters["gamma"]["when"] == {"kernel": ["poly", "rbf"]}
    assert any("gamma" not in point for point in asked.X)
    assert not asked.exact


def test_a_constraint_that_is_turned_has_the_same_sum():
    vessel = NativeContestant(Native({}), ["shell >= 0.0193 * radius", "radius**2 <= 9"])
    campaign = CELLS["known-vessel-4-workers"].campaign(0)
    run = run_campaign(replace(CELLS["known-vessel-4-workers"], trials=4), 0, SOBOL)
    asked = vessel.question(campaign, run.history, [])
    assert asked.linear == [Linear({"radius": 0.0193, "shell": -1.0}, 0.0)]
    point, over = asked.X[0], asked.excess["X"][0]
    assert over == [0.0193 * point["radius"] - point["shell"], point["radius"] ** 2 - 9]


def test_contestants_run_only_the_spaces_that_they_can_express():
    ran = {who: [c.name for c in SPACES if may_run(who, c)] for who in ("overnight", "ax", "botorch", "hebo")}
    assert len(ran["overnight"]) == len(ran["ax"]) == len(SPACES)
    assert ran["botorch"] == ["mixed-ackley-4-workers", "mixed-ackley-8-workers", "pest-control-4-workers"]
    assert ran["hebo"] == []


@pytest.mark.parametrize("name", ["pipeline-4-workers", "mixture-4-workers"])
def test_a_stored_campaign_of_such_a_space_judged_again_gives_the_row_that_it_gave_at_first(name, tmp_path):
    store_row(measure(replace(CELLS[name], trials=14), 0, "sobol"), tmp_path)
    row = read_rows("sobol", tmp_path)[0]
    assert judged_again(row | {"regret": 9.0, "true_value": 9.0, "judged_regret": 9.0}) == row
    assert table_of_cells(SPACES, [row]).splitlines()[2].startswith(f"| {name} | sobol | 1 | 1 | 1.0 |")
