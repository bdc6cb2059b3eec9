"""Suspects: glitches among results are found, and clean results are believed."""

import math
import random
from collections.abc import Callable

import pytest
from told_campaigns import bowl, campaign_of, cube, history_of, observed_by, some_points

from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.settings.surrogates import GpytorchSurrogate
from overnight.bo_core.suspects import Suspect, suspects_among
from overnight.campaign import Campaign, Point

DOUBT = BayesianProposer(outliers="doubt")
SPACE, THREE, SIX = (campaign_of(cube(d)) for d in (2, 3, 6))


def suspects(
    campaign: Campaign, points: list[Point], values: list[float], proposer: BayesianProposer = DOUBT
) -> tuple[Suspect, ...]:
    observed = observed_by(campaign, history_of(campaign, points, values).model_view())
    return suspects_among(observed, len(points), proposer, None)


def numbers_of(campaign: Campaign, points: list[Point], values: list[float], proposer=DOUBT) -> list[int]:
    return [suspect.trial for suspect in suspects(campaign, points, values, proposer)]


def waves(point: Point) -> float:
    return sum(math.sin(5.0 * float(x) + i) for i, x in enumerate(point.values()))


def pit(point: Point) -> float:
    return -2.0 * math.exp(-4.0 * bowl(point))


def cliff(point: Point) -> float:
    return bowl(point) + (3.0 if float(point["x0"]) + float(point["x1"]) > 1.0 else 0.0)


def noisy(function: Callable[[Point], float], points: list[Point], noise: float, seed: int) -> list[float]:
    rng = random.Random(seed)
    return [function(point) + rng.gauss(0.0, noise) for point in points]


def with_glitches(size: float, seed: int = 0) -> tuple[list[Point], list[float]]:
    """Return 40 readings of which trials 5, 18 and 33 are off by so much."""
    points = some_points(THREE, 40, seed)
    values = noisy(waves, points, 0.1, seed)
    for i in (4, 17, 32):
        values[i] += size
    return points, values


@pytest.mark.parametrize("size", [-12.0, 12.0])
def test_glitches_of_either_sign_are_suspected(size) -> None:
    found = suspects(THREE, *with_glitches(size))
    assert [suspect.trial for suspect in found] == [5, 18, 33]
    # The metric is minimised, so a small value is too good.
    assert all((suspect.off > 0.0) == (size < 0.0) for suspect in found)


@pytest.mark.parametrize("size", [-1e153, -1e300, -1.797e308, 1e156, 1.797e308])
def test_a_glitch_as_vast_as_a_float_can_be_is_suspected_like_others(size) -> None:
    points, values = with_glitches(12.0)
    values[9] = size
    assert numbers_of(THREE, points, values) == [5, 10, 18, 33]


@pytest.mark.parametrize("function", [bowl, waves, pit, cliff])
@pytest.mark.parametrize("noise", [0.02, 0.5])
def test_fewer_than_one_in_a_hundred_clean_results_is_suspected(function, noise) -> None:
    campaign, count = SIX, 0
    for seed in range(6):
        points = some_points(campaign, 30, seed)
        count += len(suspects(campaign, points, noisy(function, points, noise, seed)))
    assert count <= 0.01 * 6 * 30


def test_a_good_result_is_suspected_only_if_its_neighbours_contradict_it_and_a_bad_one_without_them() -> None:
    # 30 points know little of the space between them in 6 dimensions. The last point lies beside a tried one.
    points, last = some_points(SIX, 30), {name: 0.01 + 0.97 * float(x) for name, x in some_points(SIX, 1)[0].items()}

    def suspected_with(size: float, *, beside: bool) -> list[int]:
        told = [*points, last if beside else some_points(SIX, 31)[-1]]
        values = noisy(waves, told, 0.1, 0)
        values[-1] += size
        return numbers_of(SIX, told, values)

    assert suspected_with(-12.0, beside=True) == [31]
    assert suspected_with(-12.0, beside=False) == []
    assert suspected_with(12.0, beside=False) == [31]


def test_nothing_is_suspected_if_the_proposer_believes_or_has_a_model_of_its_own() -> None:
    told = with_glitches(-12.0)
    own = GpytorchSurrogate(kind="gpytorch", model="own:model")
    assert not suspects(THREE, *told, BayesianProposer(outliers="believe"))
    assert not suspects(THREE, *told, BayesianProposer(outliers="doubt", surrogate=own))


def test_nothing_is_suspected_among_few_results_or_exact_ones() -> None:
    points, values = with_glitches(-12.0)
    assert not suspects(THREE, points[:7], values[:7])
    exact = campaign_of(cube(3), noise="none")
    assert not suspects(exact, points, values)
    without_error = history_of(THREE, points, values, [0.0] * len(points))
    assert not suspects_among(observed_by(THREE, without_error.model_view()), len(points), DOUBT, None)


@pytest.mark.parametrize("penalty", [5.0, 1e6])
def test_bad_results_of_a_whole_region_are_believed_except_at_its_edge(penalty) -> None:
    def crashing(point: Point) -> float:
        return bowl(point) + (penalty if float(point["x0"]) > 0.7 else 0.0)

    points = some_points(SPACE, 40)
    found = suspects(SPACE, points, noisy(crashing, points, 0.02, 0))
    assert all(abs(float(points[suspect.trial - 1]["x0"]) - 0.7) < 0.05 for suspect in found)


def test_many_results_are_looked_at_in_parts() -> None:
    points = some_points(SPACE, 300)
    values = noisy(bowl, points, 0.02, 0)
    for i in (40, 41, 250):
        values[i] -= 2.0
    # The last result is a repetition of a glitch's point, far from it in the order of trials.
    found = numbers_of(SPACE, [*points, points[40]], [*values, bowl(points[40])])
    assert found == [41, 42, 251]


def test_the_order_of_magnitude_of_the_metric_does_not_matter() -> None:
    points, values = with_glitches(-12.0)
    for unit in (1e-150, 1.0, 1e150, 1e300):
        assert numbers_of(THREE, points, [unit * value for value in values]) == [5, 18, 33]
