"""Objectives that are calculated from the metrics of an evaluation, through every door to a ledger."""

import math

import pytest

from overnight.campaign import Campaign, Measurement
from overnight.campaign.errors import InvalidDefinition, InvalidResult
from overnight.campaign.result import with_calculated
from overnight.evaluators.results.returned_metrics import metric_problems
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.past_results.matching import fitted
from overnight.storage.past.results import PastResults, PastRow

TOTAL = "latency + 0.1 * cost"
FILE = {
    "name": "total",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": TOTAL,
    "budget": {"trials": 8},
    "evaluator": {"kind": "command", "command": ["true"]},
}


def campaign(**more) -> Campaign:
    return read_campaign(FILE | more).campaign


def test_an_evaluation_is_asked_for_the_metrics_of_the_calculation_and_a_result_has_their_value_as_well():
    asked = campaign(metrics=["disk"], constraints=["heat <= 5"])
    assert asked.expected_metrics == ("latency", "cost", "heat", "disk")
    assert asked.optional_metrics == ("latency", "cost", "heat")
    assert asked.recorded_metrics == (TOTAL, "latency", "cost", "heat", "disk")
    assert [asked.key_of(name) for name in asked.expected_metrics] == ["minimize", "minimize", "constraints", "metrics"]


def test_results_that_are_told_are_calculated_recorded_and_learnt_from(tmp_path):
    loop = AskTell(FILE | {"ledger": str(tmp_path), "proposer": {"initial": 3}})
    for _ in range(6):
        trial = loop.ask()
        loop.tell(trial, {"latency": (trial.point["x"], 0.3), "cost": (20, 4)})
    best, query = loop.recommend(), loop.history.trials[1].measured
    assert best is not None
    assert best.objective == TOTAL
    assert query[TOTAL].mean == pytest.approx(query["latency"].mean + 2)
    assert query[TOTAL].sem == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"latency": 3}, "expected `cost` for `latency + 0.1 * cost`, found none"),
        ({"latency": 1e308, "cost": 1e309}, "expected `cost` for `latency + 0.1 * cost`, found none"),
        ({"latency": 1.7e308, "cost": 1.7e308}, "expected a finite value of `latency + 0.1 * cost`"),
    ],
)
def test_a_result_from_which_nothing_can_be_calculated_is_refused_and_nothing_is_written(tmp_path, result, said):
    loop = AskTell(FILE | {"ledger": str(tmp_path)})
    trial = loop.ask()
    with pytest.raises(InvalidResult) as refused:
        loop.tell(trial, result)
    assert said in str(refused.value)
    assert loop.history.trials[trial.id].outcome is None


def test_reports_of_the_parts_are_compared_as_values_of_the_whole(tmp_path):
    rule = {"rule": "median", "after_trials": 1}
    loop = AskTell(FILE | {"ledger": str(tmp_path), "stop_early": rule, "workers": 2})
    first, second = loop.ask(), loop.ask()
    assert loop.report(first, 1, {"latency": 1, "cost": 10}) is None
    loop.tell(first, {"latency": 1, "cost": 10})
    why = loop.report(second, 1, {"latency": 1, "cost": 11})
    assert why is not None
    assert why.startswith(f"at step 1 its best so far of {TOTAL}, 2.1, was worse than 2,")


def test_a_report_may_hold_the_value_itself(tmp_path):
    loop = AskTell(FILE | {"ledger": str(tmp_path)})
    trial = loop.ask()
    assert loop.report(trial, 1, 3.2) is None
    assert loop.report(trial, 2, {TOTAL: 3.1}) is None
    with pytest.raises(InvalidResult, match="`cost`"):
        loop.report(trial, 3, {"latency": 3})
    assert [report.step for report in loop.history.reports[trial.id]] == [1, 2]


def test_past_results_need_the_parts_or_the_whole():
    rows = [
        PastRow("row 1", parameters={"x": 0.1}, means={"latency": 1, "cost": 10}),
        PastRow("row 2", parameters={"x": 0.2}, means={TOTAL: 5}),
        PastRow("row 3", parameters={"x": 0.3}, means={"latency": 1}),
        PastRow("row 4", parameters={"x": 0.4}, means={"latency": 1.7e308, "cost": 1.7e308}),
    ]
    found = fitted(campaign(), PastResults("past.csv", tuple(rows), names=("x", "latency", "cost", TOTAL)))
    assert [observation.metrics[TOTAL].mean for observation in found.observations] == [2, 5]
    assert found.unmeasured == 1
    [problem] = found.problems
    assert "expected a finite value of" in problem


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"minimize": "latency + * cost"}, "minimize: expected a number or the name of a metric, got '*'"),
        ({"minimize": None, "maximize": "2 * 3"}, "maximize: expected the name of a metric, got only numbers"),
        (
            {"minimize": None, "objectives": [{"minimize": "a"}, {"maximize": "tanh(a) * 2"}]},
            "objectives.1: expected one of abs, ceil, cos, exp, floor",
        ),
    ],
)
def test_a_calculation_that_cannot_be_read_is_refused_with_its_place_in_the_file(more, said):
    with pytest.raises(InvalidDefinition) as refused:
        read_campaign(FILE | more)
    assert said in str(refused.value)


def test_an_evaluator_that_does_not_return_a_part_is_refused_with_the_key_that_asks_for_it():
    assert metric_problems(campaign(), ["latency"]) == [
        "`minimize`: expected one of the metrics that the evaluator returns (`latency`), found `cost`"
    ]


def test_a_value_that_is_reported_itself_counts_only_without_its_parts(tmp_path):
    reported = {TOTAL: Measurement(mean=99)}
    parts = {"latency": Measurement(mean=1), "cost": Measurement(mean=10)}
    assert with_calculated(campaign(), reported) == reported
    assert with_calculated(campaign(), reported | parts)[TOTAL].mean == 2
    loop = AskTell(FILE | {"ledger": str(tmp_path)})
    loop.tell(loop.ask(), 7.5)
    assert loop.history.trials[1].measured == {TOTAL: Measurement(mean=7.5)}
    assert metric_problems(campaign(), [TOTAL]) == []


def test_a_calculated_objective_may_have_limits_and_preferences():
    limited = campaign(constraints=[f"{TOTAL} <= 3"])
    assert limited.expected_metrics == ("latency", "cost")
    assert limited.goal.limits(TOTAL) == (-math.inf, 3)
    several = {"minimize": None, "objectives": [{"minimize": TOTAL}, {"maximize": "b"}], "prefer": [f"{TOTAL} <= 3"]}
    assert str(campaign(**several).prefer[0]) == f"{TOTAL} <= 3"
    with pytest.raises(InvalidDefinition, match=r"prefer\.0: expected the metric of an objective"):
        campaign(**several | {"prefer": ["latency + cost <= 3"]})


def test_a_ledger_may_hold_a_name_that_looks_like_a_calculation_and_cannot_be_read_as_one():
    stored = campaign().model_dump(mode="json") | {"minimize": "train - val loss"}
    read = Campaign.model_validate(stored)
    assert read.expected_metrics == ("train - val loss",)
    assert read.objective.expression is None
