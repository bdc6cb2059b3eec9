import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm
from surrogate_cases import central_differences, correlation_by_the_textbook, kernel_by_the_textbook, uniform
from torch import Tensor

from overnight.bo_core.acquisition import SampledPath
from overnight.bo_core.acquisition.fantasies import conditioned
from overnight.bo_core.surrogate import Hyperparameters, LogPosterior, Posterior, Prior, TrainingData, fit
from overnight.bo_core.surrogate.errors import BatchShifts
from overnight.bo_core.surrogate.hyperparameters import errors_of_record, theta_of_record
from overnight.bo_core.surrogate.leave_one_out import errors_left_out

D, JITTER = 2, 1e-8
SIZES = (4, 3, 5, 1)


def membership() -> Tensor:
    return torch.repeat_interleave(torch.arange(len(SIZES)), torch.tensor(SIZES))


def in_batches(seed: int = 0, *, extra: bool = False) -> TrainingData:
    """Return arms in four batches, of which each of the first three begins with the same status quo."""
    generator, batches = torch.Generator().manual_seed(seed), membership()
    X = uniform(len(batches), D, seed + 1)
    X[[0, 4, 7]] = torch.tensor([0.2, 0.7], dtype=torch.float64)
    y = torch.randn(len(batches), generator=generator, dtype=torch.float64) + 3.0 * batches
    known = 0.02 + 0.1 * torch.rand(len(batches), generator=generator, dtype=torch.float64)
    return TrainingData.single(X, y, known, extra_noise=extra, errors=BatchShifts(batches))


def some_sets(count: int = 2, *, warped: bool = False) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    theta = torch.tensor([math.log(0.5)] * D + [math.log(0.05), math.log(2.0)] + [0.2] * (2 * D * warped))
    return theta + 0.3 * torch.randn(count, len(theta), generator=generator, dtype=torch.float64)


def sets_of(theta: Tensor) -> Hyperparameters:
    return Hyperparameters(theta, D, "matern52", JITTER, errors="batches")


def errors_by_the_textbook(data: TrainingData, theta: Tensor) -> np.ndarray:
    """Return the covariance of noise and shifts, for one θ [h]."""
    assert isinstance(data.errors, BatchShifts)
    Z = np.eye(int(data.errors.batches.max()) + 1)[data.errors.batches.numpy()]
    noise = (data.known + data.inferred * theta[D].exp()).numpy() + JITTER
    return np.diag(noise) + math.exp(theta[D + 1]) * Z @ Z.T


def covariance_by_the_textbook(data: TrainingData, theta: Tensor) -> np.ndarray:
    return _kernel(data.X, data.X, theta) + errors_by_the_textbook(data, theta)


def _kernel(A: Tensor, B: Tensor, theta: Tensor) -> np.ndarray:
    without_shift = torch.cat([theta[: D + 1], theta[D + 2 :]])
    return kernel_by_the_textbook("matern52", A, B, without_shift)


def mean_by_the_textbook(K: np.ndarray, y: Tensor) -> float:
    weights = np.linalg.solve(K, np.ones(len(K)))
    return float(weights @ y.numpy() / weights.sum())


@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("extra", [False, True])
def test_beliefs_are_those_of_a_dense_gaussian_whose_covariance_holds_the_shifts(warped: bool, extra: bool) -> None:
    data, theta, X = in_batches(extra=extra), some_sets(warped=warped), uniform(5, D, 9)
    posterior = Posterior.of(data, sets_of(theta))
    means, covariances = posterior.joint(X)
    at_data = posterior.means_at_data()
    low, high = posterior.bounds_at_data(2.0)
    for i, each in enumerate(theta):
        K, k = covariance_by_the_textbook(data, each), _kernel(X, data.X, each)
        m = mean_by_the_textbook(K, data.y)
        alpha = np.linalg.solve(K, data.y.numpy() - m)
        np.testing.assert_allclose(means[i], m + k @ alpha, rtol=0, atol=1e-10)
        expected = _kernel(X, X, each) - k @ np.linalg.solve(K, k.T)
        np.testing.assert_allclose(covariances[i], expected, rtol=0, atol=1e-10)
        prior = _kernel(data.X, data.X, each)
        np.testing.assert_allclose(at_data[i], m + prior @ alpha, rtol=0, atol=1e-9)
        sd = np.sqrt(np.diag(prior - prior @ np.linalg.solve(K, prior)))
        np.testing.assert_allclose((high[i] - low[i]) / 4.0, sd, rtol=1e-6)
        np.testing.assert_allclose((high[i] + low[i]) / 2.0, at_data[i], rtol=0, atol=1e-9)


