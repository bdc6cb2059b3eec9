import numpy as np
import pytest
import torch
from one_metric import average, joint_draws
from surrogate_cases import uniform
from told_posteriors import a_posterior, prior_covariance

from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.acquisition.fantasies import conditioned, fantasize
from overnight.bo_core.surrogate import KernelName

X_NEW = uniform(5, 3, 9)


@pytest.mark.parametrize("kernel", ["matern52", "rbf"])
def test_beliefs_after_a_fantasy_are_those_of_all_data_solved_anew(kernel: KernelName) -> None:
    posterior, pending = a_posterior(kernel=kernel), uniform(4, 3, 1)
    fantasies = fantasize(posterior, pending, 6, seed=0)
    mean, sd = fantasies.marginal(X_NEW)
    known = torch.cat([uniform(20, 3, 20), pending])
    for m, scales in enumerate(posterior.hyperparameters.length_scales):
        K = prior_covariance(kernel, known, known, scales) + np.diag(fantasies.noise[m])
        gain = np.linalg.solve(K, prior_covariance(kernel, known, X_NEW, scales)).T
        variance = 1.0 - np.sum(gain * prior_covariance(kernel, X_NEW, known, scales), axis=1)
        np.testing.assert_allclose(sd[m], np.sqrt(variance), rtol=0, atol=1e-8)
        for f in range(6):
            y = torch.cat([posterior.y, fantasies.outcomes[m, f]]).numpy()
            expected = float(posterior.mean[m]) + gain @ (y - float(posterior.mean[m]))
            np.testing.assert_allclose(mean[m, f], expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("warped", [False, True])
def test_fantasies_as_sets_of_a_posterior_believe_the_same(warped: bool) -> None:
    fantasies = fantasize(a_posterior(warped=warped), uniform(4, 3, 1), 6, seed=0)
    mean, sd = fantasies.marginal(X_NEW)
    as_sets = fantasies.as_posterior()
    assert (as_sets.set_count, as_sets.n) == (12, 24)
    torch.testing.assert_close(as_sets.marginal(X_NEW), (mean.flatten(0, 1), sd.repeat_interleave(6, 0)))
    low, high = as_sets.bounds_at_data(1.0)
    assert low.shape == high.shape == (12, 24)


def test_averaging_noisy_expected_improvement_over_fantasies_is_drawing_jointly() -> None:
    posterior, pending, pool = a_posterior(sets=1, noise=0.1), uniform(3, 3, 1), uniform(50, 3, 2)
    points, utility = torch.cat([uniform(20, 3, 20), pending]), LogExpectedImprovement()
    together = average(joint_draws(posterior, points, 16_384, more=1, seed=1), utility).value(pool)
    best = together.argsort(descending=True)[:8]
    fantasies = fantasize(posterior, pending, 512, seed=2).as_posterior()
    averaged = average(joint_draws(fantasies, points, 32, more=1, seed=3), utility).value(pool[best])
    torch.testing.assert_close(averaged, together[best], rtol=0.0, atol=0.02)


def test_fantasies_are_outcomes_as_the_beliefs_and_the_noise_say() -> None:
    posterior, pending = a_posterior(sets=2), uniform(3, 3, 1)
    noise = torch.tensor([[0.3, 0.2, 0.0]] * 2, dtype=torch.float64)
    outcomes = fantasize(posterior, pending, 4096, seed=2, noise=noise).outcomes
    mean, covariance = posterior.joint(pending)
    torch.testing.assert_close(outcomes.mean(1), mean, rtol=0.0, atol=2e-3)
    for m in range(2):
        torch.testing.assert_close(outcomes[m].mT.cov(), covariance[m] + noise[m].diag(), rtol=0.0, atol=0.01)


def test_believing_the_mean_moves_no_mean() -> None:
    posterior, pending = a_posterior(), uniform(3, 3, 1)
    believed = conditioned(posterior, pending, posterior.marginal(pending)[0].unsqueeze(1))
    mean, sd = believed.marginal(X_NEW)
    before, sd_before = posterior.marginal(X_NEW)
    torch.testing.assert_close(mean.squeeze(1), before)
    assert bool((sd < sd_before).all())


def test_a_pending_point_on_top_of_an_exact_observation_leaves_the_factor_regular() -> None:
    posterior = a_posterior()
    fantasies = fantasize(posterior, uniform(20, 3, 20)[:1].repeat(2, 1), 4, seed=0, noise=torch.zeros(2, 2).double())
    assert bool(torch.isfinite(fantasies.marginal(X_NEW)[0]).all())


def test_fantasies_can_be_had_of_fantasies() -> None:
    posterior, pending = a_posterior(), uniform(4, 3, 1)
    at_once = fantasize(posterior, pending, 1, seed=0)
    first = conditioned(posterior, pending[:2], at_once.outcomes[:, :, :2]).as_posterior()
    then = conditioned(first, pending[2:], at_once.outcomes[:, :, 2:]).as_posterior()
    torch.testing.assert_close(then.marginal(X_NEW), at_once.as_posterior().marginal(X_NEW))
    assert then.y.shape == (2, 24)


def test_nothing_pending_changes_nothing() -> None:
    posterior = a_posterior()
    mean, sd = fantasize(posterior, X_NEW[:0], 3, seed=0).marginal(X_NEW)
    before, sd_before = posterior.marginal(X_NEW)
    torch.testing.assert_close(mean, before.unsqueeze(1).expand(-1, 3, -1))
    torch.testing.assert_close(sd, sd_before)
