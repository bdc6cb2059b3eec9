import pytest

from overnight.campaign import Campaign, Objective
from overnight.campaign.budget import StopWhen
from overnight.campaign.changes import differences, revisable_keys
from overnight.campaign.contexts import Context
from overnight.campaign.experiment.settings import Decide, RampUp, Traffic
from overnight.campaign.failure_policy import FailurePolicy
from overnight.campaign.fidelity import Fidelity
from overnight.campaign.goal.constraint import read_constraint
from overnight.campaign.goal.target import Target
from overnight.campaign.solutions import Solutions
from overnight.campaign.stopping import MedianRule
from overnight.campaign.values.comparison import read_comparison
from overnight.campaign.window import Window

DEFINITION = {
    "name": "tuning",
    "parameters": {
        "rate": {"kind": "float", "low": 0, "high": 1},
        "cache": {"kind": "ordinal", "choices": [1, 2, 4]},
    },
    "minimize": "loss",
    "budget": {"trials": 10},
    "start_with": [{"rate": 0.5, "cache": 1}],
}


def changed(**changes) -> Campaign:
    return Campaign.model_validate(DEFINITION | changes)


def test_when_and_how_much_is_spent_may_change():
    night = {"from": "22:00", "to": "06:00", "zone": "UTC", "days": ["mon"], "running": "stop"}
    spent = {"trials": 9, "evaluations": 20, "cost": 1.5}
    assert differences(changed(), changed(window="22:00-06:00 Europe/Berlin", budget=spent)) == []
    assert differences(changed(window=night), changed(window="21:00-06:00 Europe/Berlin")) == []
    assert differences(changed(), changed(budget={"trials": 99, "wall_clock": "2h"}, workers=8)) == []


def test_what_waits_for_approval_may_change():
    policy = {"when": {"predicted": {"worse_than": 1.0}, "cost": 2.0}}
    assert differences(changed(), changed(approve=policy)) == []
    assert differences(changed(approve=policy), changed(approve="always")) == []


def test_what_follows_a_failure_may_change():
    failures = {
        "max_attempts": 7,
        "max_in_a_row": 9,
        "back_off": "1m",
        "longest_back_off": "1h",
        "on_timeout": "retry",
        "when_unknown": "ask",
    }
    assert differences(changed(), changed(failures=failures)) == []


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        (
            {"minimize": None, "maximize": "loss"},
            ['minimize: was "loss", is absent', 'maximize: was absent, is "loss"'],
        ),
        ({"seed": 1}, ["seed: was 0, is 1"]),
        ({"start_with": [{"rate": 0.25, "cache": 1}]}, ["start_with.0.rate: was 0.5, is 0.25"]),
        ({"start_with": []}, ["start_with.0.rate: was 0.5, is absent", "start_with.0.cache: was 1, is absent"]),
        ({"metrics": ["time"]}, ['metrics: was [], is ["time"]']),
    ],
)
def test_any_other_change_is_told_with_its_path_what_was_and_what_is(changes, lines):
    told = differences(changed(), changed(**changes))
    assert [line for line in told if not line.startswith("start_with: ")] == lines


def test_a_changed_parameter_is_told_also_where_the_values_are_equal_in_python():
    was = DEFINITION["parameters"]
    parameters = was | {"rate": was["rate"] | {"high": 2}, "cache": {"kind": "ordinal", "choices": [True, 2, 4]}}
    told = differences(changed(start_with=[]), changed(start_with=[], parameters=parameters))
    assert told == [
        "parameters.rate.high: was 1.0, is 2.0",
        "parameters.cache.choices: was [1, 2, 4], is [true, 2, 4]",
    ]


def test_the_order_of_the_parameters_is_part_of_the_definition():
    parameters = dict(reversed(DEFINITION["parameters"].items()))
    assert differences(changed(), changed(parameters=parameters)) == [
        "parameters: the order was rate, cache, is cache, rate"
    ]