@pytest.mark.parametrize("warped", [False, True])
def test_the_density_and_its_gradient_are_those_of_a_dense_gaussian(warped: bool) -> None:
    data, theta = in_batches(extra=True), some_sets(3, warped=warped)
    prior = Prior(D, warped=warped, errors="batches")
    density = LogPosterior(data, "matern52", prior, jitter=JITTER)
    value, gradient = density(theta.numpy())
    for found, each in zip(value, theta, strict=True):
        K = covariance_by_the_textbook(data, each)
        m = mean_by_the_textbook(K, data.y)
        expected = multivariate_normal.logpdf(data.y.numpy(), np.full(len(K), m), K)  # pyright: ignore
        expected += norm.logpdf(each.numpy(), prior.location, prior.spread).sum()
        assert found == pytest.approx(expected, abs=1e-9)
    expected = central_differences(lambda at: torch.from_numpy(density(at.numpy())[0]), theta, 1e-3)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("warped", [False, True])
def test_the_information_is_that_of_finite_differences_of_the_covariance(warped: bool) -> None:
    data, theta = in_batches(extra=True), some_sets(1, warped=warped)
    density = LogPosterior(data, "matern52", Prior(D, warped=warped, errors="batches"), jitter=JITTER)
    K_inverse = np.linalg.inv(covariance_by_the_textbook(data, theta[0]))
    changes = []
    for j in range(theta.shape[1]):
        e = torch.zeros_like(theta[0])
        e[j] = 1e-5
        up, down = (covariance_by_the_textbook(data, theta[0] + s * e) for s in (1.0, -1.0))
        changes.append(K_inverse @ (up - down) / 2e-5)
    expected = [[0.5 * np.trace(a @ b) for b in changes] for a in changes]
    np.testing.assert_allclose(density.information(theta), expected, rtol=1e-6, atol=1e-8)


def test_under_any_drift_differences_are_those_of_the_contrasts_with_the_first_arm_of_each_batch() -> None:
    data, X = in_batches(), uniform(4, D, 5)
    theta = some_sets(1)
    theta[:, D + 1] = math.log(1e7)
    mean, covariance = (found[0].numpy() for found in Posterior.of(data, sets_of(theta)).joint(X))

    C, start = [], 0
    for size in SIZES:
        C += [np.eye(sum(SIZES))[i] - np.eye(sum(SIZES))[start] for i in range(start + 1, start + size)]
        start += size
    C, noise = np.array(C), np.diag(data.known.numpy() + JITTER)
    scales = np.exp(theta[0, :D].numpy())
    k = correlation_by_the_textbook("matern52", np.linalg.norm((X[:, None] - data.X).numpy() / scales, axis=2))
    among = _kernel(data.X, data.X, theta[0])
    S, of_contrasts = C @ (among + noise) @ C.T, k @ C.T
    expected = of_contrasts @ np.linalg.solve(S, C @ data.y.numpy())
    left = _kernel(X, X, theta[0]) - of_contrasts @ np.linalg.solve(S, of_contrasts.T)
    to_first = np.eye(4)[1:] - np.eye(4)[0]
    np.testing.assert_allclose(to_first @ mean, to_first @ expected, atol=1e-5)
    np.testing.assert_allclose(to_first @ covariance @ to_first.T, to_first @ left @ to_first.T, atol=1e-5)


def test_a_vast_drift_of_a_batch_changes_no_difference() -> None:
    data, X, theta = in_batches(), uniform(3, D, 5), some_sets(1)
    theta[:, D + 1] = math.log(1e6)
    drifted = replace(data, y=data.y + 10.0 * torch.tensor([1.0, -2.0, 0.5, 4.0]).double()[membership()])
    before, after = (Posterior.of(each, sets_of(theta)).joint(X)[0][0] for each in (data, drifted))
    np.testing.assert_allclose(after - after[0], before - before[0], atol=1e-3)


