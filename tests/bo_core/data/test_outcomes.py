import math

import pytest
import torch

from overnight.bo_core.data.outcomes import Outcomes
from overnight.campaign import Measurement, Objective

LESS = Objective(metric="loss", direction="minimize")
MORE = Objective(metric="gain", direction="maximize")


def measured(*means: float, sem: float | None = None) -> list[Measurement]:
    return [Measurement(mean=mean, sem=sem) for mean in means]


@pytest.mark.parametrize("objective", [LESS, MORE])
def test_outcomes_are_standardised_to_maximize_and_come_back_in_their_unit(objective: Objective) -> None:
    means = [3.0, 1.0, 8.0, -2.0]
    outcomes = Outcomes.of(measured(*means), objective)
    assert float(outcomes.y.mean()) == pytest.approx(0.0, abs=1e-15)
    assert float(outcomes.y.std()) == pytest.approx(1.0)
    assert int(outcomes.y.argmax()) == (2 if objective is MORE else 3)
    assert [outcomes.mean_in_units(float(y)) for y in outcomes.y] == pytest.approx(means)
    assert outcomes.sd_in_units(1.0) == pytest.approx(float(torch.tensor(means).std()))


def test_a_known_noise_is_scaled_with_its_outcome_and_an_unknown_one_stays_unknown() -> None:
    mixed = [Measurement(mean=0.0, sem=0.3), Measurement(mean=6.0, sem=None), Measurement(mean=3.0, sem=0.0)]
    variance = Outcomes.of(mixed, LESS).variance.tolist()
    assert variance == pytest.approx([(0.3 / 3.0) ** 2, torch.nan, 0.0], nan_ok=True)


@pytest.mark.parametrize("means", [(5.0, 5.0, 5.0), (0.0, 0.0), (7.0,), (1.0, 1.0 + 2e-16), (-1e200, -1e200)])
def test_outcomes_that_are_alike_stay_small(means: tuple[float, ...]) -> None:
    outcomes = Outcomes.of(measured(*means), LESS)
    assert float(outcomes.y.abs().max()) < 1e-9
    assert outcomes.mean_in_units(float(outcomes.y[0])) == pytest.approx(means[0])


@pytest.mark.parametrize("size", [1e-300, 1e-9, 1e9, 1e200])
def test_the_size_of_the_numbers_does_not_matter(size: float) -> None:
    expected = Outcomes.of(measured(1.0, 2.0, 4.0), LESS).y
    torch.testing.assert_close(Outcomes.of(measured(size, 2 * size, 4 * size), LESS).y, expected)


def normal_outcomes(n: int, seed: int, outlier: float | None = None) -> list[float]:
    normals = torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).tolist()
    return normals if outlier is None else [*normals, outlier]


def with_a_tail(n: int = 30, seed: int = 0) -> list[float]:
    """Return losses in random order, some of which are far worse than the others."""
    losses = normal_outcomes(n, seed)
    losses[3], losses[11], losses[12], losses[20] = 12.0, 40.0, 7.5, 1e4
    return losses


# With few outcomes, the better half is a poor estimate of their spread.
@pytest.mark.parametrize(("n", "share"), [(10, 0.17), (30, 0.13), (100, 0.06), (400, 0.05)])
def test_normal_outcomes_are_rarely_compressed_and_the_better_half_of_them_never(n: int, share: float) -> None:
    compressed = 0
    for seed in range(400):
        means = -torch.tensor(normal_outcomes(n, seed), dtype=torch.float64)
        outcomes = Outcomes.of(measured(*(-means).tolist()), LESS)
        compressed += outcomes.tail is not None
        better = means >= means.quantile(0.5)
        raw = outcomes.y * outcomes.scale + outcomes.center
        torch.testing.assert_close(raw[better], means[better], rtol=1e-9, atol=1e-12)
    assert compressed <= share * 400


@pytest.mark.parametrize("outlier", [-30.0, -1e6])
def test_outstandingly_good_outcomes_are_never_compressed(outlier: float) -> None:
    losses = measured(*normal_outcomes(30, seed=0, outlier=outlier))
    assert Outcomes.of(losses, LESS).tail is None
    assert Outcomes.of(losses, MORE).tail is not None


