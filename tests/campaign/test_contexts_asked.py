"""The key `context`: its forms, its combinations, and the keys that contradict it."""

from typing import Any

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from overnight.campaign import Campaign
from overnight.campaign.changes import differences
from overnight.campaign.errors import InvalidDefinition, InvalidPoint
from overnight.flows.definition.campaign_file import read_campaign

FLOAT = {"kind": "float", "low": 0, "high": 1}
WRITTEN: dict[str, Any] = {
    "name": "contexts",
    "parameters": {"x": FLOAT, "y": FLOAT},
    "context": {"workload": ["oltp", "olap"]},
    "minimize": "loss",
    "budget": {"trials": 20},
}
EVALUATOR = {"kind": "command", "command": ["true"]}


def campaign(**changes: Any) -> Campaign:
    return Campaign.model_validate(WRITTEN | changes)


def refused(**changes: Any) -> list[str]:
    with pytest.raises(InvalidDefinition) as found:
        read_campaign(WRITTEN | {"evaluator": EVALUATOR} | changes)
    return found.value.problems


@pytest.mark.parametrize(
    ("variable", "kind", "values"),
    [
        (["oltp", "olap"], "categorical", ["oltp", "olap"]),
        ([True, False], "categorical", [True, False]),
        ([16, 1, 4], "ordinal", [16, 1, 4]),
        ({"kind": "bool"}, "bool", [False, True]),
        ({"kind": "ordinal", "choices": ["s", "m", "l"]}, "ordinal", ["s", "m", "l"]),
        ({"values": [1e6, 1e5], "scale": "log"}, "float", [1e6, 1e5]),
        ({"values": [3, 1]}, "int", [3, 1]),
        ({"kind": "float", "low": 0, "high": 9, "values": [3, 1]}, "float", [3.0, 1.0]),
    ],
)
def test_a_variable_is_a_list_or_a_parameter_with_the_values_to_tune_for(variable, kind, values):
    found = campaign(context={"v": variable})
    assert found.context is not None
    assert found.context.root["v"].kind == kind
    assert [each["v"] for each in found.contexts] == values
    assert Campaign.model_validate_json(found.model_dump_json()) == found


def test_every_combination_is_a_context_in_the_order_of_the_file():
    found = campaign(context={"a": ["x", "y"], "b": [1, 2]}).contexts
    assert found == ({"a": "x", "b": 1}, {"a": "x", "b": 2}, {"a": "y", "b": 1}, {"a": "y", "b": 2})


def test_a_point_holds_the_values_of_its_context_like_those_of_parameters():
    space = campaign().space
    assert space.point({"x": 0.1, "y": 0.2, "workload": "olap"}) == {"workload": "olap", "x": 0.1, "y": 0.2}
    with pytest.raises(InvalidPoint, match="`workload`: expected a value, got nothing"):
        space.point({"x": 0.1, "y": 0.2})


def test_within_a_context_points_need_not_name_it_and_those_of_others_lie_outside():
    whole = campaign(baseline={"x": 0.5, "y": 0.5}, start_with=[{"x": 0.1, "y": 0.1, "workload": "oltp"}])
    here, there = (whole.within(given) for given in whole.contexts)
    assert there.space.point({"x": 0.1, "y": 0.2}) == {"workload": "olap", "x": 0.1, "y": 0.2}
    assert [each.where for each in there.space.problems({"x": 0.1, "y": 0.2, "workload": "oltp"})] == [("workload",)]
    assert [len(each.start_with) for each in (here, there)] == [1, 0]
    assert [each.baseline for each in (here, there)] == [{"x": 0.5, "y": 0.5, **given} for given in whole.contexts]
    assert whole.given == {}
    assert here != there
    assert here.contexts == ()