def test_the_keys_that_may_be_revised_are_those_that_change_without_making_another_campaign():
    was = changed(start_with=[], parameters={"rate": {"kind": "float", "low": 0, "high": 1}})
    values = {
        "name": "other",
        "description": "other",
        "kind": "ab_test",
        "fidelity": Fidelity.model_validate({"epochs": {"low": 1, "high": 7}}),
        "fix": {"rate": 0.7},
        "parameter_constraints": (read_comparison("rate <= 0.7"),),
        "minimize": "other",
        "maximize": "other",
        "target": Target(metric="other", value=7),
        "objectives": (Objective(metric="other", direction="minimize"),),
        "prefer": (read_constraint("other <= 7"),),
        "constraints": (read_constraint("other <= 7"),),
        "context": Context.model_validate({"size": ["s", "m"]}),
        "feasible_at_least": 0.7,
        "metrics": ("other",),
        "noise": "none",
        "workers": 7,
        "budget": was.budget.model_copy(update={"trials": 7}),
        "window": Window.model_validate("22:00-06:00 UTC"),
        "arms": 7,
        "traffic": Traffic(per_batch=7),
        "decide": Decide(at_least=0.7),
        "ramp_up": RampUp(stages=(0.7,)),
        "baseline": {"rate": 0.7},
        "start_with": ({"rate": 0.7},),
        "failures": FailurePolicy(max_attempts=7),
        "approve": "always",
        "stop_early": MedianRule(),
        "stop_when": StopWhen(expected_gain_below=7),
        "confirm": 7,
        "solutions": Solutions(count=7),
        "seed": 7,
    }
    assert set(values) == set(Campaign.model_fields) - {"parameters"}
    keys = [key for key, value in values.items() if not differences(was, was.model_copy(update={key: value}))]
    others = ("low", "high", "choices", "value", "values", "was")
    others += ("parameter_constraints", "baseline", "start_with", "worst")
    assert {key for key in revisable_keys() if key not in others} == set(keys)


@pytest.mark.parametrize(
    ("parameter", "revised"),
    [
        ({"kind": "float", "low": 0, "high": 1}, {"low": -1, "high": 2}),
        ({"kind": "int", "low": 0, "high": 1}, {"low": -1, "high": 2}),
        ({"kind": "categorical", "choices": ["a", "b"]}, {"choices": ["b", "c", "d"]}),
        ({"kind": "ordinal", "choices": [1, 2, 4]}, {"choices": [1, 4]}),
        ({"kind": "derived", "value": "cost + 1"}, {"low": 1.5, "high": 3}),
        ({"kind": "derived", "value": "cost + 1", "low": 0, "high": 4}, {"low": 1.5, "high": 3}),
    ],
)
def test_bounds_and_choices_may_change_if_a_person_revises_them_and_not_by_themselves(parameter, revised):
    cost = {"kind": "float", "low": 0, "high": 2}
    was = changed(start_with=[], parameters={"cost": cost, "rate": parameter})
    now = changed(start_with=[], parameters={"cost": cost, "rate": parameter | revised})
    assert differences(was, now, on_request=True) == []
    assert [line.split(":")[0] for line in differences(was, now)] == [f"parameters.rate.{key}" for key in revised]
    assert set(revised) <= set(revisable_keys()[:4])


@pytest.mark.parametrize(("before", "after"), [([], ["rate <= 0.7"]), (["rate <= 0.7"], ["rate <= 0.6"])])
def test_constraints_between_parameters_may_change_if_a_person_revises_them_and_not_by_themselves(before, after):
    for was, now in ((before, after), (after, before)):
        old, new = changed(parameter_constraints=was), changed(parameter_constraints=now)
        assert differences(old, new, on_request=True) == []
        assert [line.split(":")[0] for line in differences(old, new)] == ["parameter_constraints"]


def test_the_worst_value_of_an_objective_may_change_but_not_its_metric():
    was = several({"minimize": "loss", "worst": 4}, {"maximize": "speed"})
    assert differences(was, several({"minimize": "loss", "worst": 3}, {"maximize": "speed", "worst": 0})) == []
    lines = differences(was, several({"minimize": "loss", "worst": 4}, {"maximize": "heat"}))
    assert lines == ['objectives.1.maximize: was "speed", is "heat"']


def several(*objectives):
    return Campaign.model_validate(DEFINITION | {"minimize": None, "objectives": objectives})


def test_another_kind_of_parameter_makes_another_campaign_whatever_its_bounds():
    was = changed(start_with=[], parameters={"rate": {"kind": "float", "low": 0, "high": 1}})
    now = changed(start_with=[], parameters={"rate": {"kind": "int", "low": 0, "high": 2}})
    assert [line.split(":")[0] for line in differences(was, now, on_request=True)] == ["parameters.rate.kind"]