def test_a_tail_of_bad_outcomes_is_drawn_together_and_leaves_the_others_in_proportion() -> None:
    losses = with_a_tail()
    outcomes = Outcomes.of(measured(*losses), LESS)
    assert outcomes.tail is not None
    usual = [i for i, loss in enumerate(losses) if -loss > outcomes.tail.floor]
    y, raw = outcomes.y[usual], -torch.tensor(losses, dtype=torch.float64)[usual]
    torch.testing.assert_close((y - y[0]) * outcomes.scale, raw - raw[0], rtol=1e-12, atol=1e-12)
    # Without compression, the worst outcome would leave almost no difference between the others.
    assert float(y.max() - y.min()) > 1.0
    assert float(outcomes.y.min()) > -5.0


@pytest.mark.parametrize("objective", [LESS, MORE])
def test_the_order_of_outcomes_is_kept_and_equal_ones_stay_equal(objective: Objective) -> None:
    losses = [*with_a_tail(), 40.0, 1e4, 1e12, 1e12]
    outcomes = Outcomes.of(measured(*(-objective.sign * loss for loss in losses)), objective)
    assert outcomes.tail is not None
    by_loss = torch.tensor(losses).argsort(stable=True)
    falls = outcomes.y[by_loss].diff()
    assert bool((falls <= 0.0).all())
    equal = torch.tensor(losses)[by_loss].diff() == 0.0
    assert torch.equal(falls == 0.0, equal)


