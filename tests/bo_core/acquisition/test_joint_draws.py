import itertools
import math
from dataclasses import replace

import gpytorch
import mpmath
import numpy as np
import pytest
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.models.gpytorch import GPyTorchModel
from botorch.sampling.normal import SobolQMCNormalSampler
from one_metric import average, best, drawn, joint_draws
from surrogate_cases import KERNELS, central_differences, kernel_by_the_textbook, one_set, some_theta, uniform
from torch import Tensor

from overnight.bo_core.acquisition import Evaluated, Utility, could_be_best
from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.surrogate import Hyperparameters, KernelName, Posterior, TrainingData
from overnight.bo_core.surrogate.gaussian_process import GaussianProcess

UTILITY = LogExpectedImprovement()


class BotorchModel(GaussianProcess, GPyTorchModel):
    """Our model built from gpytorch's parts, in the form that BoTorch expects."""

    _num_outputs = 1


class Listener:
    """A utility that keeps its arguments."""

    logarithmic = True
    mean: Tensor
    sd: Tensor
    best: Tensor

    def evaluate(self, mean: Tensor, sd: Tensor, best: Tensor) -> Evaluated:
        self.mean, self.sd, self.best = mean, sd, best
        return Evaluated(mean, torch.ones_like(mean), torch.zeros_like(mean))


class MeanSquare:
    """The mean square of a candidate: a utility that is not a logarithm."""

    logarithmic = False

    def evaluate(self, mean: Tensor, sd: Tensor, best: Tensor) -> Evaluated:
        del best
        return Evaluated(mean**2 + sd**2, 2.0 * mean, (2.0 * sd).expand_as(mean))


def observations(n: int, d: int, noise: float) -> TrainingData:
    generator = torch.Generator().manual_seed(0)
    X = torch.rand(n, d, generator=generator, dtype=torch.float64)
    y = -((X - 0.4) ** 2).sum(1) + noise * torch.randn(n, generator=generator, dtype=torch.float64) * 0.3
    return TrainingData.of(X, (y - y.mean()) / y.std(), torch.full((n,), torch.nan))


def situation(n: int = 40, d: int = 3, noise: float = 0.1) -> tuple[TrainingData, Hyperparameters]:
    return observations(n, d, noise), one_set([0.8] * d, noise)


def three_sets(d: int, kernel: KernelName, *, warped: bool) -> Hyperparameters:
    return Hyperparameters(some_theta(d, 3, warped=warped), d, kernel, 1e-8)


@pytest.mark.parametrize(("n", "noise"), [(40, 0.1), (12, 0.5)])
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_value_is_that_of_noisy_expected_improvement_with_pending_points(
    n: int, noise: float, kernel: KernelName
) -> None:
    data, hyperparameters = situation(n=n, noise=noise)
    hyperparameters = replace(hyperparameters, kernel=kernel)
    posterior, pending = Posterior.of(data, hyperparameters), uniform(3, 3, 5)
    draws = joint_draws(posterior, torch.cat([data.X, pending]), 8192, more=1, seed=3)
    pool = uniform(400, 3, 6)
    values = average(draws, UTILITY).value(pool)
    highest = values.argsort(descending=True)[:8]

    model = BotorchModel(data, hyperparameters).eval()
    with torch.no_grad(), gpytorch.settings.fast_computations(False, False, False):
        oracle = qLogNoisyExpectedImprovement(
            model,
            X_baseline=data.X,
            sampler=SobolQMCNormalSampler(torch.Size([16_384]), seed=1),
            X_pending=pending,
            prune_baseline=False,
            tau_max=1e-4,
            tau_relu=1e-8,
        )
        expected = oracle(pool[highest].unsqueeze(1))
    torch.testing.assert_close(values[highest], expected, rtol=0.0, atol=0.01)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("utility", [UTILITY, MeanSquare()])
