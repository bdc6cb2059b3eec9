"""Bad outcomes are compressed as far as this makes them likely, and predictions for them are right in their unit."""

import math
import random

import pytest
import torch
from told_campaigns import MODEL, campaign_of, history_of, observed, observed_by, proposed, provenance_of, some_points

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.model import Model
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Measurement, Objective, Point

SQUARE = {name: {"kind": "float", "low": -5.0, "high": 5.0} for name in ("x", "y")}
COMPRESSED = MODEL.model_copy(update={"tails": "compressed", "hopeless": "ignore"})


def bowl(point: Point) -> float:
    return (float(point["x"]) - 1.0) ** 2 + (float(point["y"]) - 2.0) ** 2


def valley(point: Point) -> float:
    x, y = float(point["x"]), float(point["y"])
    return math.exp(2.0 * abs(x - 1.0) + abs(y - 2.0))


def searched(function, trials: int, proposer: BayesianProposer, seed: int) -> History:
    """Return the trials of one worker, measured with known noise."""
    campaign, noise = campaign_of(SQUARE, seed=seed, budget={"trials": trials}), random.Random(seed)
    history = history_of(campaign, (start := some_points(campaign, 4, seed)), [function(p) for p in start], [0.1] * 4)
    for trial in range(5, trials + 1):
        [proposal] = propose(campaign, history, proposer, 1)
        value = function(proposal.point) + noise.gauss(0.0, 0.1)
        made = proposed(trial, proposal.point, proposal.generator, proposal.provenance)
        history = history.extended([made, observed(trial, value, 0.1)])
    return history


def near(campaign: Campaign, function, seed: int) -> History:
    """Return a history of points in the whole square and close to the optimum, as a search leaves them."""
    points, rng = some_points(campaign, 16, seed), random.Random(seed)
    points += [{"x": rng.gauss(1.0, 0.2), "y": rng.gauss(2.0, 0.2)} for _ in range(24)]
    return history_of(campaign, points, [function(p) + rng.gauss(0.0, 0.02) for p in points], [0.02] * len(points))


def test_a_bowl_is_left_as_it_is_and_a_real_tail_is_drawn_together() -> None:
    campaign = campaign_of(SQUARE)
    of_bowl = provenance_of(propose(campaign, near(campaign, bowl, 0), MODEL, 1)[0])
    of_valley = provenance_of(propose(campaign, near(campaign, valley, 0), MODEL, 1)[0])
    assert of_bowl.models.metrics["loss"].tail_width in (16.0, None)
    assert of_valley.models.metrics["loss"].tail_width in (1.0, 4.0)
    compressed = provenance_of(propose(campaign, near(campaign, bowl, 0), COMPRESSED, 1)[0])
    assert compressed.models.metrics["loss"].tail_width is None


@pytest.mark.slow
@pytest.mark.parametrize(("proposer", "least", "most"), [(MODEL, 0, 0), (COMPRESSED, 1, 8)])
def test_late_trials_of_a_bowl_do_not_go_to_its_far_corners_unless_its_tail_is_compressed(
    proposer, least, most
) -> None:
    history = searched(bowl, 36, proposer, seed=0)
    far = sum(bowl(history.trials[i].point) > 5.0 for i in range(29, 37))
    assert least <= far <= most


def test_what_is_expected_far_from_the_optimum_holds_about_as_often_as_it_says() -> None:
    campaign, held, held_before, asked = campaign_of(SQUARE), 0, 0, 0
    encoding = Encoding(campaign.space)
    for seed in range(3):
        view = near(campaign, valley, seed).model_view()
        model = Model.of(observed_by(campaign, view), COMPRESSED, torch.Generator().manual_seed(0))
        for point in some_points(campaign, 20, seed=50 + seed):
            x, truth = encoding.encode([point]), valley(point)
            low, high = model.interval(x)
            mean, sd = model.predicted(x)
            held += low <= truth <= high
            held_before += abs(truth - mean) <= 1.645 * sd
            asked += 1
    assert held >= 0.75 * asked
    assert held_before <= 0.5 * asked


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_an_interval_in_units_holds_what_a_normal_distribution_puts_there(direction) -> None:
    sign = 1.0 if direction == "maximize" else -1.0
    means = [sign * m for m in (0.1, 0.2, 0.3, 0.15, 0.25, -40.0, -900.0, 0.05)]
    outcomes = Outcomes.of([Measurement(mean=m) for m in means], Objective(metric="m", direction=direction))
    assert outcomes.tail is not None
    draws = torch.special.ndtri((torch.arange(2001, dtype=torch.float64) + 0.5) / 2001)
    for mean, sd in ((-1.5, 0.8), (0.4, 0.1), (-0.2, 1.5)):
        in_units = sorted(outcomes.mean_in_units(mean + sd * z) for z in draws.tolist())
        low, high = outcomes.interval_in_units(mean, sd)
        assert sum(low <= value <= high for value in in_units) / len(in_units) == pytest.approx(0.9, abs=0.01)
        assert outcomes.mean_in_units(mean) == pytest.approx(in_units[1000], rel=1e-9)
        half = 0.5 * (in_units[round(0.8413 * 2000)] - in_units[round(0.1587 * 2000)])
        assert outcomes.spread_in_units(mean, sd) == pytest.approx(half, rel=0.02)


def test_outcomes_without_a_tail_have_the_same_standard_deviation_as_ever() -> None:
    outcomes = Outcomes.of([Measurement(mean=m) for m in (1.0, 2.0, 4.0)], Objective(metric="m", direction="minimize"))
    assert outcomes.spread_in_units(0.3, 0.7) == outcomes.sd_in_units(0.7)


def test_a_recommendation_in_the_tail_is_as_unsure_in_its_unit_as_its_interval() -> None:
    campaign = campaign_of(SQUARE, baseline={"x": -5.0, "y": -5.0})
    history = near(campaign, valley, 1)
    last = history.next_trial
    corner = {"x": -5.0, "y": -5.0}
    history = history.extended([proposed(last, corner), observed(last, valley(corner), 0.5 * valley(corner))])
    found = recommend(campaign, history, MODEL)
    assert found is not None
    assert found.baseline_mean is not None
    assert found.baseline_sd is not None
    assert found.baseline_sd > 0.2 * found.baseline_mean
