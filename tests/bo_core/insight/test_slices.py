import math
from statistics import NormalDist

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from surrogate_cases import correlation_by_the_textbook
from told_campaigns import MIXED, QUICK, bowl, campaign_of, cube, history_of, some_points, told

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.insight.insight import insight_of
from overnight.bo_core.insight.slices import slices_through
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.bo_core.recommendation.counted import Counted, generator_for
from overnight.bo_core.situated import viewed
from overnight.bo_core.widening import WIDENING
from overnight.campaign import Campaign, History, Point
from overnight.campaign.insight import Insight, Slice

SETTINGS = BayesianProposer(device="cpu")


def learnt(campaign: Campaign, history: History) -> Insight:
    found = insight_of(campaign, history, recommend(campaign, history, SETTINGS), SETTINGS)
    assert found is not None
    return found


def by_name(found: Insight) -> dict[str, Slice]:
    [of] = found.metrics
    return {each.parameter: each for each in of.slices}


def test_a_slice_is_the_posterior_of_the_textbook_with_widened_deviations() -> None:
    campaign = campaign_of(cube(2))
    history, proposer = told(campaign, 16), QUICK.model_copy(update={"tails": "plain", "warping": "never"})
    encoding = Encoding(campaign.space)
    view, generator = viewed(campaign, history, encoding, proposer), generator_for(campaign)
    model = Counted.of(campaign, view, proposer, None, generator).contest(generator).model
    point: Point = {"x0": 0.2, "x1": 0.9}
    [found] = [each for each in slices_through(point, model, encoding) if each.parameter == "x0"]
    at = found.values.index(1.0)
    means, seconds = [], []
    y, scale = -np.array([m.mean for m in model.observed.measured]), model.observed.outcomes.scale
    y = (y - y.mean()) / scale
    X, x = model.observed.X.numpy(), np.array([[1.0, 0.9]])
    theta = model.posterior.hyperparameters  # pyright: ignore[reportAttributeAccessIssue]
    for scales, noise in zip(theta.length_scales.numpy(), theta.noise_variance.flatten().tolist(), strict=True):
        K = correlation_by_the_textbook("matern52", cdist(X / scales, X / scales)) + noise * np.eye(len(X))
        k = correlation_by_the_textbook("matern52", cdist(x / scales, X / scales))[0]
        inverse = np.linalg.inv(K)
        m = inverse.sum(0) @ y / inverse.sum()
        means.append(m + k @ inverse @ (y - m))
        seconds.append(1.0 - k @ inverse @ k)
    sd = WIDENING * math.sqrt(np.mean(seconds) + np.var(means))
    raw = np.array([m.mean for m in model.observed.measured])
    mean = raw.mean() - scale * np.mean(means)
    assert found.mean[at] == pytest.approx(mean, rel=1e-5)
    assert found.high[at] == pytest.approx(mean + 1.6448536 * scale * sd, rel=1e-4)
    assert found.low[at] == pytest.approx(mean - 1.6448536 * scale * sd, abs=1e-4)


def test_an_effect_is_as_certain_as_the_difference_of_its_two_ends_in_the_textbook() -> None:
    campaign = campaign_of(cube(2))
    history, proposer = told(campaign, 12, noise=0.3), QUICK.model_copy(update={"tails": "plain", "warping": "never"})
    encoding = Encoding(campaign.space)
    view, generator = viewed(campaign, history, encoding, proposer), generator_for(campaign)
    model = Counted.of(campaign, view, proposer, None, generator).contest(generator).model
    [found] = [each for each in slices_through({"x0": 0.2, "x1": 0.9}, model, encoding) if each.parameter == "x0"]
    X, x = model.observed.X.numpy(), np.array([[float(value), 0.9] for value in found.values])
    y, means, covariances = model.observed.outcomes.y.numpy(), [], []
    theta = model.posterior.hyperparameters  # pyright: ignore[reportAttributeAccessIssue]
    for scales, noise in zip(theta.length_scales.numpy(), theta.noise_variance.flatten().tolist(), strict=True):
        K, k, prior = (
            correlation_by_the_textbook("matern52", cdist(a / scales, b / scales)) for a, b in ((X, X), (x, X), (x, x))
        )
        inverse = np.linalg.inv(K + noise * np.eye(len(X)))
        m = inverse.sum(0) @ y / inverse.sum()
        means.append(m + k @ inverse @ (y - m))
        covariances.append(prior - k @ inverse @ k.T)
    best, worst = np.argmax(np.mean(means, 0)), np.argmin(np.mean(means, 0))
    apart = np.array([mean[best] - mean[worst] for mean in means])
    variance = np.mean([c[best, best] + c[worst, worst] - 2.0 * c[best, worst] for c in covariances])
    likely = NormalDist().cdf(apart.mean() / (WIDENING * math.sqrt(variance + apart.var())))
    assert 0.55 < likely < 0.995
    assert found.certain == pytest.approx(likely, abs=1e-4)


