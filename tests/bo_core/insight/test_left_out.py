import math
import random

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from surrogate_cases import correlation_by_the_textbook
from told_campaigns import QUICK, campaign_of, cube, history_of, some_points

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.insight.insight import insight_of
from overnight.bo_core.insight.left_out import left_out as left_out_of
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.bo_core.recommendation.counted import Counted, generator_for
from overnight.bo_core.situated import viewed
from overnight.bo_core.widening import WIDENING
from overnight.campaign import Campaign, History, Point
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.insight import LeftOut

SETTINGS = BayesianProposer(device="cpu")


def left_out(campaign: Campaign, history: History) -> LeftOut | None:
    found = insight_of(campaign, history, recommend(campaign, history, SETTINGS), SETTINGS)
    assert found is not None
    return found.metrics[0].left_out


def noisy(count: int, signal: float, noise: float) -> tuple[Campaign, History]:
    campaign, source = campaign_of(cube(2)), random.Random(3)
    points = some_points(campaign, count)
    means = [signal * math.sin(3.0 * float(p["x0"])) + noise * source.gauss(0, 1) for p in points]
    return campaign, history_of(campaign, points, means)


def test_a_smooth_metric_is_predicted_and_its_results_lie_in_their_intervals() -> None:
    found = left_out(*noisy(60, 1.0, 0.05))
    assert found is not None
    assert len(found.results) == 60
    assert found.explained > 0.9
    assert found.noise < 0.2
    inside = sum(each.low <= each.measured <= each.high for each in found.results)
    assert inside >= 50


def test_pure_noise_is_known_to_be_noise() -> None:
    found = left_out(*noisy(60, 0.0, 1.0))
    assert found is not None
    assert found.explained < 0.1
    assert found.noise > 0.7


def test_measured_values_and_their_trials_are_those_of_the_history() -> None:
    campaign, history = noisy(12, 1.0, 0.1)
    found = left_out(campaign, history)
    assert found is not None
    for each in found.results:
        assert each.measured == pytest.approx(history.trials[each.trial].measured["loss"].mean, rel=1e-9)
        assert each.low < each.predicted < each.high


def test_a_prediction_agrees_with_a_model_that_never_saw_the_result() -> None:
    campaign, history = noisy(40, 1.0, 0.02)
    found = left_out(campaign, history)
    assert found is not None
    for each in found.results[::13]:
        kept = [trial for number, trial in sorted(history.trials.items()) if number != each.trial]
        others = history_of(campaign, [t.point for t in kept], [t.measured["loss"].mean for t in kept])
        alone = predicted_at(campaign, others, history.trials[each.trial].point)
        # A new fit moves the hyperparameters and the scale a little.
        assert each.predicted == pytest.approx(alone.mean, abs=0.05)


def predicted_at(campaign: Campaign, history: History, point: Point) -> Prediction:
    found = recommend(campaign, history, SETTINGS)
    assert found is not None
    insight = insight_of(campaign, history, found.model_copy(update={"point": point}), SETTINGS)
    assert insight is not None
    [of_x0] = [each for each in insight.metrics[0].slices if each.parameter == "x0"]
    mean = of_x0.mean[of_x0.values.index(point["x0"])]
    assert mean is not None
    return Prediction(mean=mean)


def test_repetitions_of_a_point_are_left_out_together() -> None:
    campaign, source = campaign_of(cube(1)), random.Random(1)
    points: list[Point] = [{"x0": i / 9} for i in range(10)] * 2
    means = [float(p["x0"]) + 0.1 * source.gauss(0, 1) for p in points]
    found = left_out(campaign, history_of(campaign, points, means))
    assert found is not None
    assert [each.trial for each in found.results] == list(range(1, 11))
    for i, each in enumerate(found.results):
        assert each.measured == pytest.approx((means[i] + means[i + 10]) / 2)


def test_too_few_distinct_points_are_not_predicted() -> None:
    campaign = campaign_of(cube(1))
    points: list[Point] = [{"x0": i / 3} for i in range(4)] * 3
    assert left_out(campaign, history_of(campaign, points, [float(i) for i in range(12)])) is None


def test_in_a_context_its_own_results_are_predicted_as_they_were_measured() -> None:
    campaign = campaign_of(cube(1), context={"load": ["low", "high"]})
    points: list[Point] = [{"load": load, "x0": i / 9} for i in range(10) for load in ("low", "high")]
    means = [(100.0 if p["load"] == "high" else 1.0) * (1.0 + float(p["x0"]) ** 2) for p in points]
    history = history_of(campaign, points, means)
    insight = insight_of(campaign, history, recommend(campaign, history, SETTINGS), SETTINGS)
    assert insight is not None
    for each in insight.contexts:
        found = each.insight.metrics[0].left_out
        assert found is not None
        trials = [history.trials[result.trial] for result in found.results]
        assert [trial.point["load"] for trial in trials] == [each.given["load"]] * 10
        measured = [trial.measured["loss"].mean for trial in trials]
        assert [result.measured for result in found.results] == pytest.approx(measured)


def test_a_prediction_is_that_of_the_textbook_without_the_result_with_widened_deviations() -> None:
    campaign, history = noisy(14, 1.0, 0.3)
    encoding, proposer = Encoding(campaign.space), QUICK.model_copy(update={"tails": "plain", "warping": "never"})
    view, generator = viewed(campaign, history, encoding, proposer), generator_for(campaign)
    model = Counted.of(campaign, view, proposer, None, generator).contest(generator).model
    found = left_out_of("loss", model, {})
    assert found is not None
    X, y, outcomes = model.observed.X.numpy(), model.observed.outcomes.y.numpy(), model.observed.outcomes
    theta = model.posterior.hyperparameters  # pyright: ignore[reportAttributeAccessIssue]
    noises = theta.noise_variance.flatten().tolist()
    for i, result in enumerate(found.results):
        means, seconds, others = [], [], [j for j in range(len(X)) if j != i]
        for scales, noise in zip(theta.length_scales.numpy(), noises, strict=True):
            C = correlation_by_the_textbook("matern52", cdist(X / scales, X / scales))
            whole = np.linalg.inv(C + noise * np.eye(len(X)))
            m, k = whole.sum(0) @ y / whole.sum(), C[i, others]
            inverse = np.linalg.inv(C[np.ix_(others, others)] + noise * np.eye(len(others)))
            means.append(m + k @ inverse @ (y[others] - m))
            seconds.append(1.0 - k @ inverse @ k)
        sd = math.sqrt(WIDENING**2 * (np.mean(seconds) + np.var(means)) + np.mean(noises))
        mean = outcomes.mean_in_units(float(np.mean(means)))
        assert result.predicted == pytest.approx(mean, rel=1e-5)
        assert result.high == pytest.approx(mean + 1.6448536 * outcomes.scale * sd, rel=1e-5)
        assert result.low == pytest.approx(mean - 1.6448536 * outcomes.scale * sd, rel=1e-5)
