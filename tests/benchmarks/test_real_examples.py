"""The comparison of real examples judges results by the campaign's goal, and its picture shows every contestant."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.real.example import copied, evaluated, means
from benchmarks.real.picture import svg_of
from benchmarks.real.rivals import Tried
from overnight.campaign import Campaign


def tried(**goal: object) -> Tried:
    space = {"x": {"kind": "float", "low": 0, "high": 1}}
    fields = {"name": "real", "parameters": space, "budget": {"trials": 4}, "baseline": {"x": 0.5}, **goal}
    return Tried(Campaign.model_validate(fields))


@pytest.mark.parametrize(("goal", "best"), [({"maximize": "speed"}, 0.3), ({"minimize": "speed"}, 0.5)])
def test_the_best_measured_point_is_the_best_of_those_within_the_limits(goal, best):
    found = tried(**goal, constraints=["heat <= 1.1 * baseline"])
    for x, metrics in {
        0.5: {"speed": 1.0, "heat": 10.0},
        0.3: {"speed": 2.0, "heat": 11.0},
        0.1: {"speed": 9.0, "heat": 11.5},
        0.2: {"speed": 0.1, "heat": 12.0},
        0.9: None,
    }.items():
        found.add({"x": x}, metrics)
    assert found.best_measured == {"x": best}
    assert found.excess({"speed": 0.0, "heat": 12.0}) == [pytest.approx(1.0)]


def test_limits_of_calculations_are_judged_by_their_parts():
    found = tried(maximize="speed / default_speed", constraints=["heat / power <= 1.1 * baseline"])
    found.add({"x": 0.5}, {"speed": 2.0, "default_speed": 1.0, "heat": 20.0, "power": 2.0})
    metrics = {"speed": 6.0, "default_speed": 2.0, "heat": 6.0, "power": 0.5}
    assert found.value(metrics) == 3.0
    assert found.excess(metrics) == [pytest.approx(1.0)]
    assert not found.is_feasible(metrics | {"power": 0.0}), "no value is not within any limit"


def test_without_a_feasible_result_nothing_is_the_best():
    found = tried(maximize="speed", constraints=["heat <= 1"])
    found.add({"x": 0.5}, {"speed": 1.0, "heat": 2.0})
    assert found.best_measured is None


def test_the_picture_names_each_contestant_and_the_baseline_and_is_well_formed():
    curves = {"overnight": [[None, 2.0, 40.0], [1.0, 3.0, 30.0]], "sobol": [[1.0, 2.0, 2.0]]}
    root = ElementTree.fromstring(svg_of(curves, "speed so far", "operations/s", 1.0))
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Overnight", "random (Sobol)", "baseline", "speed so far", "operations/s"} <= {*texts}
    places = [float(each.get("y", "0")) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert all(0 <= y <= 360 for y in places)


def test_a_picture_without_any_feasible_result_is_refused():
    with pytest.raises(ValueError, match="feasible"):
        svg_of({"overnight": [[None, None]]}, "nothing", "", None)


def test_a_function_receives_a_seed_only_if_it_asks_for_one():
    assert evaluated(lambda params: params["x"], {"x": 0.5}, 7) == 0.5
    assert evaluated(lambda params, seed: params["x"] + seed, {"x": 0.5}, 7) == 7.5


def test_a_function_that_reports_is_never_stopped():
    def learns(params, report):
        assert all(report(step, {"loss": 1.0}) is None for step in range(3))
        return params["x"]

    assert evaluated(learns, {"x": 0.5}, 7) == 0.5


def test_results_are_compared_by_their_means():
    found = means({"loss": {"mean": 0.5, "sem": 0.1}, "size": (3, 1), "time": 2})
    assert found == {"loss": 0.5, "size": 3.0, "time": 2.0}


def test_a_copied_example_is_evaluated_in_its_copy_and_a_failure_is_no_result():
    before = Path.cwd()
    with copied("pipeline") as example:
        assert Path.cwd() == example.folder
        assert example.measured({}, 1) is None
    assert Path.cwd() == before
    assert not example.folder.exists()