def test_every_slice_passes_through_the_recommended_mean() -> None:
    campaign = campaign_of(MIXED)
    points = some_points(campaign, 30)
    history = history_of(campaign, points, [bowl(p) + 0.01 * i for i, p in enumerate(points)])
    found = recommend(campaign, history, SETTINGS)
    assert found is not None
    insight = learnt(campaign, history)
    assert insight.point == found.point
    for name, each in by_name(insight).items():
        at = each.values.index(found.point[name])
        assert each.mean[at] == pytest.approx(found.mean, rel=1e-6)


def test_choices_and_few_whole_numbers_are_all_there_in_their_order() -> None:
    campaign = campaign_of(MIXED)
    points = some_points(campaign, 20)
    slices = by_name(learnt(campaign, history_of(campaign, points, [bowl(p) for p in points])))
    assert slices["depth"].values == (1, 2, 3)
    assert slices["batch"].values == (16, 32, 64, 128)
    assert slices["method"].values == ("adam", "sgd", True)
    assert "epochs" not in slices
    assert all(isinstance(value, int) for value in slices["width"].values)
    assert list(slices["width"].values) == sorted(set(slices["width"].values))
    rate = [math.log(float(value)) for value in slices["rate"].values]
    assert rate[0] == pytest.approx(math.log(1e-4))
    assert rate[-1] == pytest.approx(math.log(0.1))


def test_the_parameter_along_which_the_mean_changes_most_is_first() -> None:
    campaign = campaign_of(cube(3))
    points = some_points(campaign, 30)
    means = [(float(p["x0"]) - 0.3) ** 2 + 5.0 * (float(p["x2"]) - 0.3) ** 2 for p in points]
    [of] = learnt(campaign, history_of(campaign, points, means)).metrics
    assert [each.parameter for each in of.slices] == ["x2", "x0", "x1"]
    certain = {each.parameter: each.certain for each in of.slices}
    assert certain["x2"] > 0.999


def test_constraints_cut_slices_and_inactive_parameters_have_none() -> None:
    parameters = {
        **cube(2),
        "solver": {"kind": "categorical", "choices": ["tree", "net"]},
        "depth": {"kind": "int", "low": 1, "high": 9, "when": {"solver": "tree"}},
        "width": {"kind": "int", "low": 1, "high": 9, "when": {"solver": "net"}},
    }
    campaign = campaign_of(parameters, parameter_constraints=["x0 + x1 <= 1"])
    points = some_points(campaign, 30)
    means = [float(p["x0"]) + (p["solver"] == "net") for p in points]
    insight = learnt(campaign, history_of(campaign, points, means))
    slices = by_name(insight)
    assert insight.point["solver"] == "tree"
    assert "depth" in slices
    assert "width" not in slices
    assert None not in slices["solver"].mean
    other = float(insight.point["x1"])
    for value, mean, low in zip(slices["x0"].values, slices["x0"].mean, slices["x0"].low, strict=True):
        assert (mean is None) == (float(value) + other > 1)
        assert (low is None) == (mean is None)


def test_parameters_that_follow_from_others_have_no_slice_and_fixed_ones_neither() -> None:
    campaign = campaign_of(cube(4), parameter_constraints=["x0 + x1 + x2 == 1"], fix={"x3": 0.5})
    points = some_points(campaign, 20)
    slices = by_name(learnt(campaign, history_of(campaign, points, [float(p["x0"]) for p in points])))
    assert len(slices) == 2
    assert "x3" not in slices


def test_the_insight_of_a_history_is_the_same_bits_each_time() -> None:
    campaign = campaign_of(cube(3))
    history = told(campaign, 20)
    first = learnt(campaign, history)
    torch.manual_seed(7)
    assert learnt(campaign, history) == first


def test_there_is_no_insight_without_a_recommendation_or_a_model() -> None:
    campaign = campaign_of(cube(2))
    assert insight_of(campaign, told(campaign, 0), None, SETTINGS) is None
    history = told(campaign, 5)
    found = recommend(campaign, history, SETTINGS)
    assert found is not None
    measured = found.model_copy(update={"without_model": "it failed"})
    assert insight_of(campaign, history, measured, SETTINGS) is None


def test_each_context_has_an_insight_of_its_own() -> None:
    campaign = campaign_of(cube(1), context={"load": ["low", "high"]})
    points: list[Point] = [{"load": load, "x0": i / 9} for i in range(10) for load in ("low", "high")]
    best = {"low": 0.2, "high": 0.8}
    means = [(float(p["x0"]) - best[str(p["load"])]) ** 2 for p in points]
    insight = learnt(campaign, history_of(campaign, points, means))
    assert insight.metrics == ()
    for load, where in best.items():
        own = insight.in_context({"load": load})
        assert own is not None
        [each] = own.metrics[0].slices
        known = [(mean, float(value)) for mean, value in zip(each.mean, each.values, strict=True) if mean is not None]
        assert min(known)[1] == pytest.approx(where, abs=0.1)