def test_fix_restricts_new_trials_to_some_contexts():
    found = campaign(context={"a": ["x", "y"], "b": [1, 2]}, fix={"b": 2})
    assert found.open_contexts == ({"a": "x", "b": 2}, {"a": "y", "b": 2})
    assert found.within({"a": "x", "b": 2}).fix is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"context": {}}, "context: expected at least one variable"),
        ({"context": ["oltp"]}, "context: expected a mapping"),
        ({"context": {"x": ["a", "b"]}}, "context.x: expected a name of its own, got `x`, which is a parameter"),
        ({"context": {"loss": ["a", "b"]}}, "context.loss: expected a name of its own, got `loss`, which is a metric"),
        (
            {"context": {"u": ["a", "b"]}, "minimize": None, "objectives": [{"minimize": "u"}, {"maximize": "v"}]},
            "context.u: expected a name of its own, got `u`, which is a metric",
        ),
        ({"context": {"v": ["a"]}}, "context.v.choices: expected at least 2 items"),
        ({"context": {"v": ["a", "a"]}}, "context.v: expected distinct choices"),
        ({"context": {"v": {"values": [1, 1]}}}, "context.v: expected low < high"),
        ({"context": {"v": {"values": [1, 2, 1]}}}, "context.v.values.2: expected distinct values, got 1 again"),
        ({"context": {"v": FLOAT}}, "context.v.values: expected a value, got nothing"),
        ({"context": {"v": FLOAT | {"values": [0.5, 2]}}}, "context.v.values.1: expected a number between 0 and 1"),
        ({"context": {"v": {"kind": "fixed", "value": 1}}}, "context.v.kind: expected one of categorical, ordinal,"),
        ({"context": {"v": {"kind": "bool", "when": "x > 0"}}}, "context.v.when: expected no condition"),
        ({"context": {"v": [*range(11)], "w": [*range(10)]}}, "context: expected at most 100 combinations"),
        ({"stop_early": {"rule": "median"}}, "stop_early: expected no `stop_early` with a `context`"),
        ({"fix": {"workload": "batch"}}, "fix.workload: expected one of 'oltp', 'olap', got 'batch'"),
        ({"fix": {"x": 0.5, "y": 0.5}}, "fix: expected at least one parameter that is not fixed"),
        ({"baseline": {"x": 0.5}}, "baseline.y: expected a value, got nothing"),
        ({"baseline": {"x": 0.5, "y": 0.5, "workload": "batch"}}, "baseline.workload: expected one of 'oltp', 'olap'"),
        (
            {"context": {"v": {"values": [1.0, 3.0]}}, "start_with": [{"x": 0.5, "y": 0.5, "v": 2.0}]},
            "start_with.0.v: expected one of 1.0, 3.0, got 2.0",
        ),
        (
            {"context": {"v": [1, 2]}, "parameter_constraints": ["v <= 1"]},
            "parameter_constraints.0: expected a constraint on a parameter that is tuned, got `v <= 1`, which is about",
        ),
        (
            {
                "context": {"v": [1, 2]},
                "parameter_constraints": ["x * v <= 1"],
                "baseline": {"x": 0.7, "y": 0},
            },
            "baseline: expected `x * v <= 1`, got x = 0.7 and v = 2",
        ),
        (
            {"parameters": {"x": FLOAT, "y": FLOAT | {"when": {"work": "oltp"}}}},
            "parameters.y.when: expected one of workload, x, y, got the unknown parameter `work`",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(changes, problem):
    assert any(line.startswith(problem) for line in refused(**changes)), refused(**changes)


def test_an_ab_test_has_no_contexts():
    keys = {"kind": "ab_test", "arms": 3, "traffic": {"per_batch": 9000}, "baseline": {"x": 0.5, "y": 0.5}}
    assert any(line.startswith("arms: expected no `arms` with a `context`") for line in refused(**keys))


def test_conditions_calculations_and_constraints_may_name_a_context():
    parameters = {
        "x": FLOAT,
        "y": FLOAT | {"when": {"workload": "oltp"}},
        "load": {"kind": "derived", "value": "x * rows"},
    }
    context = {"workload": ["oltp", "olap"], "rows": {"values": [1.0, 10.0]}}
    space = campaign(parameters=parameters, context=context, parameter_constraints=["load <= 5"]).space
    assert space.point({"x": 0.5, "y": 0.1, "workload": "oltp", "rows": 10})["load"] == 5.0
    assert space.point({"x": 0.5, "workload": "olap", "rows": 1}) == {
        "workload": "olap",
        "rows": 1.0,
        "x": 0.5,
        "load": 0.5,
    }
    assert space.problems({"x": 0.6, "workload": "olap", "rows": 10})
    assert space.problems({"x": 0.5, "y": 0.1, "workload": "olap", "rows": 1})


def test_a_new_value_of_a_context_changes_only_on_request():
    was, now = campaign(), campaign(context={"workload": ["oltp", "olap", "batch"]})
    assert [line.split(":")[0] for line in differences(was, now)] == ["context.workload.choices"]
    assert differences(was, now, on_request=True) == []
    assert differences(was, campaign(context=None), on_request=True)


def test_a_campaign_without_contexts_records_nothing_about_them():
    assert "context" not in campaign(context=None).model_dump()


@for_any(st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from("stuv"), min_size=2, unique=True)))
def test_each_point_is_for_at_most_one_context_and_each_context_has_points(context):
    if not context:
        return
    found = campaign(context=context)
    for given in found.contexts:
        point = found.within(given).space.point({"x": 0.5, "y": 0.5})
        assert found.context_of(point) == given


IN_ONE = {"x": FLOAT, "y": FLOAT | {"when": {"workload": "oltp"}}, "z": FLOAT | {"when": "y >= 0.5"}}


def test_a_point_for_all_contexts_lacks_what_a_context_makes_inactive_and_may_not_name_it_for_such_a_context_alone():
    point = {"x": 0.5, "y": 0.6, "z": 0.7}
    whole = campaign(parameters=IN_ONE, baseline=point, start_with=[point])
    here, there = (whole.within(given) for given in whole.contexts)
    assert here.status_quo == {"workload": "oltp", **point}
    assert there.status_quo == {"workload": "olap", "x": 0.5}
    assert whole.first_points == (*[here.status_quo] * 2, *[there.status_quo] * 2)
    [problem, *_] = refused(parameters=IN_ONE, baseline={**point, "workload": "olap"})
    assert problem.startswith("baseline.y: expected no value, because it is active only if workload is oltp, got 0.6")


def test_a_mistake_that_a_point_has_in_all_contexts_is_reported_once():
    assert len(refused(baseline={"x": 2, "y": 0.5})) == 1
