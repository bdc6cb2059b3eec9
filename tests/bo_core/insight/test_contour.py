from itertools import combinations

import pytest
from told_campaigns import campaign_of, cube, history_of, some_points

from overnight.bo_core.insight.insight import insight_of
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, Point
from overnight.campaign.insight import InsightOfMetric

SETTINGS = BayesianProposer(device="cpu")


def learnt(campaign: Campaign, points: list[Point], means: list[float]) -> InsightOfMetric:
    history = history_of(campaign, points, means)
    found = insight_of(campaign, history, recommend(campaign, history, SETTINGS), SETTINGS)
    assert found is not None
    return found.metrics[0]


def test_a_contour_is_over_the_two_parameters_that_matter_most_and_finds_the_best_of_both() -> None:
    campaign = campaign_of(cube(3))
    points = some_points(campaign, 50)
    means = [3.0 * (float(p["x2"]) - 0.7) ** 2 + (float(p["x0"]) - 0.2) ** 2 for p in points]
    contour = learnt(campaign, points, means).contour
    assert contour is not None
    assert (contour.across, contour.up) == ("x2", "x0")
    cells = {
        mean: (x, y)
        for y, row in zip(contour.at_up, contour.mean, strict=True)
        for x, mean in zip(contour.at_across, row, strict=True)
        if mean is not None
    }
    assert cells[min(cells)] == pytest.approx((0.7, 0.2), abs=0.06)
    errors = [mean - 3.0 * (float(x) - 0.7) ** 2 - (float(y) - 0.2) ** 2 for mean, (x, y) in cells.items()]
    assert sum(map(abs, errors)) / len(errors) < 0.03


def test_a_contour_leaves_out_what_constraints_forbid() -> None:
    campaign = campaign_of(cube(2), parameter_constraints=["x0 + x1 <= 1"])
    points = some_points(campaign, 30)
    contour = learnt(campaign, points, [float(p["x0"]) + 2.0 * float(p["x1"]) for p in points]).contour
    assert contour is not None
    for y, row in zip(contour.at_up, contour.mean, strict=True):
        for x, mean in zip(contour.at_across, row, strict=True):
            assert (mean is None) == (float(x) + float(y) > 1.0 + 1e-12)


def test_a_contour_of_choices_has_a_cell_for_each_pair() -> None:
    parameters = {
        "mode": {"kind": "categorical", "choices": ["a", "b", "c"]},
        "fast": {"kind": "bool"},
    }
    campaign = campaign_of(parameters)
    points: list[Point] = [{"mode": mode, "fast": fast} for mode in "abc" for fast in (False, True)]
    contour = learnt(campaign, points, [1.0, 0.9, 3.0, 2.9, 2.0, 1.9]).contour
    assert contour is not None
    assert (contour.at_across, contour.at_up) == (("a", "b", "c"), (False, True))
    assert [len(row) for row in contour.mean] == [3, 3]


def test_the_five_parameters_that_matter_most_have_a_contour_for_each_pair() -> None:
    campaign = campaign_of(cube(7))
    points = some_points(campaign, 60)
    of_metric = learnt(campaign, points, [sum((1 + i) * float(p[f"x{i}"]) for i in range(7)) for p in points])
    assert of_metric.contour is not None
    every = (of_metric.contour, *of_metric.pairs)
    names = [each.parameter for each in of_metric.slices[:5]]
    assert [(each.across, each.up) for each in every] == list(combinations(names, 2))
    for each in every:
        assert (each.at_across[0], each.at_up[-1]) == (0.0, 1.0)
        # The metric rises with each parameter.
        corners = [mean for mean in (each.mean[0][0], each.mean[0][-1], each.mean[-1][-1]) if mean is not None]
        assert len(corners) == 3
        assert corners == sorted(corners)


def test_there_is_no_contour_of_a_single_parameter() -> None:
    campaign = campaign_of(cube(1))
    points = some_points(campaign, 8)
    assert learnt(campaign, points, [float(p["x0"]) for p in points]).contour is None
