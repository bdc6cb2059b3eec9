import pytest
import torch
from surrogate_cases import uniform
from torch import Tensor

from bo_core.surrogate import LogPosterior, Prior, TrainingData, fit
from bo_core.surrogate.average import draw_hyperparameters

CHAINS = 2000


def wave(noise: float, n: int = 8) -> TrainingData:
    """Return a few noisy values of a wave on a line."""
    X = uniform(n, 1, seed=2)
    normals = torch.randn(n, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    y = torch.sin(7.0 * X[:, 0]) + noise * normals
    return TrainingData.of(X, (y - y.mean()) / y.std(), torch.full_like(y, torch.nan))


def log_posterior(data: TrainingData) -> LogPosterior:
    return LogPosterior(data, "matern52", Prior(1), jitter=1e-8, of_logarithms=True)


def mode_of(data: TrainingData) -> Tensor:
    return fit(data, "matern52", torch.Generator().manual_seed(0), of_logarithms=True).theta


def moments_by_quadrature(density: LogPosterior) -> tuple[Tensor, Tensor]:
    """Return the mean and standard deviation [2] of θ on a fine grid of the whole box."""
    low, high = density.prior.low, density.prior.high
    axes = [torch.linspace(float(a), float(b), 150, dtype=torch.float64) for a, b in zip(low, high, strict=True)]
    grid = torch.cartesian_prod(*axes)
    values = torch.cat([density(part)[0] for part in grid.split(10_000)])
    weights = (values - values.max()).exp()
    weights /= weights.sum()
    mean = weights @ grid
    return mean, (weights @ (grid - mean) ** 2).sqrt()


# The third data say next to nothing: the tail of long length scales is longer than the walk.
@pytest.mark.parametrize(("noise", "tolerance"), [(0.05, 0.1), (0.5, 0.1), (3.0, 0.3)])
def test_draws_have_the_moments_of_the_density_by_quadrature(noise: float, tolerance: float) -> None:
    data = wave(noise)
    density = log_posterior(data)
    draws = draw_hyperparameters(density, mode_of(data), CHAINS, torch.Generator().manual_seed(1))
    mean, sd = moments_by_quadrature(density)
    # Sampling alone moves a mean by 0.02 and a standard deviation by 0.03 of the latter.
    assert ((draws.mean(0) - mean) / sd).tolist() == pytest.approx([0.0, 0.0], abs=0.1)
    assert (draws.std(0) / sd).tolist() == pytest.approx([1.0, 1.0], abs=tolerance)


def test_draws_lie_within_the_bounds_and_differ_and_are_finite() -> None:
    data, prior = wave(0.5), Prior(1)
    draws = draw_hyperparameters(log_posterior(data), mode_of(data), 64, torch.Generator().manual_seed(1))
    assert draws.shape == (64, 2)
    assert bool(((draws >= prior.low) & (draws <= prior.high)).all())
    assert len(torch.unique(draws, dim=0)) == 64


def test_draws_depend_on_their_generator_alone() -> None:
    data = wave(0.5)
    first, again, other = (
        draw_hyperparameters(log_posterior(data), mode_of(data), 8, torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_draws_from_data_that_differ_by_rounding_differ_by_rounding() -> None:
    data = wave(0.5)
    shaken = TrainingData.of(data.X, data.y * (1.0 + 3e-16), torch.full_like(data.y, torch.nan))
    draws = [
        draw_hyperparameters(log_posterior(d), mode_of(d), 64, torch.Generator().manual_seed(1)) for d in (data, shaken)
    ]
    # A chain may rarely take a step in one and not in the other.
    assert int(((draws[0] - draws[1]).abs().amax(1) > 1e-4).sum()) <= 1
