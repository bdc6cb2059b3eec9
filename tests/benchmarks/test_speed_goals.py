"""Asks about goals and spaces: their data, a round, the judge of our points, and the table."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from botorch.posteriors import GPyTorchPosterior

from benchmarks.peers.registry import FOLDER
from benchmarks.speed.contestants import DEFAULT_COLD, DEFAULT_WARM, OPTUNA, Contestant
from benchmarks.speed.goals.judge import GoalJudge, as_botorch
from benchmarks.speed.goals.questions import CONDITIONAL, KINDS, LIMITED, MIXED, THREE, TWO, known
from benchmarks.speed.goals.rounds import play
from benchmarks.speed.goals.table import demands
from benchmarks.speed.goals.worker import answer
from benchmarks.speed.origin import Origin
from benchmarks.speed.results import read, write
from benchmarks.speed.seat import Attempt, Seat
from benchmarks.speed.table import tables
from benchmarks.speed.worker import proposer_of
from overnight.campaign.goal.front import hypervolume
from overnight.campaign.history.provenance import MadeBy, Provenance


@pytest.mark.parametrize(
    ("name", "results", "pending", "objectives", "limits"),
    [
        (LIMITED, 100, 8, 1, 1),
        (TWO, 100, 8, 2, 0),
        (THREE, 200, 8, 3, 2),
        (MIXED, 100, 4, 1, 0),
        (CONDITIONAL, 100, 4, 1, 0),
    ],
)
def test_a_question_has_the_results_pending_trials_objectives_and_limits_of_its_goal(
    name, results, pending, objectives, limits
):
    asked, problem = known(KINDS[name], 1), KINDS[name].problem.problem
    view, goal = asked.history().model_view(), asked.campaign.goal
    assert (len(view.observed), len(view.pending)) == (results, pending)
    assert (len(goal.objectives), len(goal.limited)) == (objectives, limits)
    assert all(not problem.space.problems(point) for point in asked.points)
    feasible = sum(map(problem.feasible, asked.points))
    assert feasible == results + pending if not limits else 0.2 < feasible / results < 0.9
    assert known(KINDS[name], 1) == asked
    assert known(KINDS[name], 2).points != asked.points


def test_readings_are_true_values_with_the_noise_of_the_problem():
    asked, problem = known(KINDS[THREE], 0), KINDS[THREE].problem.problem
    for name, metric in problem.further.items():
        errors = [
            readings[name] - metric.value(point) for readings, point in zip(asked.readings, asked.points, strict=False)
        ]
        assert np.std(errors) == pytest.approx(metric.noise, rel=0.2)


@pytest.mark.parametrize("name", KINDS)
def test_peers_are_asked_about_the_same_data(name):
    kind, asked = KINDS[name], known(KINDS[name], 0)
    question = asked.asked_of_peers(space=kind.space)
    [first, *further] = [each.metric for each in asked.campaign.goal.objectives]
    columns = {metric: [readings[metric] for readings in asked.readings] for metric in asked.readings[0]}
    assert question["y"] == columns[first]
    if kind.space:
        assert [*question["X"], *question["pending"]] == [*asked.points]
    else:
        assert [*question["X"], *question["pending"]] == [[*point.values()] for point in asked.points]
        assert question["further"] == [columns[metric] for metric in further]
        assert question["limited"] == {metric: columns[metric] for metric in kind.problem.problem.limits}
        assert len(question["worst"]) == (len(further) + 1 if further else 0)


def test_a_warm_history_ends_with_a_trial_that_the_model_proposed_one_result_earlier():
    asked = known(KINDS[LIMITED].small, 0)
    history = asked.history(Provenance(made_by=MadeBy(seed=1)))
    assert [t.id for t in history.trials.values() if t.proposal.generator == "model"] == [14]
    before = asked.before_the_last_result().history().model_view()
    assert (len(before.observed), [t.id for t in before.pending]) == (11, [12, 13, 14])


class OurSeat(Seat):
    """A seat of ours that takes a fixed time."""

    def __init__(self, name, cpu_seconds):
        super().__init__(Contestant(name, ()), 1, 60.0)
        self.cpu_seconds, self.asked = cpu_seconds, []

    def request(self, question):
        self.asked.append(question)
        return Attempt(self.contestant.name, 2 * self.cpu_seconds, [{}], cpu_seconds=self.cpu_seconds, others=0.1)


@pytest.fixture
def rows(monkeypatch):
    """Return the rows of two seeds of ours and of a peer without a library, in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    command = (sys.executable, str(FOLDER / "programs" / "answer.py"), "fake_peer")
    peer, ours = Seat(Contestant(OPTUNA, command), 1, 60.0), [OurSeat(DEFAULT_COLD, 0.25), OurSeat(DEFAULT_WARM, 0.05)]
    origin = Origin("a machine", "abc", "a command", "2026-01-01")
    try:
        found = [*play(KINDS[THREE], [*ours, peer], [0, 1], origin, lambda line: None)]
    finally:
        peer.close()
    assert [question["small"] for question in ours[0].asked] == [True, False, False]
    return [row for rows in found for row in rows]


