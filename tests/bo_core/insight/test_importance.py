import math

import pytest
from told_campaigns import campaign_of, cube, history_of, some_points, told

from overnight.bo_core.insight.insight import insight_of
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History
from overnight.campaign.insight import Importance, InsightOfMetric

SETTINGS = BayesianProposer(device="cpu")


def learnt(campaign: Campaign, history: History) -> InsightOfMetric:
    found = insight_of(campaign, history, recommend(campaign, history, SETTINGS), SETTINGS)
    assert found is not None
    [of] = found.metrics
    return of


def by_name(of: InsightOfMetric) -> dict[str, Importance]:
    return {each.parameter: each for each in of.importance}


def test_a_dead_parameter_is_unimportant_and_the_others_have_the_known_shares() -> None:
    campaign = campaign_of(cube(3))
    points = some_points(campaign, 60)
    means = [3.0 * float(p["x0"]) + 1.0 * float(p["x2"]) for p in points]
    of = learnt(campaign, history_of(campaign, points, means))
    found = by_name(of)
    assert [each.parameter for each in of.importance] == ["x0", "x2", "x1"]
    assert [each.parameter for each in of.slices] == ["x0", "x2", "x1"]
    assert found["x0"].total.value == pytest.approx(0.9, abs=0.03)
    assert found["x2"].total.value == pytest.approx(0.1, abs=0.03)
    assert found["x1"].total.high < 0.02
    main = found["x0"].main
    assert main is not None
    assert main.low <= 0.9 <= main.high


def test_few_noisy_results_leave_importance_uncertain() -> None:
    campaign = campaign_of(cube(4))
    few, many = (by_name(learnt(campaign, told(campaign, count, noise=0.1))) for count in (8, 80))

    def widths(found: dict[str, Importance]) -> float:
        return sum(each.total.high - each.total.low for each in found.values())

    assert widths(few) > 2.0 * widths(many)


def test_indices_lie_in_their_intervals_between_0_and_1() -> None:
    campaign = campaign_of(cube(5))
    for each in learnt(campaign, told(campaign, 15)).importance:
        assert each.main is not None
        for index in (each.main, each.total):
            assert 0.0 <= index.low <= index.value <= index.high <= 1.0


def test_a_parameter_is_never_less_important_with_others_than_alone() -> None:
    campaign = campaign_of(cube(30))
    for each in learnt(campaign, told(campaign, 40)).importance:
        assert each.main is not None
        assert each.total.value >= each.main.value


def test_choices_and_whole_numbers_have_indices_too() -> None:
    parameters = {
        "mode": {"kind": "categorical", "choices": ["a", "b", "c"]},
        "depth": {"kind": "int", "low": 1, "high": 5},
        "fast": {"kind": "bool"},
        "x": {"kind": "float", "low": 0.001, "high": 1.0, "scale": "log"},
    }
    campaign = campaign_of(parameters)
    points = some_points(campaign, 60)
    means = [2.0 * (p["mode"] == "b") + 0.5 * float(p["depth"]) + 0.1 * math.log(float(p["x"])) for p in points]
    found = by_name(learnt(campaign, history_of(campaign, points, means)))
    # The variances of the three terms: 4 × 2/9, 0.25 × 2, and 0.01 × ln(1000)² / 12.
    variances = {"mode": 8 / 9, "depth": 0.5, "x": 0.01 * math.log(1000) ** 2 / 12, "fast": 0.0}
    for name, variance in variances.items():
        assert found[name].total.value == pytest.approx(variance / sum(variances.values()), abs=0.06)


def test_constraints_leave_total_indices_only() -> None:
    campaign = campaign_of(cube(3), parameter_constraints=["x0 + x1 <= 1"])
    points = some_points(campaign, 40)
    of = learnt(campaign, history_of(campaign, points, [float(p["x0"]) for p in points]))
    found = by_name(of)
    assert all(each.main is None for each in of.importance)
    assert found["x0"].total.value == pytest.approx(0.75, abs=0.06)
    assert found["x2"].total.value < 0.02


def test_a_single_parameter_needs_no_indices() -> None:
    campaign = campaign_of(cube(1))
    of = learnt(campaign, told(campaign, 10))
    assert of.importance == ()
    assert len(of.slices) == 1