def test_each_observation_is_predicted_by_a_model_that_never_saw_it_but_knows_its_batch() -> None:
    data, theta = in_batches(), some_sets(1)
    K = covariance_by_the_textbook(data, theta[0])
    m, found = mean_by_the_textbook(K, data.y), errors_left_out(Posterior.of(data, sets_of(theta)))[0]
    for i in range(len(K)):
        others = [j for j in range(len(K)) if j != i]
        weights = np.linalg.solve(K[np.ix_(others, others)], K[others, i])
        residual = float(data.y[i]) - m - weights @ (data.y.numpy()[others] - m)
        assert float(found[i]) == pytest.approx(residual / math.sqrt(K[i, i] - weights @ K[others, i]), abs=1e-8)


def test_outcomes_made_up_for_pending_points_belong_to_no_batch() -> None:
    data, theta, pending = in_batches(), some_sets(2), uniform(2, D, 4)
    posterior = Posterior.of(data, sets_of(theta))
    noise = torch.full((2, 2), 0.1, dtype=torch.float64)
    outcomes = torch.tensor([[[0.4, -1.0]], [[0.4, -1.0]]], dtype=torch.float64)
    found = conditioned(posterior, pending, outcomes, noise).as_posterior()
    everything, y = torch.cat([data.X, pending]), np.append(data.y.numpy(), [0.4, -1.0])
    for i, each in enumerate(theta):
        prior, n = _kernel(everything, everything, each), len(data.y)
        K = prior + 0.0
        K[:n, :n] += errors_by_the_textbook(data, each)
        K[n:, n:] += np.diag([0.1 + JITTER] * 2)
        m = mean_by_the_textbook(K[:n, :n], data.y)
        np.testing.assert_allclose(found.means_at_data()[i], m + prior @ np.linalg.solve(K, y - m), atol=1e-8)


def test_sampled_paths_have_the_moments_of_the_posterior() -> None:
    posterior, X = Posterior.of(in_batches(), sets_of(some_sets(1))), uniform(3, D, 7)
    values = torch.stack([SampledPath(posterior, seed, frequencies=512).value(X) for seed in range(800)])
    mean, sd = (found[0] for found in posterior.marginal(X))
    assert ((values.mean(0) - mean).abs() < 4.0 * sd / math.sqrt(800)).all()
    np.testing.assert_allclose(values.std(0), sd, rtol=0.12)


def test_the_variance_of_shifts_comes_back_from_its_record_to_the_last_bit() -> None:
    hyperparameters = sets_of(some_sets(2, warped=True))
    record = hyperparameters.as_record()
    assert errors_of_record(record) == "batches"
    assert len(record["log_batch_variance"]) == 2
    back = theta_of_record(record, D)
    assert back is not None
    assert torch.equal(back, hyperparameters.theta)


def test_a_record_without_batches_is_as_it_was() -> None:
    theta = torch.zeros(1, D + 1, dtype=torch.float64)
    record = Hyperparameters(theta, D, "matern52", JITTER).as_record()
    assert errors_of_record(record) is None
    assert set(record) == {"log_length_scales", "log_noise_variance"}


@pytest.mark.parametrize("drift", [0.0, 3.0])
def test_a_fit_finds_how_much_batches_drift(drift: float) -> None:
    generator = torch.Generator().manual_seed(8)
    batches = torch.arange(8).repeat_interleave(6)
    X = uniform(len(batches), D, 2)
    y = torch.sin(4.0 * X).sum(1) + 0.1 * torch.randn(len(batches), generator=generator, dtype=torch.float64)
    u = drift * torch.randn(8, generator=generator, dtype=torch.float64)
    data = TrainingData.single(X, y + u[batches], torch.full_like(y, 0.01), errors=BatchShifts(batches))
    found = fit(data, "matern52", Prior(D, errors="batches"), torch.Generator().manual_seed(0))
    variance = math.exp(found.theta[D + 1])
    if drift:
        assert float(u.var()) / 2.0 < variance < 2.0 * float(u.var())
    else:
        assert variance < 0.05
