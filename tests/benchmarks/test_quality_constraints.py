"""Cells with limits: their optima and penalties, readings, questions to peers, regrets and the table."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from botorch.test_functions import synthetic
from scipy.optimize import NonlinearConstraint, differential_evolution
from watching_peer import WatchingPeer

from benchmarks.quality import commands, problems
from benchmarks.quality.campaign_run import run_campaign
from benchmarks.quality.cells import CELLS, CONSTRAINED, Cell
from benchmarks.quality.contestants import OwnContestant
from benchmarks.quality.further_metrics import infeasible_trials, table_of_cells
from benchmarks.quality.measures import judged_again, measure
from benchmarks.quality.peer_contestant import PeerContestant
from benchmarks.quality.problems import GARDNER1, GRAMACY, HARTMANN6_SUM, PRESSURE_VESSEL, Problem
from benchmarks.quality.results import read_rows, store_row
from overnight.bo_core import SobolProposer
from overnight.bo_core.data.encoding import Encoding

LIMITED = {name: found for name, found in vars(problems).items() if isinstance(found, Problem) and found.limits}
# BoTorch's functions with the limits in the order of theirs. The last one of its beam is left out: the buckling load is
# 36 times the one of the source.
BOTORCH = {
    "GRAMACY": (synthetic.ConstrainedGramacy(), list(problems.GRAMACY.limits)),
    "WELDED_BEAM": (
        synthetic.WeldedBeamSO(bounds=[(0.0, 10.0)] * 4),
        ["shear", "bending", "weld_beyond_beam", "material", "deflection"],
    ),
    "PRESSURE_VESSEL": (synthetic.PressureVessel(bounds=[(0.0, 200.0)] * 4), ["thin_shell", "thin_head", "small"]),
    "SPEED_REDUCER": (synthetic.SpeedReducer(), list(problems.SPEED_REDUCER.limits)),
    "SPRING": (synthetic.TensionCompressionString(bounds=[(0.0, 20.0)] * 3), list(problems.SPRING.limits)),
}
NOISY = CELLS["gramacy-moderate"]
SOBOL = OwnContestant(SobolProposer())


def least_feasible(problem: Problem) -> float:
    """Return the least feasible value that an evolution of about 80 points finds."""
    tuned = problem.space.tuned()
    whole = [isinstance(value, int) for value in problem.best.values()]

    def at(x: Any) -> dict[str, float]:
        return {name: round(v) if w else float(v) for name, v, w in zip(tuned, x, whole, strict=True)}

    limits = NonlinearConstraint(lambda x: [limit.value(at(x)) for limit in problem.limits.values()], -np.inf, 0.0)
    found = differential_evolution(
        lambda x: problem.value(at(x)),
        [parameter.bounds for parameter in tuned.values()],
        constraints=limits,
        integrality=whole,
        popsize=80 // len(tuned),
        maxiter=1500,
        tol=1e-9,
        seed=1,
        polish=False,
    )
    assert problem.feasible(at(found.x))
    return found.fun


# An evolution takes long on the other two, whose optima are in the literature.
EVOLVED = {name: found for name, found in LIMITED.items() if name not in ("SPEED_REDUCER", "WELDED_BEAM")}


@pytest.mark.slow
@pytest.mark.parametrize("problem", EVOLVED.values(), ids=EVOLVED)
def test_an_evolution_under_the_limits_finds_the_optimum_and_nothing_better(problem):
    assert least_feasible(problem) == pytest.approx(problem.minimum, rel=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("problem", LIMITED.values(), ids=LIMITED)
def test_the_penalty_is_the_mean_over_the_feasible_points(problem):
    encoding = Encoding(problem.space)
    cube = torch.quasirandom.SobolEngine(encoding.k, scramble=True, seed=0).draw(2**16).double().tolist()
    feasible = [point for u in cube if problem.feasible(point := encoding.point_at(u))]
    assert np.mean([problem.value(point) for point in feasible]) == pytest.approx(problem.penalty, rel=2e-3)


@pytest.mark.parametrize("name", BOTORCH)
def test_botorchs_functions_have_the_same_values_and_meet_the_same_limits(name):
    problem, (theirs, shared) = LIMITED[name], BOTORCH[name]
    encoding = Encoding(problem.space)
    points = [encoding.point_at(u) for u in np.random.default_rng(3).random((500, encoding.k)).tolist()]
    X = torch.tensor([list(point.values()) for point in points], dtype=torch.float64)
    if name == "PRESSURE_VESSEL":
        X[:, :2] /= 16.0
    assert [problem.value(point) for point in points] == pytest.approx(theirs.evaluate_true(X).tolist())
    slack = theirs.evaluate_slack_true(X)
    for column, limit in enumerate(shared):
        assert [problem.limits[limit].value(point) <= 0 for point in points] == (slack[:, column] >= 0).tolist()


@pytest.mark.parametrize("problem", LIMITED.values(), ids=LIMITED)
def test_the_optimum_is_feasible_and_no_point_has_a_larger_regret_than_an_infeasible_one(problem):
    assert problem.feasible(problem.best)
    encoding = Encoding(problem.space)
    points = [encoding.point_at(u) for u in np.random.default_rng(2).random((500, encoding.k)).tolist()]
    most = max(problem.regret(point) for point in points)
    assert most == problem.penalty - problem.minimum
    assert all(problem.regret(point) == most for point in points if not problem.feasible(point))


def test_points_at_which_limits_were_computed_by_hand():
    assert HARTMANN6_SUM.feasible({f"x{i}": 0.5 for i in range(6)})
    assert not HARTMANN6_SUM.feasible({f"x{i}": 0.501 for i in range(6)})
    assert not GARDNER1.feasible({"x0": 0.0, "x1": 0.0})
    assert not GRAMACY.feasible({"x0": 1.0, "x1": 1.0})
    thin, thick = ({"shell": n, "head": n, "radius": 100.0, "length": 50.0} for n in (30, 31))
    assert (PRESSURE_VESSEL.feasible(thin), PRESSURE_VESSEL.feasible(thick)) == (False, True)


def test_only_cells_with_noise_have_noise_in_limited_metrics_and_all_contestants_get_the_same():
    noise = {}
    for name, cell in (("noisy", NOISY), ("exact", CELLS["gramacy-exact"])):
        for who in (SOBOL, PeerContestant(WatchingPeer())):
            trials = run_campaign(replace(cell, trials=20), 0, who).history.trials.values()
            errors = [
                [t.measured[metric].mean - limit.value(t.point) for metric, limit in GRAMACY.limits.items()]
                for t in trials
            ]
            noise.setdefault(name, []).append(np.array(errors))
    assert np.allclose(*noise["noisy"])
    assert noise["noisy"][0].std(0) == pytest.approx([0.08, 0.04], rel=0.5)
    assert abs(np.corrcoef(noise["noisy"][0].T)[0, 1]) < 0.7
    assert not np.any(noise["exact"])


@pytest.mark.parametrize(("cell", "exact"), [("gramacy-moderate", False), ("gardner1-20-trials", True)])
def test_a_peer_gets_every_limited_metric_of_every_result_and_whether_results_are_exact(cell, exact):
    peer = WatchingPeer()
    row_of = PeerContestant(peer)
    run = run_campaign(replace(CELLS[cell], trials=12), 0, row_of)
    assert row_of.recommend(run.campaign, run.history) == (run.history.model_view().observed[0].point,)
    for question in peer.asked:
        assert list(question.limited) == list(CELLS[cell].problem.limits)
        assert all(len(values) == len(question.X) for values in question.limited.values())
        assert question.exact is exact
    readings = [t.measured[m].mean for m in peer.asked[-1].limited for t in run.history.model_view().observed]
    assert [v for values in peer.asked[-1].limited.values() for v in values] == readings


@pytest.mark.parametrize("cell", ["gardner1-20-trials", "gramacy-moderate"])
def test_a_stored_campaign_under_limits_judged_again_gives_the_row_that_it_gave_at_first(cell, tmp_path):
    store_row(measure(CELLS[cell], 0, "sobol"), tmp_path)
    row = read_rows("sobol", tmp_path)[0]
    spoilt = row | {"regret": 9.0, "true_value": 9.0, "feasible": None, "judged_regret": 9.0, "curve_judged_regret": []}
    assert judged_again(spoilt) == row


def test_the_table_counts_feasible_recommendations_and_infeasible_trials_and_compares_means():
    low, high = [0.1951227, 0.4046654], [0.0, 0.0]
    penalty = GRAMACY.penalty - GRAMACY.minimum

    def rows(who: str, regrets: list[float], points: list[list[float]]) -> list[dict[str, Any]]:
        shared = {"cell": "gramacy-exact", "contestant": who, "charged": False, "points": points}
        return [
            shared
            | {"seed": seed, "regret": r, "true_value": 0.6 + r, "best_tried_regret": 0.1}
            | {"feasible": r < penalty, "recommended": 1}
            for seed, r in enumerate(regrets)
        ]

    ours = rows("overnight", [0.1] * 6, [low, low])
    sobol = rows("sobol", [0.2] * 6, [low, high])
    # A median would hide two infeasible recommendations of six.
    rival = rows("botorch", [0.1] * 4 + [penalty] * 2, [high, high])
    lines = table_of_cells(CONSTRAINED, [*ours, *sobol, *rival]).splitlines()[2:]
    assert lines[0] == "| gramacy-exact | overnight | 6 | 6 | 1.0 | 0.7 | 0.1 | 0.1 | 0.0 | – | – |"
    assert lines[1] == "| gramacy-exact | sobol | 6 | 6 | 1.0 | 0.8 | 0.2 | 0.1 | 1.0 | -0.50 [-0.50, -0.50] | win |"
    mean = (0.1 - penalty) / 0.2 / 3
    assert lines[2].startswith(f"| gramacy-exact | botorch | 6 | 4 | 1.0 | 0.7 | 0.1 | 0.1 | 2.0 | {mean:+.2f} [")
    assert infeasible_trials(sobol[0]) == 1


def test_contestants_that_know_a_single_metric_are_left_out_of_cells_with_several(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(commands, "run_and_store", lambda tasks, folder, jobs: ran.extend(tasks))
    cells = ["spring", "truss-4-workers", "branin-moderate"]
    commands.run(tmp_path, ["sobol", "hebo", "ax"], cells, [0], 1, again=False, charge=False)
    assert [(task.contestant, task.cell) for task in ran] == [
        *((who, "spring") for who in ("sobol", "ax")),
        *((who, "truss-4-workers") for who in ("sobol", "ax")),
        *((who, "branin-moderate") for who in ("sobol", "hebo", "ax")),
    ]


@pytest.mark.parametrize("cell", CONSTRAINED, ids=lambda cell: cell.name)
def test_a_campaign_declares_its_limits_and_exact_results(cell: Cell):
    campaign = cell.campaign(0)
    assert campaign.goal.limited == tuple(cell.problem.limits)
    assert all(campaign.goal.limits(metric)[1] == 0.0 for metric in campaign.goal.limited)
    assert (campaign.noise == "none") == (cell.noise == 0.0)
