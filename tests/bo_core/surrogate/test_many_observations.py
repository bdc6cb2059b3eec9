"""Computations that save time with many observations agree with those that do not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from surrogate_cases import KERNELS, NOISES, central_differences, pooled_data, some_theta, uniform, unknown_noise
from torch import Tensor

from benchmarks.speed.problem import Cell, problem_of
from overnight.bo_core.numerics.triangular import inverse_from, triangular_inverse
from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.surrogate import (
    Fit,
    Hyperparameters,
    KernelName,
    LogPosterior,
    Posterior,
    Prior,
    TrainingData,
    fit,
    fit_onward,
    keep,
)
from overnight.bo_core.surrogate.kernel import kernel, kernel_by_rows
from overnight.bo_core.surrogate.neighbourhoods import NeighbourhoodLogPosterior, neighbourhoods

# The largest permitted shortfall of a quick fit, in nats per observation.
BEHIND = 0.01


def many(data: TrainingData) -> TrainingData:
    return replace(data, many=True)


def hills(n: int, d: int, seed: int = 0, noise: float = 0.2) -> TrainingData:
    """Return noisy values of hills, half of them at points close together, as a search leaves them."""
    X = uniform(n, d, seed)
    X[n // 2 :] = 0.4 + 0.1 * X[n // 2 :]
    normals = torch.randn(n, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    y = torch.sin(6.0 * X[:, 0]) + X[:, 1] ** 2 - torch.cos(4.0 * X[:, 0] * X[:, 1]) + noise * normals
    return unknown_noise(X, (y - y.mean()) / y.std())


def hartmann_and_slopes(n: int, seed: int) -> TrainingData:
    problem = problem_of(Cell(n, 20, 8, 1), seed)
    y = torch.from_numpy(problem.y)
    return unknown_noise(torch.from_numpy(problem.X), (y.mean() - y) / y.std())


def fitted(data: TrainingData, kernel: KernelName, prior: Prior, cold: int = 3, warm: Array | None = None) -> Fit:
    return fit(data, kernel, prior, torch.Generator().manual_seed(0), cold=cold, warm=warm)


def value(data: TrainingData, kernel: KernelName, prior: Prior, theta: Array) -> float:
    """Return the log density of θ [h] given all observations, without any saving."""
    objective = LogPosterior(replace(data, many=False), kernel, prior, jitter=1e-8)
    return float(objective(theta[None])[0][0])


@pytest.mark.parametrize("u", [1, 512, 700, 1100])
def test_blocks_give_the_inverses_of_a_factor_and_of_its_square(u: int) -> None:
    X = uniform(2 * u, 3, seed=u).reshape(2, u, 3)
    K = kernel("matern52", X, X)[0] + 0.1 * torch.eye(u, dtype=torch.float64)
    L = torch.linalg.cholesky(K)
    inverse = triangular_inverse(L)
    identity = torch.eye(u, dtype=torch.float64).expand(2, u, u)
    torch.testing.assert_close(inverse @ L, identity, rtol=0.0, atol=1e-10)
    torch.testing.assert_close(inverse_from(inverse) @ K, identity, rtol=0.0, atol=1e-9)
    assert not inverse.triu(1).any()


@pytest.mark.parametrize("name", KERNELS)
def test_rows_give_the_kernel_of_whole_matrices(name: KernelName) -> None:
    A, B = uniform(300, 4, seed=1).reshape(2, 150, 4), uniform(40, 4, seed=2).reshape(2, 20, 4)
    for found, expected in zip(kernel_by_rows(name, A, B), kernel(name, A, B), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("copies", [1, 3])
def test_the_density_of_many_has_the_value_and_nearly_the_gradient_of_the_exact_one(
    noise: str, name: KernelName, warped: bool, copies: int
) -> None:
    data, prior, theta = pooled_data(150, 4, noise, copies), Prior(4, warped=warped), some_theta(4, 3, warped=warped)
    exact, quick = (LogPosterior(each, name, prior, jitter=1e-8)(theta.numpy()) for each in (data, many(data)))
    np.testing.assert_allclose(quick[0], exact[0], rtol=1e-9)
    np.testing.assert_allclose(quick[1], exact[1], rtol=1e-3, atol=1e-3 * np.abs(exact[1]).max())


@pytest.mark.parametrize("name", KERNELS)
def test_the_gradient_of_results_that_are_nearly_exact_is_computed_in_double_precision(name: KernelName) -> None:
    data = pooled_data(150, 2, "known")
    exact = replace(data, known=torch.full_like(data.known, 1e-9))
    theta = np.log(np.array([[1.5, 2.0, 0.1]]))
    both = [LogPosterior(each, name, Prior(2), jitter=1e-8)(theta) for each in (exact, many(exact))]
    np.testing.assert_allclose(both[1][1], both[0][1], rtol=1e-4)


@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("copies", [1, 3])
def test_the_posterior_of_many_predicts_what_the_exact_one_predicts(warped: bool, copies: int) -> None:
    data, X = pooled_data(700, 3, "mixed", copies), uniform(20, 3, seed=5)
    hyperparameters = Hyperparameters(some_theta(3, 2, warped=warped), 3, "matern52", 1e-8)
    exact, quick = (Posterior.of(each, hyperparameters) for each in (data, many(data)))
    for found, expected in zip(quick.joint(X), exact.joint(X), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(quick.mean, exact.mean, rtol=1e-8, atol=1e-9)


def test_neighbourhoods_hold_each_observation_once_and_equal_numbers_of_them() -> None:
    blocks = neighbourhoods(uniform(403, 5, seed=1), halvings=2)
    assert sorted(torch.cat(blocks).tolist()) == list(range(403))
    assert {len(block) for block in blocks} == {100, 101}


def test_neighbourhoods_are_divided_along_the_widest_feature() -> None:
    Z = torch.cat([uniform(100, 3, seed=1), 5.0 * uniform(100, 1, seed=2)], 1)
    low, high = neighbourhoods(Z, halvings=1)
    assert float(Z[low, 3].max()) <= float(Z[high, 3].min())


def test_points_that_are_all_alike_have_neighbourhoods() -> None:
    assert [len(block) for block in neighbourhoods(torch.zeros(8, 2), halvings=2)] == [2, 2, 2, 2]


@pytest.mark.parametrize("name", KERNELS)
def test_neighbourhoods_count_as_independent_and_the_prior_counts_once(name: KernelName) -> None:
    data, prior, theta = pooled_data(120, 3, "mixed", 2), Prior(3), some_theta(3, 2)
    whole = NeighbourhoodLogPosterior(data, name, prior, jitter=1e-8, near=theta[0].numpy(), halvings=2)
    blocks = neighbourhoods(data.X / theta[0, :3].exp(), halvings=2)
    alone = sum(LogPosterior(data.part(rows), name, prior, jitter=1e-8).log_likelihood(theta)[:, 0] for rows in blocks)
    assert isinstance(alone, Tensor)
    np.testing.assert_allclose(whole(theta.numpy())[0], alone.numpy() + prior.log_density(theta.numpy())[0])
    numeric = central_differences(lambda t: torch.from_numpy(whole(t.numpy())[0]), theta, 1e-3)
    np.testing.assert_allclose(whole(theta.numpy())[1], numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize(("n", "d", "noise"), [(600, 2, 0.02), (600, 3, 1.0), (720, 4, 0.2)])
def test_a_quick_fit_ends_nearly_as_high_as_a_thorough_one(name: KernelName, n: int, d: int, noise: float) -> None:
    data, prior = hills(n, d, noise=noise), Prior(d)
    quick = fitted(many(data), name, prior)
    assert value(data, name, prior, quick.theta) > fitted(data, name, prior).value - BEHIND * n
    assert quick.value == pytest.approx(value(data, name, prior, quick.theta), abs=1e-6)


def test_a_quick_fit_with_warped_inputs_ends_nearly_as_high_as_a_thorough_one() -> None:
    data, prior = hills(600, 2), Prior(2, warped=True)
    found = fitted(many(data), "matern52", prior)
    assert value(data, "matern52", prior, found.theta) > fitted(data, "matern52", prior).value - BEHIND * 600


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 3])
@pytest.mark.parametrize(("name", "loose", "cold"), [("rbf", True, 1), ("matern52", False, 3)])
def test_a_quick_fit_of_twenty_parameters_ends_nearly_as_high_as_a_thorough_one(
    seed: int, name: KernelName, loose: bool, cold: int
) -> None:
    data, prior = hartmann_and_slopes(1000, seed), Prior(20, "loose" if loose else "firm")
    found = fitted(many(data), name, prior, cold)
    assert value(data, name, prior, found.theta) > fitted(data, name, prior, cold).value - BEHIND * 1000


def test_a_quick_fit_of_replicates_ends_nearly_as_high_as_a_thorough_one() -> None:
    X = uniform(560, 2, seed=3).repeat(2, 1)
    normals = torch.randn(1120, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    data, prior = unknown_noise(X, torch.sin(6.0 * X[:, 0]) + 0.3 * normals), Prior(2)
    pooled = TrainingData.of(data.X, data.y, torch.full_like(data.y, torch.nan))
    assert len(pooled.y) == 560
    found = fitted(many(pooled), "matern52", prior)
    assert found.value > fitted(pooled, "matern52", prior).value - BEHIND * 1120


def test_a_fit_of_many_climbs_on_parts_then_on_neighbourhoods_and_at_last_on_all() -> None:
    found = fitted(many(hills(1100, 2)), "matern52", Prior(2))
    climbs = [(start.name.partition(", ")[2], start.observations) for start in found.starts]
    assert {count for _, count in climbs} == {64, 128, 1100}
    assert climbs[-2:] == [("2 neighbourhoods", 1100), ("", 1100)]
    assert ("4 neighbourhoods", 1100) in climbs


def test_the_last_proposals_explanation_is_climbed_on_neighbourhoods_if_it_is_better_than_the_races() -> None:
    data, prior = many(hills(600, 2)), Prior(2)
    before = fitted(data, "matern52", prior)
    again = fitted(data, "matern52", prior, warm=before.theta)
    assert again.value > before.value - 0.1
    assert again.starts[-1].name == "last proposal"


def test_a_fit_to_a_part_goes_on_to_many() -> None:
    data, prior = many(hills(600, 2)), Prior(2)
    of_part = fitted(data.part(torch.arange(0, 600, 5)), "matern52", prior)
    found = fit_onward(data, "matern52", prior, of_part)
    assert found.value > fitted(data, "matern52", prior).value - BEHIND * 600


def test_a_fit_of_many_is_the_same_each_time() -> None:
    first, again = (fitted(many(hills(600, 2)), "matern52", Prior(2)) for _ in range(2))
    assert first.theta.tolist() == again.theta.tolist()
    assert first.value == again.value


@pytest.mark.parametrize("known", [torch.nan, 0.0])
def test_outcomes_that_are_all_alike_are_fitted(known: float) -> None:
    X, zeros = uniform(520, 2, seed=1), torch.zeros(520, dtype=torch.float64)
    found = fitted(many(TrainingData.of(X, zeros, zeros + known)), "matern52", Prior(2))
    assert np.isfinite(found.theta).all()


def test_exact_results_at_points_that_nearly_coincide_are_fitted() -> None:
    X = uniform(300, 2, seed=1)
    close = torch.cat([X, X + 1e-7])
    found = fitted(many(TrainingData.of(close, torch.sin(3.0 * close[:, 0]), torch.zeros(600))), "rbf", Prior(2))
    assert np.isfinite(found.value)


def test_a_fit_is_kept_when_few_observations_are_new() -> None:
    data, prior = many(hills(600, 2)), Prior(2)
    before = fitted(data.part(torch.arange(590)), "matern52", prior)
    kept = keep(data, "matern52", prior, before.theta)
    assert kept is not None
    assert kept.theta.tolist() == before.theta.tolist()
    assert value(data, "matern52", prior, kept.theta) > fitted(data, "matern52", prior).value - BEHIND * 600


def test_a_fit_is_not_kept_when_the_scale_of_the_outcomes_has_changed() -> None:
    data, prior = many(hills(600, 2)), Prior(2)
    before = fitted(data, "matern52", prior)
    for factor in (0.1, 3.0):
        assert keep(replace(data, y=factor * data.y), "matern52", prior, before.theta) is None