def test_the_gradient_is_that_of_finite_differences(kernel: KernelName, warped: bool, utility: Utility) -> None:
    data = observations(40, 4, 0.1)
    posterior = Posterior.of(data, three_sets(4, kernel, warped=warped))
    draws = joint_draws(posterior, torch.cat([data.X[:6], uniform(2, 4, 1)]), 64, more=2, seed=3)
    draws.add(uniform(1, 4, 2)[0])
    X = 0.02 + 0.96 * uniform(7, 4, 4)
    value, gradient = average(draws, utility).value_and_gradient(X)
    torch.testing.assert_close(value, average(draws, utility).value(X))
    numeric = central_differences(lambda x: average(draws, utility).value(x), X, 1e-4)
    torch.testing.assert_close(gradient, numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("warped", [False, True])
def test_the_value_over_sets_is_the_logarithm_of_the_mean_over_the_sets(kernel: KernelName, warped: bool) -> None:
    data, X = observations(30, 3, 0.2), uniform(20, 3, 2)
    together, points = three_sets(3, kernel, warped=warped), torch.cat([data.X, uniform(2, 3, 1)])
    found = average(joint_draws(Posterior.of(data, together), points, 64, more=1, seed=3), UTILITY).value(X)
    values = []
    for i, theta in enumerate(together.theta):
        # Three sets share one sequence of draws; the i-th set uses the i-th run of it.
        alone = joint_draws(Posterior.of(data, replace(together, theta=theta[None])), points, 3 * 64, more=1, seed=3)
        heard, run = Listener(), slice(64 * i, 64 * (i + 1))
        average(alone, heard).value(X)
        values.append(UTILITY.evaluate(heard.mean[:, :, run], heard.sd, heard.best[:, :, run]).value[0])
    expected = torch.cat(values, 1).logsumexp(1) - math.log(3 * 64)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


def test_three_sets_that_are_the_same_are_one_set_with_three_times_the_draws() -> None:
    data, hyperparameters = situation()
    thrice = replace(hyperparameters, theta=hyperparameters.theta.repeat(3, 1))
    X, points = uniform(20, 3, 1), data.X[:6]
    found = average(joint_draws(Posterior.of(data, thrice), points, 64, more=1, seed=3), UTILITY).value(X)
    expected = average(joint_draws(Posterior.of(data, hyperparameters), points, 192, more=1, seed=3), UTILITY).value(X)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("M", [1, 3])
def test_adding_a_point_is_drawing_it_from_the_start(M: int) -> None:
    data, hyperparameters = situation()
    if M == 3:
        hyperparameters = three_sets(3, "matern52", warped=True)
    posterior, points, chosen, X = Posterior.of(data, hyperparameters), data.X[:5], uniform(2, 3, 8), uniform(20, 3, 9)
    grown = joint_draws(posterior, points, 128, more=2, seed=3)
    for x in chosen:
        grown.add(x)
    whole = joint_draws(posterior, torch.cat([points, chosen]), 128, more=0, seed=3)
    torch.testing.assert_close(average(grown, UTILITY).value(X), average(whole, UTILITY).value(X), rtol=0.0, atol=1e-5)
    torch.testing.assert_close(best(grown), best(whole), rtol=0.0, atol=1e-6)


def test_a_candidate_given_a_draw_is_the_dense_conditional_gaussian() -> None:
    data, hyperparameters = situation(n=12)
    posterior, theta = Posterior.of(data, hyperparameters), hyperparameters.theta[0]
    points, X = uniform(4, 3, 1), uniform(5, 3, 2)
    draws = joint_draws(posterior, points, 16, more=1, seed=3)
    mean, covariance = (part[0] for part in posterior.joint(points))
    C = torch.linalg.cholesky(covariance + draws.jitter * torch.eye(4, dtype=torch.float64))
    f = (mean[:, None] + C @ drawn(draws).normals[0, :, :4].mT).numpy()

    def by_the_textbook(A: Tensor, B: Tensor) -> np.ndarray:
        return kernel_by_the_textbook("matern52", A, B, theta)

    # Noisy observations and noiseless draws form one vector of known values.
    known = torch.cat([data.X, points])
    K = by_the_textbook(known, known) + np.diag([0.1] * 12 + [draws.jitter] * 4)
    gain = np.linalg.solve(K, by_the_textbook(known, X)).T
    values = np.vstack([np.tile(data.y.numpy()[:, None], (1, 16)), f]) - float(posterior.mean)
    expected_sd = np.sqrt(1.0 - np.sum(gain * by_the_textbook(X, known), axis=1))

    heard = Listener()
    average(draws, heard).value(X)
    np.testing.assert_allclose(heard.mean[0], float(posterior.mean) + gain @ values, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(heard.sd[0, :, 0], expected_sd, rtol=1e-8)
    np.testing.assert_allclose(heard.best[0, 0], f.max(0))


def test_without_noise_the_standard_deviation_keeps_its_digits_beside_what_is_known() -> None:
    X = uniform(12, 2, 0)
    data = TrainingData.of(X, (X.sum(1) - X.sum(1).mean()) / X.sum(1).std(), torch.zeros(12))
    points = torch.cat([uniform(3, 2, 1), X[:2]])
    draws = joint_draws(Posterior.of(data, one_set([2.0, 2.0], 0.01, 1e-8)), points, 16, more=1, seed=3)
    candidates = torch.cat([uniform(2, 2, 2), points[:2], points[:2] + 1e-5, X[4:5]])
    heard = Listener()
    average(draws, heard).value(candidates)

    known = torch.cat([X, points]).tolist()
    with mpmath.workdps(50):
        K = matern_in_many_digits(known, known) + mpmath.diag([1e-8] * 12 + [draws.jitter] * 5)
        k = matern_in_many_digits(known, candidates.tolist())
        exact = [mpmath.sqrt(1 - (k[:, j].T * mpmath.lu_solve(K, k[:, j]))[0]) for j in range(len(candidates))]
    np.testing.assert_allclose(heard.sd[0, :, 0], [float(sd) for sd in exact], rtol=1e-3)


def matern_in_many_digits(A: list[list[float]], B: list[list[float]]) -> mpmath.matrix:
    def k(a: list[float], b: list[float]) -> mpmath.mpf:
        r = mpmath.sqrt(5 * sum(((mpmath.mpf(x) - y) / 2) ** 2 for x, y in zip(a, b, strict=True)))
        return (1 + r + r**2 / 3) * mpmath.exp(-r)

    return mpmath.matrix([[k(a, b) for b in B] for a in A])


def test_draws_have_the_posteriors_mean_and_covariance_at_every_point() -> None:
    data, hyperparameters = situation()
    posterior, points = Posterior.of(data, hyperparameters), uniform(3, 3, 1)
    draws = joint_draws(posterior, points, 8192, more=1, seed=3)
    assert drawn(draws).normals[0].mean(0).abs().max() < 1e-3
    torch.testing.assert_close(drawn(draws).normals[0].mT.cov(), torch.eye(4, dtype=torch.float64), rtol=0.0, atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("sets", "approval"), [(1, 0.0), (1, 0.3), (1, 0.75), (1, 1.0), (3, 0.3), (3, 0.75)])
def test_parked_points_count_as_in_the_mixture_of_what_people_may_decide(approval: float, sets: int) -> None:
    data = observations(20, 3, 0.1)
    hyperparameters = three_sets(3, "matern52", warped=False)
    posterior = Posterior.of(data, replace(hyperparameters, theta=hyperparameters.theta[:sets]))
    pool, pending = uniform(300, 3, 6), uniform(1, 3, 5)
    certain = torch.cat([data.X, pending])
    # Two of the most promising points; others in the pool are as promising.
    parked = pool[average(joint_draws(posterior, certain, 256, more=0, seed=3), UTILITY).value(pool).argsort()[-20::10]]
    found = joint_draws(posterior, torch.cat([certain, parked]), 4096, more=0, seed=3, parked=2, approval=approval)

    expected = torch.zeros(300, dtype=torch.float64)
    for approved in itertools.product([False, True], repeat=2):
        # Rejected points are not drawn at all.
        points = torch.cat([certain, parked[list(approved)]])
        gain = average(joint_draws(posterior, points, 4096, more=0, seed=4), UTILITY).value(pool).exp()
        expected += math.prod(approval if yes else 1.0 - approval for yes in approved) * gain
    torch.testing.assert_close(
        average(found, UTILITY).value(pool).exp(), expected, rtol=0.0, atol=0.01 * float(expected.max())
    )


@pytest.mark.parametrize("approval", [0.0, 0.25, 2 / 3, 1.0])
def test_a_parked_point_counts_in_its_share_of_draws_and_all_others_in_every_one(approval: float) -> None:
    data, hyperparameters = situation(n=12, noise=0.5)
    posterior, points, heard = Posterior.of(data, hyperparameters), uniform(4, 3, 1), Listener()
    alone = joint_draws(posterior, points[:1], 128, more=0, seed=3, parked=1, approval=approval)
    average(alone, heard).value(points[:1])
    assert float(heard.best.isfinite().double().mean()) == pytest.approx(approval, abs=1 / 128)

    draws = joint_draws(posterior, points, 128, more=0, seed=3, parked=1, approval=approval)
    average(draws, heard).value(points[:1])
    mean, covariance = (part[0] for part in posterior.joint(points))
    C = torch.linalg.cholesky(covariance + draws.jitter * torch.eye(4, dtype=torch.float64))
    f = mean[:, None] + C @ drawn(draws).normals[0].mT
    counts = heard.best[0, 0] > f[:3].amax(0) + 1e-9
    assert bool((heard.best[0, 0] >= f[:3].amax(0) - 1e-9).all())
    torch.testing.assert_close(heard.best[0, 0][counts], f[3][counts])
    # In some draws it exceeds all others.
    assert bool((f[3] > f[:3].amax(0)).any())
    assert bool(counts.any()) == (approval > 0.0)


def test_little_is_expected_at_a_point_that_is_drawn_already() -> None:
    data, hyperparameters = situation()
    posterior = Posterior.of(data, hyperparameters)
    pool = uniform(500, 3, 1)
    without = joint_draws(posterior, data.X, 256, more=1, seed=3)
    x = pool[average(without, UTILITY).value(pool).argmax()][None]
    with_it = joint_draws(posterior, torch.cat([data.X, x]), 256, more=0, seed=3)
    assert float(average(with_it, UTILITY).value(x)) < float(average(without, UTILITY).value(x)) - 5.0


def test_points_without_a_chance_are_not_drawn_and_the_best_are() -> None:
    data, hyperparameters = situation(n=60, noise=0.05)
    posterior = Posterior.of(data, hyperparameters)
    kept = could_be_best(posterior, data.X, torch.Generator().manual_seed(0))
    mean, sd = (part[0] for part in posterior.marginal(data.X))
    assert int(mean.argmax()) in kept.tolist()
    assert 1 <= len(kept) < 60
    assert int((mean + 2 * sd).argmin()) not in kept.tolist()


def test_leaving_out_points_without_a_chance_changes_the_value_little() -> None:
    data, hyperparameters = situation(noise=0.1)
    posterior, pool = Posterior.of(data, hyperparameters), uniform(300, 3, 1)
    kept = could_be_best(posterior, data.X, torch.Generator().manual_seed(0))
    all_drawn = average(joint_draws(posterior, data.X, 8192, more=1, seed=3), UTILITY).value(pool)
    few_drawn = average(joint_draws(posterior, data.X[kept], 8192, more=1, seed=3), UTILITY).value(pool)
    highest = all_drawn.argsort(descending=True)[:8]
    torch.testing.assert_close(all_drawn[highest], few_drawn[highest], rtol=0.0, atol=0.01)


@pytest.mark.parametrize("noise", [0.02, 0.5])
def test_who_could_be_best_is_ordered_by_how_often_it_is_and_misses_nobody_who_often_is(noise: float) -> None:
    data = observations(40, 3, noise)
    posterior = Posterior.of(data, three_sets(3, "matern52", warped=False))
    kept = could_be_best(posterior, data.X, torch.Generator().manual_seed(0))
    mean, covariance = posterior.joint(data.X)
    L = torch.linalg.cholesky(covariance + 1e-8 * torch.eye(40, dtype=torch.float64))
    normals = torch.randn(3, 40, 20_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    often = torch.bincount((mean.unsqueeze(2) + L @ normals).argmax(1).flatten(), minlength=40) / 60_000
    assert set(torch.nonzero(often > 0.01).flatten().tolist()) <= set(kept.tolist())
    # A thousand samples distinguish shares that differ by 3 %.
    shares = often[kept]
    assert bool((shares.cummin(0).values >= shares - 0.05).all())