@pytest.mark.parametrize("objective", [LESS, MORE])
def test_compressed_outcomes_come_back_in_their_unit(objective: Objective) -> None:
    means = [-objective.sign * loss for loss in with_a_tail()]
    outcomes = Outcomes.of(measured(*means), objective)
    assert outcomes.tail is not None
    assert [outcomes.mean_in_units(float(y)) for y in outcomes.y] == pytest.approx(means, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("size", [1e-9, 1e-3, 1e3, 1e12])
@pytest.mark.parametrize("shift", [0.0, -5.0, 1e3])
def test_neither_the_size_nor_the_place_of_the_numbers_matters_to_the_tail(size: float, shift: float) -> None:
    losses = with_a_tail()
    expected = Outcomes.of(measured(*losses), LESS)
    found = Outcomes.of(measured(*(size * (loss + shift) for loss in losses)), LESS)
    torch.testing.assert_close(found.y, expected.y, rtol=1e-9, atol=1e-9)


def test_a_known_noise_shrinks_with_the_slope_of_its_place_in_the_tail() -> None:
    losses, step = with_a_tail(), 1e-4
    outcomes = Outcomes.of(measured(*losses, sem=0.3), LESS)
    tail = outcomes.tail
    assert tail is not None
    for loss, variance in zip(losses, outcomes.variance.tolist(), strict=True):
        sides = torch.tensor([-loss - step, -loss + step], dtype=torch.float64)
        slope = float(tail.compress(sides)[0].diff()) / (2.0 * step)
        assert variance == pytest.approx((0.3 * slope / outcomes.scale) ** 2, rel=1e-4)
    assert max(outcomes.variance.tolist()) == pytest.approx((0.3 / outcomes.scale) ** 2)


@pytest.mark.parametrize(
    "means",
    [
        (2.0,) * 9 + (1e300,),
        (2.0,) * 6 + (3.0, 4.0, 5.0, 1e300),
        (0.0, 1e-300, 2e-300, 3e-300, 4e-300, 1.0),
        (1.0, 2.0, 3.0, 4.0, 5.0, 1e300),
        (-1e300, -5e299, 0.0, 5e299, 1e300, 1e307),
        (1.0, 1.0 + 2e-16, 1.0 + 4e-16, 1.0 + 6e-16, 1.0 + 8e-16, 3.0),
        (1.0, 2.0, 3.0, 1e9),
    ],
)
def test_ties_and_tiny_and_vast_outcomes_stay_finite_and_in_order(means: tuple[float, ...]) -> None:
    for objective in (LESS, MORE):
        outcomes = Outcomes.of(measured(*means, sem=0.1), objective)
        assert bool(outcomes.y.isfinite().all() & outcomes.variance.isfinite().all())
        assert bool(((outcomes.y * objective.sign).diff() >= 0.0).all())
        back = [outcomes.mean_in_units(float(y)) for y in outcomes.y]
        # If the tail is e^500 times as long as the spread, the value converted back is only known to be vast.
        vast = max(map(abs, means))
        assert all(
            b == pytest.approx(m, rel=1e-6, abs=1e-9 * vast) or min(abs(b), abs(m)) > 1e200
            for b, m in zip(back, means, strict=True)
        )


def test_a_prediction_far_below_everything_that_was_seen_does_not_overflow() -> None:
    outcomes = Outcomes.of(measured(*with_a_tail()), LESS)
    assert math.isfinite(outcomes.mean_in_units(-1e6))


@pytest.mark.parametrize("objective", [LESS, MORE])
@pytest.mark.parametrize("losses", [[3.0, 1.0, 8.0, -2.0], with_a_tail(), [*with_a_tail(), 1e300]])
def test_a_threshold_that_equals_an_outcome_is_where_that_outcome_is_to_the_last_bit(
    objective: Objective, losses: list[float]
) -> None:
    means = [-objective.sign * loss for loss in losses]
    outcomes = Outcomes.of(measured(*means), objective)
    assert (outcomes.tail is None) == (len(losses) == 4)
    assert [outcomes.standardised(mean) for mean in means] == outcomes.y.tolist()


@pytest.mark.parametrize("objective", [LESS, MORE])
@pytest.mark.parametrize("tail_width", [1.0, 4.0, None])
def test_a_better_threshold_is_higher_and_comes_back_in_its_unit(
    objective: Objective, tail_width: float | None
) -> None:
    outcomes = Outcomes.of(measured(*(-objective.sign * loss for loss in with_a_tail())), objective, tail_width)
    better_and_better = [objective.sign * value for value in (-1e5, -1e4, -300.0, -8.0, -1.0, 0.0, 0.5, 3.0, 1e3)]
    found = [outcomes.standardised(threshold) for threshold in better_and_better]
    assert found == sorted(set(found))
    assert [outcomes.mean_in_units(y) for y in found] == pytest.approx(better_and_better, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("objective", [LESS, MORE])
def test_an_outcome_meets_a_threshold_in_units_if_it_does_so_when_both_are_standardised(objective: Objective) -> None:
    means = [-objective.sign * loss for loss in with_a_tail()]
    outcomes = Outcomes.of(measured(*means), objective)
    for threshold in (*means, -20.0, 0.25, 9.0, 2e4):
        meets = [objective.turned(mean) >= objective.turned(threshold) for mean in means]
        assert (outcomes.y >= outcomes.standardised(threshold)).tolist() == meets


@pytest.mark.parametrize("threshold", [-1.7e308, 1.7e308])
def test_a_vast_threshold_stays_finite(threshold: float) -> None:
    for means in ([1e-9, 2e-9, 4e-9], with_a_tail()):
        assert math.isfinite(Outcomes.of(measured(*means), LESS).standardised(threshold))


def test_outcomes_of_several_fidelities_are_in_units_of_those_at_the_full_one() -> None:
    in_full, below = [3.0, 1.0, 8.0, -2.0, 0.0], [103.0, 154.0, 87.0, 990.0]
    missing = [0.0] * 5 + [0.5] * 3 + [1.0]
    alone = Outcomes.of(measured(*in_full), LESS, None)
    both = Outcomes.of(measured(*in_full, *below), LESS, None, missing=missing)
    assert (both.center, both.scale) == pytest.approx((alone.center, alone.scale))
    torch.testing.assert_close(both.y[:5], alone.y)


def test_with_few_results_in_full_the_spread_within_lower_fidelities_counts_too() -> None:
    # Two results in full about 2, and four at the next fidelity about 104: squares of 1, 1, 4, 0, 0 and 4, of six
    # results less two means. Those at the lowest fidelity are not needed.
    means, missing = [1.0, 3.0, 102.0, 104.0, 104.0, 106.0, 5e3, 9e3], [0.0] * 2 + [0.4] * 4 + [1.0] * 2
    outcomes = Outcomes.of(measured(*means), LESS, None, missing=missing)
    assert outcomes.scale == pytest.approx(math.sqrt((1 + 1 + 4 + 4) / 4))
    assert outcomes.mean_in_units(0.0) == pytest.approx(2.0)


@pytest.mark.parametrize("missing", [[0.5], [0.0, 0.3, 1.0], [0.2, 0.2]])
def test_any_few_results_of_fidelities_have_a_spread(missing: list[float]) -> None:
    outcomes = Outcomes.of(measured(*[4.0] * len(missing)), LESS, None, missing=missing)
    assert outcomes.scale > 0
    assert outcomes.y.abs().max() < 1e-9
