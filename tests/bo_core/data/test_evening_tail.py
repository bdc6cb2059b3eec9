"""Outcomes of several fidelities are transformed so that they are spread alike at each."""

import math

import pytest
import torch

from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.data.tails import Tail, evening_tail
from overnight.campaign import Measurement, Objective

LESS = Objective(metric="loss", direction="minimize")


def normals(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def losses(seed: int = 0) -> tuple[torch.Tensor, list[float]]:
    """Return losses that differ by factors, larger ones at lower fidelities, and the shares that these lack."""
    missing = [0.0] * 8 + [0.5] * 12 + [1.0] * 20
    level = torch.tensor(missing, dtype=torch.float64)
    return 0.1 * (normals(len(missing), seed) + 3.0 * level).exp(), missing


def test_losses_that_differ_by_factors_are_spread_alike_at_each_fidelity() -> None:
    loss, missing = losses()
    tail = evening_tail(-loss, missing)
    assert tail is not None
    assert tail.floor == -float(loss[:8].min())
    y, _ = tail.compress(-loss)
    spreads = [float(y[rows].std()) for rows in (slice(8), slice(8, 20), slice(20, 40))]
    of_losses = [float(loss[rows].std()) for rows in (slice(8), slice(8, 20), slice(20, 40))]
    assert max(spreads) / min(spreads) < 3.0 < max(of_losses) / min(of_losses)


@pytest.mark.parametrize("seed", range(5))
def test_outcomes_that_are_spread_alike_stay_as_they_are(seed: int) -> None:
    missing = [0.0] * 8 + [0.5] * 12 + [1.0] * 20
    y = normals(len(missing), seed) - 9.0 * torch.tensor(missing, dtype=torch.float64)
    assert evening_tail(y, missing) is None


@pytest.mark.parametrize("factor", [1e-9, 3.0, 1e9])
def test_the_tail_does_not_depend_on_the_unit(factor: float) -> None:
    loss, missing = losses(1)
    one, other = evening_tail(-loss, missing), evening_tail(-factor * loss, missing)
    assert one is not None
    assert other is not None
    assert other.floor == pytest.approx(factor * one.floor)
    assert other.width == pytest.approx(factor * one.width)


@pytest.mark.parametrize("in_full", [[0.3, 0.2], [0.3, 0.3, 0.3, 0.3]])
def test_without_a_spread_of_results_in_full_there_is_no_tail(in_full: list[float]) -> None:
    low = (3.0 * normals(30, 2)).exp()
    y = -torch.cat([torch.tensor(in_full, dtype=torch.float64), low])
    assert evening_tail(y, [0.0] * len(in_full) + [1.0] * 30) is None


def test_the_likeliest_width_is_that_of_a_normal_density_written_out() -> None:
    loss, missing = losses(3)
    best, spread = -float(loss[:8].min()), float(loss[:8].std())

    def log_density(tail: Tail | None) -> float:
        y, slopes = (-loss, torch.ones_like(loss)) if tail is None else tail.compress(-loss)
        parts = [y[:8], y[8:20], y[20:]]
        variance = sum(float(((part - part.mean()) ** 2).sum()) for part in parts) / (len(y) - 3)
        return -0.5 * len(y) * math.log(variance) + float(slopes.log().sum())

    widths = [spread, spread / 4, spread / 16, spread / 64]
    likeliest = max(widths, key=lambda width: log_density(Tail(best, width)))
    found = evening_tail(-loss, missing)
    assert found is not None
    assert found.width == pytest.approx(likeliest)
    assert log_density(found) > log_density(None) + 10.0


def test_predictions_come_back_in_the_metrics_own_unit() -> None:
    loss, missing = losses()
    outcomes = Outcomes.of([Measurement(mean=float(each)) for each in loss], LESS, missing=missing)
    assert outcomes.tail is not None
    assert [outcomes.mean_in_units(float(y)) for y in outcomes.y] == pytest.approx(loss.tolist())
    order = loss.argsort()
    assert bool((outcomes.y[order].diff() < 0).all())
