import json
from datetime import UTC, datetime

import pytest
import torch
from standing import finding_lines, story_about
from told_campaigns import (
    MIXED,
    NOON,
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
from overnight.campaign.history.events import TrialRejected
from overnight.campaign.recommendation import Recommendation
from overnight.report.html import render_report

SPACE = campaign_of(cube(2))
VALLEY = campaign_of({"n": {"kind": "int", "low": 0, "high": 16}})
MIDDLE, BESIDE = {"n": 8}, ({"n": 7}, {"n": 9})


def all_but_its_middle() -> History:
    tried = [n for n in range(17) if n != 8]
    return history_of(VALLEY, [{"n": n} for n in tried], [(n - 8) ** 2 / 4 for n in tried], [0.01] * 16)


def anywhere(campaign: Campaign, history: History) -> Recommendation:
    found = recommend(campaign, history)
    assert found is not None
    return found


def among_the_measured(campaign: Campaign, history: History) -> Recommendation:
    found = recommend(campaign, history, anywhere=False)
    assert found is not None
    return found


def believed(campaign: Campaign, history: History) -> Model:
    """Return the model of the recommendation, averaged over hyperparameters."""
    generator = torch.Generator().manual_seed(seed_of(campaign, 0))
    return Model.of(observed_by(campaign, history.model_view()), BayesianProposer(), generator, sets=32)


def test_a_point_that_was_never_tried_is_recommended_where_it_is_believed_to_be_better() -> None:
    points = [p for p in some_points(SPACE, 24) if bowl(p) > 0.02]
    history = history_of(SPACE, points, [bowl(p) for p in points])
    found, tried = anywhere(SPACE, history), among_the_measured(SPACE, history)
    assert found.trial is None
    assert found.best_measured == tried.trial == tried.best_measured
    assert found.mean < tried.mean
    assert bowl(found.point) < 0.01 < bowl(tried.point)
    assert found == anywhere(SPACE, history)
    assert found.probability_best > tried.probability_best


def test_it_is_the_maximum_of_the_posterior_mean_over_the_whole_space() -> None:
    history = told(SPACE, 15)
    found = anywhere(SPACE, history)
    model = believed(SPACE, history)
    axis = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)
    mean, _ = model.posterior.averaged(torch.cartesian_prod(axis, axis))
    # The metric is minimised, and the standardised outcome maximised.
    assert found.mean <= model.observed.outcomes.mean_in_units(float(mean.max())) + 1e-9
    assert found.mean == pytest.approx(model.observed.outcomes.mean_in_units(float(mean.max())), abs=1e-3)


def test_a_better_mean_is_not_enough_to_leave_a_measured_point() -> None:
    # Beyond the last points the loss is believed to fall further, but nothing there was measured.
    line = campaign_of(cube(1))
    history = history_of(line, [{"x0": x} for x in (0.0, 0.15, 0.3, 0.45)], [3.0, 2.0, 1.0, 0.0], [0.05] * 4)
    model = believed(line, history)
    axis = torch.linspace(0.0, 1.0, 1001, dtype=torch.float64).unsqueeze(1)
    mean, sd = model.posterior.averaged(axis)
    [best_mean], [best_sd] = model.posterior.averaged(torch.tensor([[0.45]], dtype=torch.float64))
    elsewhere = int(mean.argmax())
    assert mean[elsewhere] > best_mean
    assert mean[elsewhere] - 2 * sd[elsewhere] < best_mean - 2 * best_sd
    assert anywhere(line, history).trial == 4


def test_an_observed_point_is_recommended_where_no_other_is_believed_to_be_better() -> None:
    campaign = campaign_of({"n": {"kind": "int", "low": 0, "high": 4}})
    points = [{"n": i} for i in range(5)]
    found = anywhere(campaign, history_of(campaign, points, [3.0, 2.0, 0.0, 1.0, 2.0]))
    assert (found.trial, found.point) == (3, {"n": 2})


def test_a_point_that_failed_is_not_recommended() -> None:
    assert anywhere(VALLEY, all_but_its_middle()).point == MIDDLE
    broken = all_but_its_middle().extended([proposed(17, MIDDLE), failed(17)])
    assert anywhere(VALLEY, broken).point in BESIDE


def test_a_point_that_a_person_rejected_is_not_recommended() -> None:
    parked = proposed(17, MIDDLE).model_copy(update={"parked": True, "parked_because": "asked"})
    rejected = TrialRejected(time=NOON, actor="test", trial=17, why="too close to the limit")
    assert anywhere(VALLEY, all_but_its_middle().extended([parked])).point == MIDDLE
    assert anywhere(VALLEY, all_but_its_middle().extended([parked, rejected])).point in BESIDE


def test_mixed_spaces_and_a_baseline_are_searched_and_compared() -> None:
    points = some_points(campaign_of(MIXED), 9)
    campaign = campaign_of(MIXED, baseline=points[0])
    found = anywhere(campaign, history_of(campaign, points, [bowl(p) for p in points]))
    assert campaign.space.point(found.point) == found.point
    assert found.probability_better_than_baseline is not None


def test_readers_learn_that_the_point_was_not_measured_and_which_one_was() -> None:
    points = [p for p in some_points(SPACE, 24) if bowl(p) > 0.02]
    history = history_of(SPACE, points, [bowl(p) for p in points])
    found = anywhere(SPACE, history)
    not_measured = f"not measured; the best measured is trial {found.best_measured}"
    lines = "\n".join(finding_lines(history, found))
    assert f"recommended ({not_measured}): loss" in lines
    assert "probability of being better than all observed: " in lines
    page = render_report(history, story_about(history, recommendation=found, now=datetime(2026, 4, 1, tzinfo=UTC)))
    assert f"Recommended configuration ({not_measured})" in page
    assert f"at the recommended configuration ({not_measured})." in page
    assert f"or use that of trial {found.best_measured}" in page
    assert f"The probability that it is better than all {len(points)} observed is" in page
    assert "the recommended trial is ringed" not in page
    assert "trial None" not in page
    program = json.loads(story_about(history, recommendation=found).model_dump_json())["best"]["recommended"]
    assert (program["trial"], program["best_measured"]) == (None, found.best_measured)


def test_a_pending_point_counts_as_not_measured() -> None:
    history = all_but_its_middle().extended([proposed(17, MIDDLE)])
    found = anywhere(VALLEY, history)
    assert (found.trial, found.point) == (None, MIDDLE)
    assert anywhere(VALLEY, history.extended([observed(17, 0.0, 0.01)])).trial == 17
