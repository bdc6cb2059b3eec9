import pytest
import torch

from bo_core.bfgs import minimize
from bo_core.surrogate import Hyperparameters, NegativeLogPosterior, TrainingData, fit
from bo_core.surrogate.priors import (
    LENGTH_SCALE_BOUNDS,
    LENGTH_SCALE_SPREAD,
    NOISE_BOUNDS,
    NOISE_LOCATION,
    NOISE_SPREAD,
    length_scale_location,
)
from campaign.errors import CannotPropose


def waves(seed: int) -> TrainingData:
    """Return eight noisy values of two waves: few enough for several explanations."""
    generator = torch.Generator().manual_seed(seed)
    X = torch.rand(8, 2, generator=generator, dtype=torch.float64)
    y = torch.sin(12.0 * X[:, 0]) + torch.cos(9.0 * X[:, 1])
    y += 0.2 * torch.randn(8, generator=generator, dtype=torch.float64)
    return TrainingData(X, (y - y.mean()) / y.std(), torch.full((8,), torch.nan, dtype=torch.float64))


def misfit(data: TrainingData, found: Hyperparameters) -> float:
    theta = torch.tensor([[*found.length_scales, found.noise_variance]], dtype=torch.float64).log()
    return len(data.y) * float(NegativeLogPosterior(data, found.jitter)(theta, torch.arange(1))[0])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_end_is_a_minimum_within_the_bounds() -> None:
    data = waves(0)
    found = fit(data, seeded(0))
    theta = torch.tensor([[*found.length_scales, found.noise_variance]], dtype=torch.float64).log()
    _, gradient = NegativeLogPosterior(data, found.jitter)(theta, torch.arange(1))
    assert gradient.abs().max() < 1e-3
    assert all(LENGTH_SCALE_BOUNDS[0] <= scale <= LENGTH_SCALE_BOUNDS[1] for scale in found.length_scales)
    assert NOISE_BOUNDS[0] <= found.noise_variance <= NOISE_BOUNDS[1]


def test_several_starts_find_an_explanation_that_the_priors_modes_alone_miss() -> None:
    data = waves(41)
    modes = [length_scale_location(2) - LENGTH_SCALE_SPREAD**2] * 2 + [NOISE_LOCATION - NOISE_SPREAD**2]
    from_modes = minimize(
        NegativeLogPosterior(data, 1e-8),
        torch.tensor([modes], dtype=torch.float64),
        torch.tensor([LENGTH_SCALE_BOUNDS[0]] * 2 + [NOISE_BOUNDS[0]], dtype=torch.float64).log(),
        torch.tensor([LENGTH_SCALE_BOUNDS[1]] * 2 + [NOISE_BOUNDS[1]], dtype=torch.float64).log(),
    )
    assert misfit(data, fit(data, seeded(0))) < 8 * float(from_modes.value) - 1.0


def test_a_warm_start_finds_again_what_was_found_before() -> None:
    data = waves(51)
    cold, before = fit(data, seeded(0)), fit(data, seeded(1))
    assert misfit(data, cold) > misfit(data, before) + 0.2
    assert misfit(data, fit(data, seeded(0), before.as_record())) == pytest.approx(misfit(data, before), abs=1e-6)


def test_a_warm_start_of_another_dimension_is_left_out() -> None:
    data = waves(2)
    warm = {"length_scales": (1.0, 1.0, 1.0), "noise_variance": (0.1,)}
    assert fit(data, seeded(0), warm) == fit(data, seeded(0))


def test_data_that_no_jitter_can_save_are_refused_with_a_reason() -> None:
    data = waves(3)
    broken = TrainingData(data.X, data.y * torch.inf, data.variance)
    with pytest.raises(CannotPropose, match="8 observations"):
        fit(broken, seeded(0))
