import random
from statistics import NormalDist

import pytest
from told_campaigns import MIXED, bowl, campaign_of, cube, defined, failed, history_of, proposed, some_points

from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import History, Point

LINE = campaign_of(cube(1), baseline={"x0": 0.5})


def at(x: float) -> Point:
    return {"x0": x}


def test_nothing_is_recommended_before_an_observation() -> None:
    history = History.from_events([defined(LINE), proposed(1, at(0.1)), proposed(2, at(0.2)), failed(2)])
    assert recommend(LINE, history) is None


def test_the_only_observation_is_recommended() -> None:
    found = recommend(LINE, history_of(LINE, [at(0.2)], [7.0]))
    assert found is not None
    assert (found.trial, found.mean, found.probability_best) == (1, pytest.approx(7.0), 1.0)
    assert found.baseline_mean is None


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_luckiest_noisy_value_is_not_recommended_over_a_point_that_was_good_again_and_again(direction: str) -> None:
    campaign = campaign_of(cube(1), **({"maximize": "gain"} if direction == "maximize" else {}))
    sign = -1.0 if direction == "maximize" else 1.0
    # At 0.8 the loss is about 1, except for one lucky -0.3; at 0.2 it is about 0 each time.
    points = [at(0.2)] * 6 + [at(0.8)] * 6 + [at(0.5)] * 3
    losses = [0.05, -0.1, 0.1, 0.0, -0.05, 0.02, 1.1, -0.3, 0.9, 1.2, 1.0, 1.1, 0.6, 0.5, 0.7]
    found = recommend(campaign, history_of(campaign, points, [sign * loss for loss in losses]))
    assert found is not None
    assert found.point == at(0.2)
    assert found.probability_best > 0.9
    assert found.mean == pytest.approx(0.0, abs=0.15)


def test_a_lucky_value_with_a_large_known_noise_is_not_recommended() -> None:
    points, means = [at(0.1), at(0.4), at(0.7), at(0.95)], [0.2, 0.0, 0.3, -1.0]
    found = recommend(LINE, history_of(LINE, points, means, [0.02, 0.02, 0.02, 3.0]))
    assert found is not None
    assert found.trial == 2


def test_trials_of_one_point_share_its_probability_of_being_best() -> None:
    once = recommend(LINE, history_of(LINE, [at(0.1), at(0.9)], [0.0, 1.0], [0.01] * 2))
    often = recommend(LINE, history_of(LINE, [at(0.1), at(0.9), *[at(0.1)] * 8], [0.0, 1.0] + [0.0] * 8, [0.01] * 10))
    assert once is not None
    assert often is not None
    assert once.probability_best > 0.95
    assert often.probability_best > 0.95
    assert often.trial == 1


@pytest.mark.parametrize(("count", "averaged"), [(40, True), (100, False)])
def test_what_is_said_of_it_is_averaged_over_hyperparameters_while_there_are_few_observations(
    count: int, averaged: bool
) -> None:
    campaign = campaign_of(cube(2))
    points, chance = some_points(campaign, count), random.Random(4)
    history = history_of(campaign, points, [bowl(point) + chance.gauss(0, 0.1) for point in points])
    settings = ("auto", "average", "map")
    default, average, likeliest = (
        recommend(campaign, history, BayesianProposer(hyperparameters=setting)) for setting in settings
    )
    assert default == (average if averaged else likeliest)
    assert average != likeliest


def test_points_that_are_all_alike_are_each_as_likely_to_be_best() -> None:
    points = [at(i / 4) for i in range(5)]
    found = recommend(LINE, history_of(LINE, points, [1.0] * 5, [10.0] * 5))
    assert found is not None
    assert 0.05 < found.probability_best < 0.5


def test_the_recommendation_is_compared_with_the_baseline() -> None:
    points, means = [at(0.5), at(0.1), at(0.9)], [1.0, 0.2, 0.9]
    found = recommend(LINE, history_of(LINE, points, means, [0.05] * 3))
    assert found is not None
    assert found.point == at(0.1)
    assert found.baseline_mean == pytest.approx(1.0, abs=0.1)
    # The measurement's own error, widened.
    assert found.baseline_sd == pytest.approx(1.4 * 0.05, abs=0.03)
    assert found.probability_better_than_baseline is not None
    assert found.probability_better_than_baseline > 0.999


def test_each_belief_is_of_a_metric_in_its_own_unit_with_an_interval_that_holds_ninety_percent() -> None:
    points, means = [at(0.5), at(0.1), at(0.9)], [100.0, 20.0, 90.0]
    found = recommend(LINE, history_of(LINE, points, means, [5.0] * 3))
    assert found is not None
    assert [*found.predicted] == [*found.baseline] == [found.objective] == ["loss"]
    for belief, mean in ((found.predicted["loss"], 20.0), (found.baseline["loss"], 100.0)):
        assert belief.mean == pytest.approx(mean, abs=10.0)
        assert belief.sd is not None
        within = NormalDist(belief.mean, belief.sd)
        assert (belief.low, belief.high) == pytest.approx((within.inv_cdf(0.05), within.inv_cdf(0.95)))
    assert (found.mean, found.sd) == (found.predicted["loss"].mean, found.predicted["loss"].sd)
    assert (found.baseline_mean, found.baseline_sd) == (found.baseline["loss"].mean, found.baseline["loss"].sd)


def test_where_the_noise_drowns_the_difference_the_comparison_says_so() -> None:
    points, means = [at(0.5), at(0.1), at(0.9)], [1.0, 0.2, 0.9]
    found = recommend(LINE, history_of(LINE, points, means, [5.0] * 3))
    assert found is not None
    assert found.probability_better_than_baseline is not None
    assert 0.4 < found.probability_better_than_baseline < 0.8


def test_the_same_history_gets_the_same_recommendation_and_pending_trials_change_nothing() -> None:
    campaign = campaign_of(MIXED)
    points = some_points(campaign, 10)
    means = [bowl(p) for p in points[:8]]
    without = recommend(campaign, history_of(campaign, points[:8], means))
    assert without is not None
    assert without == recommend(campaign, history_of(campaign, points[:8], means, pending=points[8:]))
    assert campaign.space.point(without.point) == without.point


@pytest.mark.parametrize("glitch", [-2.0, 2.0])
def test_a_baseline_that_was_doubted_once_and_repeated_counts_once(glitch: float) -> None:
    points = some_points(campaign_of(cube(2)), 15)
    best = min(points, key=bowl)
    campaign, chance = campaign_of(cube(2), baseline=best), random.Random(0)
    means = [bowl(point) + chance.gauss(0, 0.002) for point in points]
    clean = {point: mean for point, mean in enumerate(means) if point != points.index(best)}
    means[points.index(best)] += glitch
    doubting = BayesianProposer(outliers="doubt")
    found = recommend(campaign, history_of(campaign, [*points, best], [*means, bowl(best)]), doubting, anywhere=False)
    history = history_of(campaign, [*(points[i] for i in clean), best], [*clean.values(), bowl(best)])
    expected = recommend(campaign, history, doubting, anywhere=False)
    assert found is not None
    assert expected is not None
    assert found.probability_best == pytest.approx(expected.probability_best, abs=0.02)
    assert found.point == best
    assert found.predicted == found.baseline
