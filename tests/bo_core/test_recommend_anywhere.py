from datetime import UTC, datetime

import pytest
import torch
from standing import finding_lines, story_about
from told_campaigns import (
    MIXED,
    bowl,
    campaign_of,
    cube,
    failed,
    history_of,
    observed,
    observed_by,
    proposed,
    some_points,
    told,
)

from overnight.bo_core.data.state import seed_of
from overnight.bo_core.model import Model
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History
from overnight.campaign.recommendation import Recommendation
from overnight.report.html import render_report

SPACE = campaign_of(cube(2))
VALLEY = campaign_of({"n": {"kind": "int", "low": 0, "high": 8}})


def all_but_its_middle() -> History:
    tried = [n for n in range(9) if n != 4]
    return history_of(VALLEY, [{"n": n} for n in tried], [(n - 4) ** 2 / 4 for n in tried], [0.01] * 8)


def anywhere(campaign: Campaign, history: History) -> Recommendation:
    found = recommend(campaign, history, anywhere=True)
    assert found is not None
    return found


def test_a_point_that_was_never_tried_is_recommended_where_it_is_believed_to_be_better() -> None:
    points = [p for p in some_points(SPACE, 24) if bowl(p) > 0.02]
    history = history_of(SPACE, points, [bowl(p) for p in points])
    found, tried = anywhere(SPACE, history), recommend(SPACE, history)
    assert tried is not None
    assert found.trial is None
    assert found.mean < tried.mean
    assert bowl(found.point) < 0.01 < bowl(tried.point)
    assert found == anywhere(SPACE, history)
    assert found.probability_best > tried.probability_best


def test_it_is_the_maximum_of_the_posterior_mean_over_the_whole_space() -> None:
    history = told(SPACE, 15)
    found = anywhere(SPACE, history)
    generator = torch.Generator().manual_seed(seed_of(SPACE, 0))
    model = Model.of(observed_by(SPACE, history.model_view()), BayesianProposer(), generator, averaged=True)
    axis = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)
    mean, _ = model.posterior.averaged(torch.cartesian_prod(axis, axis))
    # The metric is minimised, and the standardised outcome maximised.
    assert found.mean <= model.observed.outcomes.mean_in_units(float(mean.max())) + 1e-9
    assert found.mean == pytest.approx(model.observed.outcomes.mean_in_units(float(mean.max())), abs=1e-3)


def test_an_observed_point_is_recommended_where_no_other_is_believed_to_be_better() -> None:
    campaign = campaign_of({"n": {"kind": "int", "low": 0, "high": 4}})
    points = [{"n": i} for i in range(5)]
    found = anywhere(campaign, history_of(campaign, points, [3.0, 2.0, 0.0, 1.0, 2.0]))
    assert (found.trial, found.point) == (3, {"n": 2})


def test_a_point_that_failed_is_not_recommended() -> None:
    assert anywhere(VALLEY, all_but_its_middle()).point == {"n": 4}
    broken = all_but_its_middle().extended([proposed(9, {"n": 4}), failed(9)])
    assert anywhere(VALLEY, broken).point in ({"n": 3}, {"n": 5})


def test_mixed_spaces_and_a_baseline_are_searched_and_compared() -> None:
    points = some_points(campaign_of(MIXED), 9)
    campaign = campaign_of(MIXED, baseline=points[0])
    found = anywhere(campaign, history_of(campaign, points, [bowl(p) for p in points]))
    assert campaign.parameters.point(found.point) == found.point
    assert found.probability_better_than_baseline is not None


def test_whoever_reads_it_is_told_that_the_point_was_not_tried() -> None:
    points = [p for p in some_points(SPACE, 24) if bowl(p) > 0.02]
    history = history_of(SPACE, points, [bowl(p) for p in points])
    found = anywhere(SPACE, history)
    assert "recommended (not tried yet): loss" in "\n".join(finding_lines(history, found))
    page = render_report(history, story_about(history, recommendation=found, now=datetime(2026, 4, 1, tzinfo=UTC)))
    assert "Recommended configuration (not tried yet)" in page
    assert "measure it before you rely on it" in page
    assert "trial None" not in page


def test_a_pending_point_counts_as_not_tried() -> None:
    history = all_but_its_middle().extended([proposed(9, {"n": 4})])
    found = anywhere(VALLEY, history)
    assert (found.trial, found.point) == (None, {"n": 4})
    assert anywhere(VALLEY, history.extended([observed(9, 0.0, 0.01)])).trial == 9
