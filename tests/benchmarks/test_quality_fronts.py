"""Cells with several objectives: their functions, fronts and noise, questions to peers, regrets and the table."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from botorch.test_functions import multi_objective
from watching_peer import WatchingPeer

from benchmarks.quality import problems
from benchmarks.quality.campaign_run import run_campaign
from benchmarks.quality.cells import CELLS, FRONTS, Cell
from benchmarks.quality.contestants import OwnContestant
from benchmarks.quality.front_search import searched_front, volume
from benchmarks.quality.further_metrics import table_of_cells
from benchmarks.quality.measures import judged_again, measure
from benchmarks.quality.peer_contestant import PeerContestant
from benchmarks.quality.problems import C2_DTLZ2, DTLZ2, TRUSS, FrontProblem
from benchmarks.quality.problems.fronts import DISCS
from benchmarks.quality.results import read_rows, store_row
from overnight.bo_core import SobolProposer
from overnight.bo_core.data.encoding import Encoding
from overnight.campaign.goal.front import hypervolume

WITH_FRONTS = {name: found for name, found in vars(problems).items() if isinstance(found, FrontProblem)}
BOTORCH = {
    "BRANIN_CURRIN": multi_objective.BraninCurrin(),
    "C2_DTLZ2": multi_objective.C2DTLZ2(dim=4),
    "DTLZ2": multi_objective.DTLZ2(dim=6),
    "DTLZ2_OF_3": multi_objective.DTLZ2(dim=6, num_objectives=3),
    "VEHICLE_SAFETY": multi_objective.VehicleSafety(),
    "ZDT1": multi_objective.ZDT1(dim=8),
}
SOBOL = OwnContestant(SobolProposer())
CORNER = {"x0": 0.0, **dict.fromkeys(["x1", "x2", "x3"], 0.5)}
CLOSER, FARTHER = ({**CORNER, "x0": 0.5, "x1": x1} for x1 in (0.5, 0.6))


def random_points(problem: FrontProblem, count: int) -> list[dict[str, Any]]:
    encoding = Encoding(problem.space)
    return [encoding.point_at(u) for u in np.random.default_rng(0).random((count, encoding.k)).tolist()]


def known_front(name: str) -> list[dict[str, Any]]:
    """Return many points of a front that is known from the literature or by calculus."""
    problem, line = WITH_FRONTS[name], np.linspace(0.0, 1.0, 4001).tolist()
    names = list(problem.parameters)
    if name == "TRUSS":
        # Both objectives are sums of a term for each bar, so scalarisation finds each area by itself.
        root = math.sqrt(2.0)
        areas = [
            (min(max(t, 1.0), 3.0), min(max(root * t, root), 3.0), root, min(max(root * t, 1.0), 3.0))
            for t in np.geomspace(0.7, 3.0, 4001)
        ]
        return [dict(zip(names, each, strict=True)) for each in areas]
    if name == "DTLZ2_OF_3":
        return [{**dict.fromkeys(names, 0.5), "x0": a, "x1": b} for a in line[::80] for b in line[::80]]
    rest = 0.0 if name == "ZDT1" else 0.5
    return [{**dict.fromkeys(names, rest), "x0": x} for x in line]


def values_of(problem: FrontProblem, points: list[dict[str, Any]]) -> np.ndarray:
    return np.array([problem.values(point) for point in points if problem.feasible(point)])


@pytest.mark.parametrize("name", BOTORCH)
def test_botorchs_functions_have_the_same_values_limits_and_reference_points(name):
    problem, theirs, points = WITH_FRONTS[name], BOTORCH[name], random_points(WITH_FRONTS[name], 500)
    X = torch.tensor([list(point.values()) for point in points], dtype=torch.float64)
    assert np.allclose([problem.values(point) for point in points], theirs.evaluate_true(X).numpy(), rtol=1e-12)
    assert problem.worst == pytest.approx(theirs.ref_point.tolist())
    if problem.limits:
        feasible = theirs.evaluate_slack_true(X)[:, 0] >= 0
        assert [problem.feasible(point) for point in points] == feasible.tolist()


def test_the_truss_has_the_ends_of_its_front_that_were_computed_by_hand():
    thin, thick = ({"x0": a, "x1": b, "x2": math.sqrt(2.0), "x3": a} for a, b in ((1.0, math.sqrt(2.0)), (3.0, 3.0)))
    assert TRUSS.values(thin) == pytest.approx([200 * (5 + 2**0.25), 0.04])
    assert TRUSS.values(thick) == pytest.approx([200 * (9 + 3 * 2**0.5 + 2**0.25), 0.01 * (4 / 3 + 8**0.5 / 3 - 2)])
    assert TRUSS.worst == pytest.approx([1.1 * TRUSS.values(thick)[0], 1.1 * 0.04], rel=1e-5)


@pytest.mark.parametrize(
    ("name", "missing"), [("C2_DTLZ2", 2e-3), ("DTLZ2", 2e-3), ("DTLZ2_OF_3", 0.05), ("TRUSS", 2e-3), ("ZDT1", 1e-5)]
)
def test_many_points_of_a_known_front_have_nearly_the_greatest_hypervolume_and_never_more(name, missing):
    problem = WITH_FRONTS[name]
    found = volume(values_of(problem, known_front(name)), problem.worst)
    assert problem.most * (1 - missing) < found <= problem.most * (1 + 1e-7)


def test_the_greatest_hypervolume_under_limits_is_that_beyond_the_arcs_that_the_discs_cut_out():
    def below(x: float) -> float:
        return 0.5 * (x * math.sqrt(1.0 - x * x) + math.asin(x))

    (_, small), _, (_, large) = DISCS
    end, half = 2.0 * math.asin(math.sqrt(small) / 2.0), 2.0 * math.asin(math.sqrt(large) / 2.0)
    first, last = math.cos(math.pi / 4 + half), math.cos(math.pi / 4 - half)
    arcs = below(math.sin(end)) + below(last) - below(first) + below(1.0) - below(math.cos(end))
    steps = (first - math.sin(end)) * math.cos(end) + (math.cos(end) - last) * math.sin(math.pi / 4 - half)
    assert pytest.approx(1.1**2 - arcs - steps, abs=1e-8) == C2_DTLZ2.most


@pytest.mark.slow
def test_a_short_search_finds_nearly_the_greatest_hypervolume_that_is_written_down_and_not_more():
    problem = WITH_FRONTS["BRANIN_CURRIN"]
    found = volume(searched_front(problem, rounds=5, squares=50), problem.worst)
    assert problem.most * (1 - 2e-3) < found <= problem.most


@pytest.mark.parametrize("count", [2, 3])
def test_the_volume_of_a_searched_front_is_the_hypervolume_of_its_points(count):
    Y = np.random.default_rng(count).random((60, count))
    turned = [tuple(-y for y in row) for row in Y.tolist()]
    assert volume(Y, [1.0] * count) == pytest.approx(hypervolume(turned, (-1.0,) * count))


def test_the_worth_of_points_is_the_hypervolume_of_the_feasible_ones():
    assert C2_DTLZ2.worth(CORNER) == pytest.approx(0.1 * 1.1)
    both = C2_DTLZ2.worth(CORNER, CLOSER)
    assert both == pytest.approx(0.1 * 1.1 + (1.1 - math.sqrt(0.5)) ** 2 - 0.1 * (1.1 - math.sqrt(0.5)))
    assert C2_DTLZ2.worth(CORNER, CLOSER, FARTHER) == both
    assert C2_DTLZ2.regret(CORNER, CLOSER) == pytest.approx(1 - both / C2_DTLZ2.most)
    infeasible = {**CORNER, "x0": 0.25}
    assert not C2_DTLZ2.feasible(infeasible)
    assert DTLZ2.worth({**infeasible, "x4": 0.5, "x5": 0.5}) > 0
    assert (C2_DTLZ2.worth(infeasible), C2_DTLZ2.regret(infeasible)) == (0.0, 1.0)


@pytest.mark.parametrize("problem", WITH_FRONTS.values(), ids=WITH_FRONTS)
def test_the_noise_of_each_objective_is_the_stated_share_of_its_spread(problem):
    spreads = values_of(replace(problem, limits={}), random_points(problem, 4000)).std(0)
    share = 0.1 if problem is DTLZ2 else 0.01 if problem.noise else 0.0
    noises = [objective.noise for objective in problem.objectives.values()]
    assert noises == pytest.approx((share * spreads).tolist(), rel=0.1)


@pytest.mark.parametrize("cell", FRONTS, ids=lambda cell: cell.name)
def test_a_campaign_declares_its_objectives_their_worst_values_its_limits_and_exact_results(cell: Cell):
    campaign = cell.campaign(0)
    goal, problem = campaign.goal, cell.problem
    assert isinstance(problem, FrontProblem)
    assert [(o.metric, o.direction, o.worst) for o in goal.objectives] == [
        (name, "minimize", objective.worst) for name, objective in problem.objectives.items()
    ]
    assert goal.metrics[1:] == tuple(problem.further)
    assert goal.limited == tuple(problem.limits)
    assert (campaign.noise == "none") == (problem.noise == 0.0)


def test_only_noisy_cells_have_noise_in_every_objective_and_all_contestants_get_the_same():
    noise = {}
    for name in ("dtlz2-4-workers", "truss-4-workers"):
        cell = replace(CELLS[name], trials=20)
        assert isinstance(cell.problem, FrontProblem)
        for who in (SOBOL, PeerContestant(WatchingPeer())):
            trials = run_campaign(cell, 0, who).history.trials.values()
            errors = [
                [t.measured[metric].mean - each.value(t.point) for metric, each in cell.problem.objectives.items()]
                for t in trials
            ]
            noise.setdefault(name, []).append(np.array(errors))
    assert np.allclose(*noise["dtlz2-4-workers"])
    assert noise["dtlz2-4-workers"][0].std(0) == pytest.approx([0.045, 0.045], rel=0.5)
    assert abs(np.corrcoef(noise["dtlz2-4-workers"][0].T)[0, 1]) < 0.7
    assert not np.any(noise["truss-4-workers"])


def test_a_peer_gets_every_objective_with_its_worst_value_and_recommends_a_front():
    peer = WatchingPeer(recommended=3)
    contestant, cell = PeerContestant(peer), replace(CELLS["c2-dtlz2-4-workers"], trials=12)
    run = run_campaign(cell, 0, contestant)
    observed = run.history.model_view().observed
    assert contestant.recommend(run.campaign, run.history) == tuple(trial.point for trial in observed[:3])
    question = peer.asked[-1]
    readings = [list(question.y), *map(list, question.further), *map(list, question.limited.values())]
    assert readings == [[t.measured[metric].mean for t in observed] for metric in ("f0", "f1", "outside_of_discs")]
    assert list(question.worst) == [1.1, 1.1]
    assert question.exact


@pytest.mark.parametrize("cell", ["dtlz2-8-workers", "c2-dtlz2-4-workers"])
def test_a_stored_campaign_with_several_objectives_judged_again_gives_the_row_that_it_gave_at_first(cell, tmp_path):
    store_row(measure(replace(CELLS[cell], trials=20), 0, "sobol"), tmp_path)
    row = read_rows("sobol", tmp_path)[0]
    assert row["recommended"] > 1
    assert 0.0 < row["best_tried_regret"] <= row["regret"] < 1.0
    spoilt = row | {"regret": 9.0, "true_value": 9.0, "recommended": 0, "judged_regret": 9.0}
    assert judged_again(spoilt) == row


def test_the_tables_have_hypervolumes_recommended_points_and_regrets_and_count_the_verdicts():
    def rows(who: str, regret: float) -> list[dict[str, Any]]:
        shared = {"cell": "truss-8-workers", "contestant": who, "charged": False, "points": [[1.0, 2.0, 2.0, 1.0]]}
        found = {"regret": regret, "true_value": 60 * (1 - regret), "best_tried_regret": 0.02}
        return [shared | found | {"seed": seed, "feasible": True, "recommended": 9 + seed % 2} for seed in range(6)]

    tables = table_of_cells(FRONTS, [*rows("overnight", 0.1), *rows("sobol", 0.2), *rows("ax", 0.08)]).split("\n\n")
    assert tables[0].splitlines()[2:] == [
        "| truss-8-workers | overnight | 6 | 6 | 9.5 | 54 | 0.1 | 0.02 | 0.0 | – | – |",
        "| truss-8-workers | sobol | 6 | 6 | 9.5 | 48 | 0.2 | 0.02 | 0.0 | -0.50 [-0.50, -0.50] | win |",
        "| truss-8-workers | ax | 6 | 6 | 9.5 | 55.2 | 0.08 | 0.02 | 0.0 | +0.10 [+0.10, +0.10] | loss |",
    ]
    assert tables[1].splitlines()[2:] == [
        "| sobol | 1 | 1 | 0 | 0 | 0 | -0.50 [-0.50, -0.50] |",
        "| ax | 1 | 0 | 0 | 1 | 0 | +0.10 [+0.10, +0.10] |",
    ]
    assert tables[2] == "Cells in which ours is worse than every peer: truss-8-workers."
