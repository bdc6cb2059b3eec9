import pytest
import torch
from surrogate_cases import central_differences, uniform
from told_campaigns import MODEL, campaign_of, cube, distance, told
from told_posteriors import a_posterior

from overnight.bo_core.acquisition import SampledPath
from overnight.bo_core.propose import propose
from overnight.bo_core.surrogate import KernelName


@pytest.mark.parametrize("kernel", ["matern52", "rbf"])
def test_many_paths_have_the_posteriors_mean_and_covariance(kernel: KernelName) -> None:
    posterior, X = a_posterior(n=12, sets=1, kernel=kernel), uniform(6, 3, 7)
    paths = torch.stack([SampledPath(posterior, seed, frequencies=256).value(X) for seed in range(1500)])
    mean, covariance = posterior.joint(X)
    sd = covariance[0].diagonal().sqrt()
    # Four standard errors of 1500 paths.
    assert ((paths.mean(0) - mean[0]).abs() / sd).max() < 4 / 1500**0.5
    scale = sd[:, None] * sd
    assert ((paths.mT.cov() - covariance[0]).abs() / scale).max() < 0.15


@pytest.mark.parametrize("warped", [False, True])
def test_the_gradient_of_a_path_is_that_of_finite_differences(warped: bool) -> None:
    posterior, X = a_posterior(warped=warped), uniform(8, 3, 4)
    for seed in range(3):
        path = SampledPath(posterior, seed)
        value, gradient = path.value_and_gradient(X)
        torch.testing.assert_close(value, path.value(X))
        torch.testing.assert_close(gradient, central_differences(path.value, X, 1e-5), rtol=1e-6, atol=1e-6)


def test_a_path_goes_by_the_observations_as_closely_as_their_noise_allows() -> None:
    posterior, X = a_posterior(sets=1, noise=1e-6), uniform(20, 3, 20)
    for seed in range(3):
        torch.testing.assert_close(SampledPath(posterior, seed).value(X), posterior.y, rtol=0.0, atol=6e-3)


def test_paths_take_turns_among_the_sets_of_hyperparameters() -> None:
    posterior = a_posterior(sets=4)
    members = [SampledPath(posterior, seed, frequencies=8).member for seed in range(40)]
    assert set(members) == {0, 1, 2, 3}


def test_each_point_of_a_batch_follows_a_path_of_its_own() -> None:
    campaign = campaign_of(cube(2))
    proposer = MODEL.model_copy(update={"acquisition": "thompson_sampling", "replication": "never"})
    batch = [p.point for p in propose(campaign, told(campaign, 8, noise=0.3), proposer, 3)]
    assert min(distance(a, b) for i, a in enumerate(batch) for b in batch[:i]) > 0.01
