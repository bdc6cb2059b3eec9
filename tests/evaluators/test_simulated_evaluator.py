"""Synthetic functions have the stated optimum, and simulated evaluations are repeatable."""

from pathlib import Path

import numpy as np
import pytest
import torch
from attempts import campaign, no_report, request
from botorch.test_functions import Ackley, Branin, Hartmann, Levy

from overnight.campaign import EvaluationFailed, EvaluationSucceeded
from overnight.campaign.errors import InvalidDefinition
from overnight.evaluators import SimulatedEvaluator
from overnight.evaluators.synthetic_functions import SYNTHETIC_FUNCTIONS


@pytest.mark.parametrize("name", SYNTHETIC_FUNCTIONS)
def test_the_optimum_is_where_it_is_said_to_be(name: str):
    function = SYNTHETIC_FUNCTIONS[name]
    dimension = function.dimension or 5
    domain = function.domain if function.dimension else function.domain * dimension
    minimizer = np.array(function.minimizer if function.dimension else function.minimizer * dimension)
    assert function.value(minimizer) == pytest.approx(function.minimum, abs=1e-4)
    low, high = np.array(domain).T
    nearby = minimizer + 0.01 * (high - low) * np.random.default_rng(1).standard_normal((300, dimension))
    anywhere = low + (high - low) * np.random.default_rng(2).random((3000, dimension))
    assert min(function.value(x) for x in (*nearby, *anywhere)) > function.minimum - 1e-4


ORACLES = {
    "branin": Branin(),
    "hartmann3": Hartmann(dim=3),
    "hartmann6": Hartmann(dim=6),
    "ackley": Ackley(dim=4),
    "levy": Levy(dim=4),
}


@pytest.mark.parametrize("name", ORACLES)
def test_values_agree_with_an_independent_implementation(name: str):
    oracle = ORACLES[name].double()
    x = np.linspace(0.3, 0.8, oracle.dim)
    expected = float(oracle.evaluate_true(torch.tensor(x).unsqueeze(0)))
    assert SYNTHETIC_FUNCTIONS[name].value(x) == pytest.approx(expected, rel=1e-6)


BRANIN = {"x": {"kind": "float", "low": -5, "high": 10}, "y": {"kind": "float", "low": 0, "high": 15}}


async def test_noise_belongs_to_the_seed_and_its_sd_can_be_told(tmp_path: Path):
    evaluator = SimulatedEvaluator(function="branin", noise=2.0, report_sem=True)
    point = {"x": np.pi, "y": 2.275}
    asked = [request(parameters=point, seed=seed) for seed in (1, 1, 2)]
    outcomes = [await evaluator.evaluate(one, tmp_path, no_report) for one in asked]
    measured = [o.metrics["loss"] for o in outcomes if isinstance(o, EvaluationSucceeded)]
    assert measured[0] == measured[1] != measured[2]
    assert measured[0].sem == 2.0
    assert evaluator.true_value(point) == pytest.approx(0.397887, abs=1e-5)


async def test_a_point_that_lacks_a_parameter_of_the_function_has_no_value(tmp_path: Path):
    outcome = await SimulatedEvaluator(function="branin").evaluate(request(parameters={"x": 1.0}), tmp_path, no_report)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "configuration"
    assert outcome.message == "`branin` is a function of 2 parameters, found 1 at this point: x"
    # Any number of parameters will do for this one.
    outcome = await SimulatedEvaluator(function="ackley").evaluate(request(parameters={"x": 0.0}), tmp_path, no_report)
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metrics["loss"].mean == pytest.approx(0.0, abs=1e-12)


async def test_as_many_fail_as_are_asked_to(tmp_path: Path):
    evaluator = SimulatedEvaluator(function="ackley", failure_rate=0.3)
    outcomes = [await evaluator.evaluate(request(seed=seed), tmp_path, no_report) for seed in range(500)]
    assert 100 < sum(isinstance(o, EvaluationFailed) for o in outcomes) < 200


async def test_check_wants_as_many_numbers_as_the_function_takes():
    await SimulatedEvaluator(function="branin").check(campaign(**BRANIN))
    with pytest.raises(InvalidDefinition, match="`parameters`: expected 6 for `hartmann6`, found 2"):
        await SimulatedEvaluator(function="hartmann6").check(campaign(**BRANIN))
    letters = {"x": BRANIN["x"], "y": {"kind": "categorical", "choices": ["a", "b"]}}
    with pytest.raises(InvalidDefinition, match=r"`parameters\.y`"):
        await SimulatedEvaluator(function="branin").check(campaign(**letters))
    with pytest.raises(InvalidDefinition, match="`metrics`"):
        await SimulatedEvaluator(function="branin").check(campaign("speed", **BRANIN))


@pytest.mark.parametrize(
    ("noise", "reports", "problem"),
    [
        ("known", False, "expected a standard error with the mean"),
        ("none", True, "expected no standard error, or 0"),
        ("known", True, None),
        ("none", False, None),
        ("infer", True, None),
    ],
)
async def test_check_refuses_standard_errors_that_contradict_the_campaigns_noise(noise, reports, problem):
    evaluator = SimulatedEvaluator(function="branin", noise=0.5, report_sem=reports)
    asked = campaign(**BRANIN).model_copy(update={"noise": noise})
    if problem is None:
        await evaluator.check(asked)
    else:
        with pytest.raises(InvalidDefinition, match=f"`evaluator.report_sem`: metric `loss`: {problem}"):
            await evaluator.check(asked)


async def test_a_switch_has_no_place_on_a_synthetic_function():
    with pytest.raises(InvalidDefinition, match=r"`parameters\.y`: expected a float or int parameter, found bool"):
        await SimulatedEvaluator(function="branin").check(campaign(x=BRANIN["x"], y={"kind": "bool"}))