@pytest.mark.slow
def test_a_round_of_ours_and_a_peer_is_stored_and_tabulated(rows, tmp_path):
    assert [row.contestant for row in rows] == [DEFAULT_COLD, DEFAULT_WARM, OPTUNA, DEFAULT_WARM, OPTUNA, DEFAULT_COLD]
    assert {row.error for row in rows} == {""}
    [first, *_] = [row for row in rows if row.contestant == OPTUNA]
    pending = known(KINDS[THREE], 0).points[200]
    assert first.points == f"[{[*pending.values()]}]"
    assert first.cpu_seconds is not None
    write(rows, tmp_path / "goals-1.parquet")
    assert read(tmp_path) == sorted(rows, key=lambda row: row.date)
    text = tables(rows)
    assert f"| {THREE} | 200/6/8/1 | {DEFAULT_COLD} | 2 | 250 | 500 | — | — | — |" in text
    assert f"| {THREE}: {DEFAULT_COLD} | ≤ 1 s | 0.50 s | yes |" in text


@pytest.mark.slow
def test_the_demanded_shares_are_those_of_processor_time_in_the_same_rounds(rows):
    times = {DEFAULT_COLD: 0.1, DEFAULT_WARM: 0.01, OPTUNA: 0.2}
    shares = [
        replace(row, suite=TWO, cpu_seconds=times[row.contestant], acquisition_shortfall=0.03 * (row.seed + 1))
        for row in rows
    ]
    found = {each.what: each for each in demands(shares)}
    of_cold, of_warm = (
        found[f"{TWO}: processor time of {ours}, share of {OPTUNA}'s"] for ours in (DEFAULT_COLD, DEFAULT_WARM)
    )
    assert (of_cold.reached, of_cold.held, of_warm.reached, of_warm.held) == ("1/2.0", False, "1/20.0", True)
    worth = found[f"{TWO}: {DEFAULT_COLD}, log value below the best that BoTorch finds"]
    assert (worth.reached, worth.held) == ("median 0.0450, worst ask 0.0600", False)
    assert found[f"{LIMITED}: processor time of {DEFAULT_COLD}, share of {OPTUNA}'s"].held is None


def judged(name, samples=8192, climbs=8, seed=0):
    """Return the judge of our answer to a small question, and our point."""
    asked = known(KINDS[name].small, seed)
    made = answer({"kind": name, "seed": seed, "small": True}, warm=False)
    judge = GoalJudge(asked, Provenance.model_validate(made["fit"]), proposer_of("default", "cpu"), samples, climbs)
    return judge, asked.campaign.space.point(made["points"][0])


def joint_samples(judge, point, count):
    """Return samples of each metric at the observed and the pending points and, last, at a point, by NumPy."""
    X = np.concatenate([judge.X, judge.pending, judge.encoding.encode([point])])
    generator, found = np.random.default_rng(0), {}
    for name, model in judge.beliefs.items():
        mean, covariance = (part[0].numpy() for part in model.posterior.joint(judge.X.new_tensor(X)))
        found[name] = generator.multivariate_normal(mean, covariance, size=count, method="eigh")
    return found


@pytest.mark.parametrize("name", [LIMITED, TWO])
def test_a_model_of_botorch_predicts_as_ours_does(name):
    judge, _ = judged(name)
    X = judge.X.new_tensor(np.random.default_rng(0).random((5, judge.encoding.d)))
    for model in judge.beliefs.values():
        mean, covariance = model.posterior.joint(X)
        found = as_botorch(model).posterior(X)
        assert np.allclose(found.mean.detach().squeeze(-1), mean[0], atol=1e-6)
        assert isinstance(found, GPyTorchPosterior)
        assert np.allclose(found.mvn.covariance_matrix.detach(), covariance[0], atol=1e-6)


def test_a_point_under_limits_is_judged_by_its_feasible_improvement_on_the_observed_and_pending_points():
    judge, point = judged(LIMITED)
    samples = joint_samples(judge, point, 200_000)
    value, limited = samples["value"], samples["sum_above_3"]
    outcomes = judge.beliefs["sum_above_3"].observed.outcomes
    feasible = limited <= outcomes.standardised(0.0) if outcomes.sign > 0 else limited >= outcomes.standardised(0.0)
    rivals = np.where(feasible, value, -np.inf)[:, :-1].max(1)
    gains = np.where(feasible[:, -1], np.maximum(value[:, -1] - rivals, 0.0), 0.0)
    assert np.isfinite(rivals).all()
    assert judge.value(point) == pytest.approx(math.log(gains.mean()), abs=0.03)


def test_a_point_with_several_objectives_is_judged_by_the_hypervolume_that_it_adds():
    judge, point = judged(TWO)
    samples = joint_samples(judge, point, 4000)
    outcomes = {name: judge.beliefs[name].observed.outcomes for name in judge.objectives}
    worst = tuple(outcomes[name].standardised(judge.aim.worst[name]) for name in judge.objectives)
    drawn = np.stack([samples[name] for name in judge.objectives], 2)
    gains = [
        hypervolume([*map(tuple, draw)], worst) - hypervolume([*map(tuple, draw[:-1])], worst)
        for draw in drawn.tolist()
    ]
    assert judge.value(point) == pytest.approx(math.log(np.mean(gains)), abs=0.1)


@pytest.mark.slow
def test_a_bad_point_is_far_below_the_best_that_botorch_finds_and_ours_is_not():
    judge, point = judged(LIMITED, samples=1024)
    found = judge.verdict(point)
    assert judge.value(known(KINDS[LIMITED].small, 0).points[0]) < found.best - 1.0
    assert found.value == pytest.approx(found.best, abs=0.1)
