"""Campaigns of the quality benchmark are the same on every run and shared by all contestants."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from benchmarks.peers import Asked, Question, Recommended
from benchmarks.quality.calibration import calibration_tables
from benchmarks.quality.campaign_run import run_campaign
from benchmarks.quality.cells import CELLS, GRID, Cell
from benchmarks.quality.contestants import OwnContestant
from benchmarks.quality.durations import draw_duration
from benchmarks.quality.measures import duplicates, judged_again, measure, utilisation
from benchmarks.quality.peer_contestant import PeerContestant
from benchmarks.quality.problems import BRANIN
from benchmarks.quality.results import read_rows, store_row
from benchmarks.quality.simulated_work import GLITCH_RATE
from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import EvaluationRequest, History
from overnight.evaluators import SimulatedEvaluator
from overnight.flows.controller.job import evaluation_seed

SMALL = Cell("small", BRANIN, noise=5.0, workers=3, trials=12)
SOBOL = OwnContestant(SobolProposer())
OURS = OwnContestant(BayesianProposer(draws=16, restarts=1, raw_points=16))


@dataclass
class CornerPeer:
    """A peer that walks along the diagonal and keeps the questions to it."""

    asked: list[tuple[Question, int]]

    def ask(self, question: Question, q: int) -> Asked:
        self.asked.append((question, q))
        step = len(self.asked) / 20
        return Asked(
            [[step + i / 100] * question.d for i in range(q)], seconds=0.0, cpu_seconds=0.0, fit=None, threads=1
        )

    def recommend(self, question: Question) -> Recommended:
        return Recommended([int(np.argmin(list(question.y)))], seconds=0.0)

    def versions(self) -> dict[str, str]:
        return {}


def story(history: History) -> list[tuple[object, ...]]:
    return [(t.id, t.point, t.attempts[0].started, t.outcome) for t in history.trials.values()]


def results(history: History) -> dict[int, object]:
    return {t.id: t.outcome.metrics["value"].mean for t in history.model_view().observed}


def test_two_runs_of_a_campaign_are_the_same_in_every_point_time_and_result():
    assert story(run_campaign(SMALL, 3, OURS).history) == story(run_campaign(SMALL, 3, OURS).history)
    assert story(run_campaign(SMALL, 3, OURS).history) != story(run_campaign(SMALL, 4, OURS).history)


def test_contestants_share_the_start_the_noise_the_times_and_the_failures():
    cell = replace(SMALL, failure_rate=0.3)
    ours, sobol = (run_campaign(cell, 1, who) for who in (OURS, SOBOL))
    peer = run_campaign(cell, 1, PeerContestant(CornerPeer([])))

    def shared(history: History) -> list[tuple[object, ...]]:
        return [
            (t.id, t.outcome.kind, t.outcome.ended - t.attempts[0].started, _noise(t)) for t in history.trials.values()
        ]

    def _noise(trial: Any) -> object:
        if trial.outcome.kind == "failed":
            return None
        return round(trial.outcome.metrics["value"].mean - BRANIN.regret(trial.point), 6)

    assert shared(ours.history) == shared(sobol.history) == shared(peer.history)
    assert any(t.outcome.kind == "failed" for t in ours.history.trials.values())
    start = len(ours.campaign.start_with)
    assert [t.point for t in peer.history.trials.values()][:start] == list(ours.campaign.start_with)


def test_a_peer_is_asked_in_the_unit_cube_about_every_trial_that_runs():
    peer = CornerPeer([])
    history = run_campaign(SMALL, 0, PeerContestant(peer)).history
    proposed = {t.id: t for t in history.trials.values()}
    assert sum(q for _, q in peer.asked) == SMALL.trials - 4
    for question, q in peer.asked:
        assert len(question.pending) == SMALL.workers - q
        assert len(question.X) == len(question.y) >= 2
        assert all(0 <= u <= 1 for point in question.X for u in point)
    assert proposed[5].point == pytest.approx({"x0": -5 + 15 / 20, "x1": 15 / 20})


def test_workers_are_never_idle_while_trials_are_left():
    run = run_campaign(replace(SMALL, durations="constant", trials=9), 0, SOBOL)
    assert utilisation(run.campaign, run.history) == pytest.approx(1.0)
    run = run_campaign(replace(SMALL, durations="constant", trials=10), 0, SOBOL)
    assert utilisation(run.campaign, run.history) == pytest.approx(10 / 12)


def test_time_of_proposals_can_be_charged_to_the_virtual_clock():
    run = run_campaign(replace(SMALL, durations="constant"), 0, SOBOL, charge=True)
    assert 0 < utilisation(run.campaign, run.history) < 1
    assert run.history.last_time - run.history.trials[1].attempts[0].started > timedelta(minutes=4)


def test_histories_on_the_way_hold_what_was_known_then():
    run = run_campaign(replace(SMALL, durations="constant", trials=24), 0, SOBOL)
    assert {k: len(h.model_view().observed) for k, h in run.earlier.items()} == {10: 12, 20: 21}


def test_readings_are_those_of_the_products_simulated_evaluator():
    cell, run = CELLS["hartmann6-failures"], run_campaign(CELLS["hartmann6-failures"], 0, SOBOL)
    simulated = SimulatedEvaluator(function="hartmann6", noise=cell.noise, failure_rate=cell.failure_rate)
    for trial in run.history.trials.values():
        request = EvaluationRequest(
            campaign=cell.name,
            trial=trial.id,
            attempt=1,
            key=trial.attempts[0].key,
            parameters=trial.point,
            seed=evaluation_seed(run.campaign, trial.id),
            expected_metrics=("value",),
            objective="value",
        )
        found = asyncio.run(simulated.evaluate(request, Path("unused"), lambda report: None))
        assert found.metrics == getattr(trial.outcome, "metrics", {})


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sign"), [("hartmann6-too-good", -1), ("hartmann6-too-bad", 1)])
def test_a_twentieth_of_the_readings_is_far_off_in_the_same_trials_for_all_contestants(name, sign):
    glitched, clean = (run_campaign(replace(CELLS[c], trials=400), 0, SOBOL) for c in (name, "hartmann6-moderate"))
    errors = np.array([results(glitched.history)[i] - results(clean.history)[i] for i in results(clean.history)])
    assert set(np.round(errors, 9)) == {0.0, sign * 3.85}
    assert np.mean(errors != 0) == pytest.approx(GLITCH_RATE, abs=0.03)


@pytest.mark.parametrize("cell", ["branin-20-trials", "hartmann6-failures", "tree-model-20-trials"])
def test_a_stored_campaign_judged_again_gives_the_row_that_it_gave_at_first(cell, tmp_path):
    store_row(measure(CELLS[cell], 0, "sobol"), tmp_path)
    row = read_rows("sobol", tmp_path)[0]
    assert (None in row["values"]) == (cell == "hartmann6-failures")
    spoilt = row | {"regret": 9.0, "true_value": 9.0, "judged_regret": 9.0, "curve_judged_regret": []}
    assert judged_again(spoilt) == row


def test_the_belief_about_a_recommendation_is_compared_with_the_truth():
    cell, row = CELLS["branin-20-trials"], measure(CELLS["branin-20-trials"], 0, "sobol")
    run = run_campaign(cell, 0, SOBOL)
    found = recommend(run.campaign, run.history)
    assert found is not None
    truth = cell.problem.minimum + cell.problem.regret(found.point)
    density = norm.logpdf(truth, found.mean, found.sd) + np.log(cell.problem.spread)
    inside = abs(truth - found.mean) < norm.ppf(0.95) * found.sd
    size = abs(truth - found.mean) / found.sd
    assert calibration_tables([row], jobs=1).splitlines()[2] == (
        f"| 20 | chosen with | 1 | {inside:.0%} | {size:.2f} | {density:.2f} |"
    )


def test_the_probability_of_being_better_than_a_baseline_is_compared_with_the_truth():
    cell, row = CELLS["branin-20-trials"], measure(CELLS["branin-20-trials"], 0, "sobol")
    run = run_campaign(cell, 0, SOBOL)
    expected = []
    for baseline in (1, 6, 11, 16):
        point = dict(run.history.trials[baseline].point)
        found = recommend(cell.campaign(0, {"baseline": point, "start_with": []}), run.history)
        assert found is not None
        if found.trial != baseline:
            better = cell.problem.regret(found.point) < cell.problem.regret(point)
            expected.append((found.probability_better_than_baseline, better))
    lines = calibration_tables([row], jobs=1).split("\n\n")[1].splitlines()[2:]
    assert sum(int(line.split(" | ")[1]) for line in lines) == len(expected) > 0
    for probability, _ in expected:
        [line] = [line for line in lines if in_step(line, probability)]
        of_step = [pair for pair in expected if in_step(line, pair[0])]
        said, was = np.mean(of_step, axis=0)
        assert line.split(" | ")[1:] == [str(len(of_step)), f"{said:.1%}", f"{was:.1%} |"]


def in_step(line: str, probability: float) -> bool:
    """Return whether a line of the table is about this probability."""
    low, high = (float(end.strip("| %")) / 100.0 for end in line.split(" | ")[0].split(" to "))
    return low <= probability < high or probability == high == 1.0


def test_points_that_repeat_an_earlier_one_are_counted():
    class Stuck(CornerPeer):
        def ask(self, question: Question, q: int) -> Asked:
            return Asked([[0.25, 0.75]] * q, seconds=0.0, cpu_seconds=0.0, fit=None, threads=1)

    run = run_campaign(SMALL, 0, PeerContestant(Stuck([])))
    assert duplicates(run.campaign, run.history) == SMALL.trials - 4 - 1
    assert duplicates(run.campaign, run_campaign(SMALL, 0, SOBOL).history) == 0


@pytest.mark.parametrize("kind", ["constant", "half-normal", "log-normal"])
def test_durations_have_mean_one(kind):
    generator = np.random.default_rng(0)
    assert np.mean([draw_duration(kind, generator) for _ in range(20_000)]) == pytest.approx(1, abs=0.02)


def test_pareto_durations_have_mean_one_and_the_tail_that_is_stated():
    generator = np.random.default_rng(0)
    draws = np.array([draw_duration("pareto", generator) for _ in range(20_000)])
    assert draws.min() == pytest.approx(1 / 3, rel=1e-3)
    assert np.mean(draws > 10 / 3) == pytest.approx(10**-1.5, rel=0.1)


def test_the_grid_has_twelve_cells_of_different_names():
    assert len(GRID) == 12
    assert len(CELLS) == 79
