"""The benchmark of fidelities: its functions are what they claim to be, and costs are counted as described."""

import math
from typing import Any

import pytest

from benchmarks.fidelities.digits import Digits
from benchmarks.fidelities.found import Found, Measured
from benchmarks.fidelities.hartmann import HARTMANNS, Hartmann
from benchmarks.fidelities.ours import OURS, Ours
from benchmarks.fidelities.pruned import Pruned
from overnight.bo_core import BayesianProposer
from overnight.evaluators import SimulatedEvaluator

POINT = {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 1e-4, "width": 16, "dropout": 0.1, "batch": 100}
# Known values are rounded to six digits.
CLOSE = 1e-4


@pytest.mark.parametrize("d", [3, 6])
def test_hartmann_in_full_is_the_function_of_the_evaluators(d: int) -> None:
    point = {f"x{i}": (0.37 * (i + 1)) % 1.0 for i in range(d)}
    known = SimulatedEvaluator.model_validate({"function": f"hartmann{d}"}).true_value(point)
    assert Hartmann(d, bias=3.0, noise=4.0).loss(point, 100) == pytest.approx(known, abs=CLOSE)


@pytest.mark.parametrize("task", HARTMANNS.values())
def test_a_loss_below_full_fidelity_is_a_fixed_number_that_is_at_least_the_biased_one(task: Hartmann) -> None:
    point = dict.fromkeys(task.parameters, 0.4)
    exact = Hartmann(task.d, task.bias, noise=0.0)
    for level in task.steps[:-1]:
        assert (
            task.loss(point, level) == task.loss(dict(point), level) > exact.loss(point, level) > task.loss(point, 100)
        )


def test_costs_are_those_of_the_paper_and_the_rest_after_a_lower_fidelity() -> None:
    task = HARTMANNS["hartmann3-good"]
    assert [round(task.cost(level), 6) for level in (1, 50, 100)] == [0.050095, 0.2875, 1.0]
    assert task.cost(100, since=50) == pytest.approx(0.05 + 0.7125)


def test_a_network_has_the_same_losses_however_its_epochs_are_asked_for() -> None:
    at_once, in_steps = Digits(), Digits()
    last = at_once.loss(POINT, 5)
    assert [in_steps.loss(POINT, level) for level in (1, 3, 5)][-1] == last
    assert last < at_once.loss(POINT, 1) < math.log(10.0)


def test_a_network_that_diverges_has_a_bounded_loss() -> None:
    assert Digits().loss({**POINT, "learning_rate": 1e6}, 2) <= 5.0


@pytest.mark.parametrize("resume", [False, True])
def test_a_campaign_spends_its_budget_and_at_most_what_still_runs_then(resume: bool) -> None:
    task = HARTMANNS["hartmann3-plain"]
    ours = Ours(BayesianProposer(draws=16, restarts=2, raw_points=32), resume=resume, curve=resume)
    found = ours.run(task, budget=2, seed=0, workers=2)
    assert {each.level for each in found.measured} <= set(task.steps)
    # What runs when the budget is spent may still end.
    assert 1.0 < found.spent[-1] < 3.0
    assert 0.0 <= found.regret(task) < -task.minimum


def test_without_a_fidelity_every_evaluation_is_full() -> None:
    found = OURS["sobol-full"].run(HARTMANNS["hartmann3-bad"], budget=3, seed=0, workers=1)
    assert [(each.level, each.cost) for each in found.measured] == [(100, 1.0)] * 3
    assert found.recommended == min(found.measured, key=lambda each: each.loss).point


class TwoTrials:
    """A study whose trials at the far corner are pruned at their second report."""

    def __init__(self) -> None:
        self.asked, self.reports = 0, 0

    def request(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked += request["op"] == "ask"
        self.reports += request["op"] == "report"
        good = {"number": self.asked, "point": dict.fromkeys(("x0", "x1", "x2"), 0.1 if self.asked % 2 else 0.9)}
        return {"ask": good, "report": {"prune": request.get("number", 0) % 2 == 0 and request.get("step") == 4}}.get(
            request["op"], {}
        )


def test_a_pruned_trial_costs_what_its_last_step_costs() -> None:
    task, study = HARTMANNS["hartmann3-plain"], TwoTrials()
    found = Pruned("median").run(study, task, budget=2, seed=0, workers=1)  # pyright: ignore[reportArgumentType]
    assert [each.level for each in found.measured] == [100, 4, 100]
    assert found.spent[-1] == pytest.approx(2 * task.cost(100) + task.cost(4))
    assert found.recommended == {"x0": 0.1, "x1": 0.1, "x2": 0.1}


def test_a_campaign_without_a_result_in_full_recommends_nothing() -> None:
    found = Found([Measured({"x0": 0.1}, 1, 2.0, 0.05)], None)
    assert found.regret(HARTMANNS["hartmann3-plain"]) == math.inf
