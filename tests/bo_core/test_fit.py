import numpy as np
import pytest
import torch
from surrogate_cases import KERNELS, uniform
from torch import Tensor

from bo_core.bfgs import Array, Stopping, minimize
from bo_core.surrogate import KernelName, LogPosterior, Prior, TrainingData, fit
from campaign.errors import CannotPropose

RACES = [(200, 2, 0.1), (240, 3, 0.01)]
RACES += [pytest.param(260, 4, 1.0, marks=pytest.mark.slow), pytest.param(320, 6, 0.3, marks=pytest.mark.slow)]


def waves(seed: int) -> TrainingData:
    """Return eight noisy values of two waves: few enough for several explanations."""
    generator = torch.Generator().manual_seed(seed)
    X = torch.rand(8, 2, generator=generator, dtype=torch.float64)
    y = torch.sin(12.0 * X[:, 0]) + torch.cos(9.0 * X[:, 1])
    y += 0.2 * torch.randn(8, generator=generator, dtype=torch.float64)
    return unknown_noise(X, y)


def many(n: int, d: int, seed: int, noise: float = 0.3) -> TrainingData:
    """Return observations of a function of which only some features matter."""
    X = uniform(n, d, seed)
    y = torch.sin(6.0 * X[:, 0]) + X[:, 1] ** 2 - torch.cos(4.0 * X[:, 0] * X[:, 1])
    normals = torch.randn(n, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    return unknown_noise(X, y + noise * normals)


def unknown_noise(X: Tensor, y: Tensor) -> TrainingData:
    return TrainingData.of(X, (y - y.mean()) / y.std(), torch.full_like(y, torch.nan))


def log_posterior(data: TrainingData, kernel: KernelName = "matern52", jitter: float = 1e-8) -> LogPosterior:
    return LogPosterior(data, kernel, Prior(data.X.shape[1]), jitter=jitter, of_logarithms=False)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def minimum_from(data: TrainingData, starts: Tensor, kernel: KernelName = "matern52") -> float:
    """Return the least value in nats that climbs by themselves, without any race, reach from these starts [b, h]."""
    objective, prior = log_posterior(data, kernel), Prior(data.X.shape[1])

    def negative(x: Array, rows: np.ndarray) -> tuple[Array, Array]:
        del rows
        value, gradient = objective(torch.from_numpy(x))
        return -value.numpy() / len(data.y), -gradient.numpy() / len(data.y)

    stopping = Stopping(gradient=1e-5, progress=1e-9)
    end = minimize(negative, starts.numpy(), prior.low.numpy(), prior.high.numpy(), stopping=stopping)
    return len(data.y) * float(end.value.min())


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_end_is_a_maximum_within_the_bounds_and_has_its_own_value(kernel: KernelName) -> None:
    data, prior = waves(0), Prior(2)
    found = fit(data, kernel, seeded(0))
    value, gradient = log_posterior(data, kernel, found.jitter)(found.theta[None])
    assert float(value) == pytest.approx(found.value, rel=1e-12)
    assert bool(((found.theta >= prior.low) & (found.theta <= prior.high)).all())
    assert float(gradient.abs().max()) < 1e-3 * len(data.y)


@pytest.mark.parametrize("seed", [41, 58])
def test_several_starts_find_an_explanation_that_the_priors_modes_alone_miss(seed: int) -> None:
    from_modes = -minimum_from(waves(seed), Prior(2).modes[None])
    assert fit(waves(seed), "matern52", seeded(0)).value > from_modes + 1.0


def test_a_warm_start_finds_again_what_was_found_before() -> None:
    cold, before = (fit(waves(139), "matern52", seeded(generator)) for generator in (0, 2))
    assert cold.value < before.value - 0.5
    again = fit(waves(139), "matern52", seeded(0), warm=before.theta)
    assert again.value == pytest.approx(before.value, abs=1e-5)


def test_a_warm_start_of_another_dimension_is_left_out() -> None:
    data = waves(2)
    warm = torch.zeros(4, dtype=torch.float64)
    found, expected = fit(data, "matern52", seeded(0), warm=warm), fit(data, "matern52", seeded(0))
    assert torch.equal(found.theta, expected.theta)
    assert found.starts == expected.starts


def test_data_that_no_jitter_can_save_are_refused_with_a_reason() -> None:
    data = waves(3)
    broken = TrainingData.of(data.X, data.y * torch.inf, torch.full_like(data.y, torch.nan))
    with pytest.raises(CannotPropose, match="8 observations"):
        fit(broken, "matern52", seeded(0))


@pytest.mark.parametrize("n", [8, 60, 250])
@pytest.mark.parametrize("warm", [False, True])
def test_every_start_is_recorded_with_its_end(n: int, warm: bool) -> None:
    data = many(n, 3, seed=1)
    found = fit(data, "matern52", seeded(0), warm=Prior(3).modes if warm else None)
    names = [start.name for start in found.starts]
    assert len(names) == len(set(names))
    for wanted in ["prior mode", "draw 1", "draw 2"] + ["last proposal"] * warm:
        assert any(name.startswith(wanted) for name in names), names
    endings = {"converged", "no progress", "hopeless", "out of steps", "not finite"}
    assert {start.ending for start in found.starts} <= endings
    assert any(start.value == pytest.approx(found.value / n) for start in found.starts)


@pytest.mark.parametrize(("n", "d", "noise"), RACES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_fit_that_races_on_a_part_ends_where_a_full_one_ends(
    n: int, d: int, noise: float, kernel: KernelName
) -> None:
    data, prior = many(n, d, seed=n, noise=noise), Prior(d)
    draws = torch.randn(4, d + 1, generator=seeded(5), dtype=torch.float64)
    full = -minimum_from(data, torch.cat([prior.modes[None], prior.modes + draws]), kernel)
    assert fit(data, kernel, seeded(0)).value > full - 0.01 * n
    stale = prior.location + 1.5
    assert fit(data, kernel, seeded(0), warm=stale).value > full - 0.01 * n
